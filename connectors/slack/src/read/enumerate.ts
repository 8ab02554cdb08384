import { createHash } from "node:crypto";
import type { SourceContext } from "@hansard/core";
import type { ExportSettings } from "../schema.ts";
import { ELEMENT_LIMITS } from "./element-reading.ts";
import { ElementScanner } from "./elements.ts";
import { parseElement, type Place, toEvent } from "./events.ts";
import { isExcluded } from "./exclude.ts";
import type { OpenedExport } from "./export.ts";
import { DamagedFileError, type ExportFiles, type Member } from "./export-files.ts";
import { isClutter, isRoot, isWholeFile } from "./root-files.ts";
import { unnamedUploads } from "./unnamed-uploads.ts";
import { wholeFileEvent } from "./whole-file.ts";
import type { SourceFile } from "./workspaces.ts";

interface Key {
  key: string;
  version?: string;
}

/** Walks all files for keys alone. What cannot be read has no id; reading declares it as a gap. */
export async function* enumerateExport(
  { files, catalogue }: OpenedExport,
  { settings, startedAt, signal }: SourceContext<ExportSettings>,
): AsyncGenerator<Key> {
  const uploads = await unnamedUploads(files, catalogue, signal);
  for (const place of catalogue.conversations.values()) {
    if (isExcluded(settings, place)) continue;
    const unnamed = isRoot(place) ? uploads.map(({ name, sources }): [string, SourceFile[]] => [name, sources]) : [];
    for (const [unit, sources] of [...place.units, ...unnamed]) {
      if (isClutter(place, unit)) continue;
      const enumerateFile = isWholeFile(place, unit) ? enumerateWhole : enumerateElements;
      for (const { member } of sources) {
        signal.throwIfAborted();
        try {
          yield* enumerateFile(files, member, { conversation: place.conversation.id, unit, startedAt });
        } catch (error) {
          if (!(error instanceof DamagedFileError)) throw error;
        }
      }
    }
  }
}

async function* enumerateElements(files: ExportFiles, member: Member, place: Place): AsyncGenerator<Key> {
  const scanner = new ElementScanner(ELEMENT_LIMITS);
  for await (const chunk of files.read(member)) {
    for (const element of scanner.push(chunk)) {
      const parsed = "bytes" in element ? parseElement(element.bytes) : undefined;
      if (parsed && "data" in parsed) yield keyOf(toEvent(parsed.data, place));
    }
  }
}

async function* enumerateWhole(files: ExportFiles, member: Member, place: Place): AsyncGenerator<Key> {
  const hash = createHash("sha256");
  for await (const chunk of files.read(member)) hash.update(chunk);
  yield keyOf(wholeFileEvent(place.conversation, place.unit, hash.digest("hex"), place.startedAt));
}

function keyOf({ key, version }: Key): Key {
  return version === undefined ? { key } : { key, version };
}
