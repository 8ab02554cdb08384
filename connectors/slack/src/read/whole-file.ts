import type { ReadDay } from "../schema.ts";
import { addEvent, type Unit, type UnitContext, type UnitReading } from "./element-reading.ts";
import type { SlackEvent } from "./events.ts";
import { DamagedFileError } from "./export-files.ts";
import { FileBooks } from "./file-books.ts";
import { SeenMessages } from "./seen-messages.ts";
import type { UnitResult } from "./unit.ts";
import type { SourceFile } from "./workspaces.ts";

/** Archives a file of the export of which nobody says what it holds: as it is, attached to an event of its own. */
export async function readWholeFile(unit: Unit, context: UnitContext): Promise<UnitResult> {
  const reading: UnitReading = { ...context, unit, seen: new SeenMessages(), reactions: {}, missing: [], changes: 0 };
  const gaps: string[] = [];
  for (const source of unit.sources) {
    const books = new FileBooks(source.label + unit.claimSuffix, reading.page);
    const problem = await store(reading, books, source);
    if (problem !== undefined) books.declareGap("file", `The file ${problem}`, 1);
    books.write();
    gaps.push(...books.gaps);
  }
  const day: Omit<ReadDay, "sha256"> = gaps.length > 0 ? { gaps } : {};
  return { seen: reading.seen, day };
}

/** What keeps the file from being archived, if anything does. */
async function store(reading: UnitReading, books: FileBooks, { member }: SourceFile): Promise<string | undefined> {
  const { files, unit, conversation, startedAt, seen } = reading;
  const maxBytes = files.settings.maxFileBytes;
  if (member.size > maxBytes) return `has ${member.size} bytes, and the settings allow ${maxBytes}`;
  try {
    const blob = await files.blobs.put(files.files.read(member), { maxBytes });
    if (seen.has(blob.sha256)) {
      books.countRepetition();
      return undefined;
    }
    seen.add(blob.sha256, 0);
    books.countEvent();
    const name = unit.name.slice(unit.name.lastIndexOf("/") + 1);
    const event = wholeFileEvent(conversation, unit.name, blob.sha256, startedAt);
    await addEvent(reading, { ...event, attachments: [{ id: unit.name, name, blob }] }, books.claim, 0);
    return undefined;
  } catch (error) {
    if (!(error instanceof DamagedFileError)) throw error;
    return error.message;
  }
}

/** Another content is another version of the file. */
export function wholeFileEvent(conversation: string, path: string, sha256: string, startedAt: Date): SlackEvent {
  return {
    type: "Other",
    key: `${conversation}:${path}`,
    version: sha256.slice(0, 16),
    occurredAt: startedAt.toISOString(),
    data: { type: "export_file", path, sha256 },
  };
}
