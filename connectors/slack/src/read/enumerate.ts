import type { SourceContext } from "@hansard/core";
import type { ExportSettings } from "../schema.ts";
import { ElementScanner } from "./elements.ts";
import { parseElement, toEvent } from "./events.ts";
import { isExcluded } from "./exclude.ts";
import type { OpenedExport } from "./export.ts";
import { DamagedFileError } from "./export-files.ts";
import { ELEMENT_LIMITS } from "./element-reading.ts";

/** Walks all day files for keys alone. What cannot be read has no id; reading declares it as a gap. */
export async function* enumerateExport(
  { files, catalogue }: OpenedExport,
  { settings, startedAt, signal }: SourceContext<ExportSettings>,
): AsyncGenerator<{ key: string; version?: string }> {
  for (const place of catalogue.conversations.values()) {
    if (isExcluded(settings, place)) continue;
    for (const [unit, sources] of place.units) {
      for (const { member } of sources) {
        const scanner = new ElementScanner(ELEMENT_LIMITS);
        try {
          for await (const chunk of files.read(member)) {
            signal.throwIfAborted();
            for (const element of scanner.push(chunk)) {
              const parsed = "bytes" in element ? parseElement(element.bytes) : undefined;
              if (!parsed || "problem" in parsed) continue;
              const { key, version } = toEvent(parsed.data, { conversation: place.conversation.id, unit, startedAt });
              yield version === undefined ? { key } : { key, version };
            }
          }
        } catch (error) {
          if (!(error instanceof DamagedFileError)) throw error;
        }
      }
    }
  }
}
