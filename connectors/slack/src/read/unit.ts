import type { ReadDay } from "../schema.ts";
import {
  changesClaim,
  ELEMENT_LIMITS,
  readElement,
  type Unit,
  type UnitContext,
  type UnitReading,
} from "./element-reading.ts";
import { ElementScanner } from "./elements.ts";
import { DamagedFileError, type Member } from "./export-files.ts";
import { FileBooks } from "./file-books.ts";
import { SeenMessages } from "./seen-messages.ts";

/** What is known of a unit once it is read. */
export interface UnitResult {
  seen: SeenMessages;
  day: Omit<ReadDay, "sha256">;
}

/** Reads a unit into the page, and stops wherever the page is full so that the caller can hand it over. */
export async function* readUnit(unit: Unit, context: UnitContext): AsyncGenerator<"full", UnitResult> {
  const reading: UnitReading = { ...context, unit, seen: new SeenMessages(), reactions: {}, missing: [], changes: 0 };
  const gaps: string[] = [];
  for (const { label, member } of unit.sources) {
    const books = new FileBooks(label + unit.claimSuffix, reading.page);
    yield* readFile(reading, books, member);
    gaps.push(...books.gaps);
  }
  if (reading.changes > 0) reading.page.claim({ id: changesClaim(unit), events: reading.changes });
  return { seen: reading.seen, day: dayOf(reading, gaps) };
}

async function* readFile(reading: UnitReading, books: FileBooks, member: Member): AsyncGenerator<"full", void> {
  const { page, files, unit } = reading;
  const scanner = new ElementScanner(ELEMENT_LIMITS);
  try {
    for await (const chunk of files.files.read(member)) {
      for (const element of scanner.push(chunk)) {
        const fetching = readElement(reading, books, element);
        if (fetching) await fetching;
        if (!page.isFull) continue;
        books.write();
        if (reading.changes > 0) page.claim({ id: changesClaim(unit), events: reading.changes });
        files.signal.throwIfAborted();
        yield "full";
      }
    }
    for (const element of scanner.end()) await readElement(reading, books, element);
  } catch (error) {
    if (!(error instanceof DamagedFileError)) throw error;
    books.declareDamage(scanner, error);
  }
  books.write();
}

function dayOf({ seen, reactions, missing }: UnitReading, gaps: string[]): UnitResult["day"] {
  return {
    ...seen.span,
    ...(Object.keys(reactions).length > 0 && { reactions }),
    ...(gaps.length > 0 && { gaps }),
    ...(missing.length > 0 && { missing }),
  };
}
