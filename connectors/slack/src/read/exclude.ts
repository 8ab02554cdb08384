import type { Settings } from "../schema.ts";
import { ElementScanner } from "./elements.ts";
import { DamagedFileError } from "./export-files.ts";
import type { UnitContext } from "./element-reading.ts";
import type { PageDraft } from "./page.ts";
import type { ConversationFiles, SourceFile } from "./workspaces.ts";

export function isExcluded({ excludeChannels }: Settings, { conversation: { id, name } }: ConversationFiles): boolean {
  return excludeChannels.some((channel) => channel === id || channel.replace(/^#/, "") === name);
}

/** Counts what is left out, so that the books balance. Nothing of it is parsed or kept. */
export async function excludeFile(
  { member, label }: SourceFile,
  claimSuffix: string,
  { conversation }: ConversationFiles,
  { page, files }: UnitContext,
): Promise<void> {
  const claim = label + claimSuffix;
  const scanner = new ElementScanner({ maxBytes: 0, maxDepth: 0 });
  let events = 0;
  try {
    for await (const chunk of files.files.read(member)) events += scanner.push(chunk).length;
    events += scanner.end().length;
  } catch (error) {
    if (!(error instanceof DamagedFileError)) throw error;
    events += 1;
  }
  page.claim({ id: claim, events });
  page.exclude({
    id: claim,
    reason: `The settings exclude the conversation "${conversation.name}" (${conversation.id}).`,
    events,
    claim,
  });
}

/** Counts the files that a computer added to the export. They are no part of what Slack exported. */
export function excludeClutter(sources: SourceFile[], claimSuffix: string, page: PageDraft): void {
  for (const { label } of sources) {
    const claim = label + claimSuffix;
    page.claim({ id: claim, events: 1 });
    page.exclude({ id: claim, reason: "A computer added it to the export for its own use.", events: 1, claim });
  }
}
