import { isUtf8 } from "node:buffer";
import { crc32 } from "node:zlib";
import type { ReadDay } from "../schema.ts";
import { describedFiles } from "./attachments.ts";
import { asEditIfKnown, type KnownMessages, reactionChange } from "./changes.ts";
import type { Element } from "./elements.ts";
import { addFiles, addLateFiles, type FileSource } from "./export-attachments.ts";
import { asVariant, parseElement, reactionState, type SlackEvent, toEvent } from "./events.ts";
import type { FileBooks } from "./file-books.ts";
import type { PageDraft } from "./page.ts";
import type { SeenMessages } from "./seen-messages.ts";
import { isTimestamp, secondsOf } from "./timestamp.ts";
import type { SourceFile } from "./workspaces.ts";

/** One day of a conversation, or another file of its folder, on its way into pages. */
export interface Unit {
  name: string;
  sources: SourceFile[];
  /** Stands after the name of a claim when the day was read before: each version of a file is claimed for itself. */
  claimSuffix: string;
  before: ReadDay | undefined;
  /** What the journal holds of it from an earlier export. */
  known: KnownMessages;
  /** The gaps of files that an earlier export did not give. */
  missing: ReadonlySet<string>;
}

export interface UnitContext {
  conversation: string;
  startedAt: Date;
  page: PageDraft;
  files: FileSource;
  /** Names the contexts of an event at that time. */
  surroundings: (ts: string) => Record<string, string>;
}

/** A unit while it is read. */
export interface UnitReading extends UnitContext {
  unit: Unit;
  seen: SeenMessages;
  /** Timestamp → digest of its reactions. */
  reactions: Record<string, string>;
  /** The gaps of files that are missing still. */
  missing: string[];
  /** How many events follow from comparing with an earlier export. */
  changes: number;
}

export const ELEMENT_LIMITS = { maxBytes: 16 * 1024 * 1024, maxDepth: 32 };

/** Counts what comparing with an earlier export brings to light. */
export function changesClaim({ sources, claimSuffix }: Pick<Unit, "sources" | "claimSuffix">): string {
  return `${sources[0]?.label}${claimSuffix}#changes`;
}

/** Puts an element of a file into the page. Returns a promise only where there are files to fetch. */
export function readElement(reading: UnitReading, books: FileBooks, element: Element): Promise<void> | undefined {
  const { index } = element;
  if ("problem" in element) {
    if (element.fatal) books.declareGap("rest", `${element.problem}. What follows counts as one message`, 1);
    else books.declareGap(String(index), `Element ${index} ${element.problem}`, 1);
    return undefined;
  }
  const { bytes } = element;
  const parsed = parseElement(bytes);
  if ("problem" in parsed) {
    books.declareGap(String(index), `Element ${index} ${parsed.problem}`, 1);
    return undefined;
  }
  const { conversation, unit, startedAt } = reading;
  const event = identify(reading, toEvent(parsed.data, { conversation, unit: unit.name, startedAt }), bytes);
  if (!event) {
    books.countRepetition();
    return undefined;
  }
  books.countEvent();
  if (!isUtf8(bytes)) {
    books.declareGap(
      `${index}-text`,
      `Element ${index} holds bytes that are not UTF-8; U+FFFD stands in their place`,
      0,
    );
  }
  return addEvent(reading, event, books.claim, bytes.length);
}

/** Tells an element from others with its timestamp. Undefined for one that is there already, byte for byte. */
function identify({ seen, unit, conversation }: UnitReading, event: SlackEvent, bytes: Buffer): SlackEvent | undefined {
  const ts = event.key.slice(conversation.length + 1);
  const checksum = crc32(bytes);
  const other = seen.checksumOf(ts);
  if (other === checksum) return undefined;
  if (other !== undefined) {
    const variant = asVariant(event);
    const known = seen.has(variant.key);
    if (!known) seen.add(variant.key, checksum);
    return known ? undefined : variant;
  }
  seen.add(ts, checksum);
  return asEditIfKnown(event, ts, unit.known);
}

/** Puts an event into the page. Returns a promise only where there are files to fetch. */
export function addEvent(
  reading: UnitReading,
  event: SlackEvent,
  claim: string,
  bytes: number,
): Promise<void> | undefined {
  const { conversation, surroundings, page, unit } = reading;
  const ts = event.key.slice(conversation.length + 1);
  const moment = isTimestamp(ts) && event.type !== "Edit" ? ts : secondsOf(new Date(event.occurredAt));
  event.claim = claim;
  event.context = surroundings(moment);
  page.add(event, bytes);
  if (isTimestamp(ts)) noteReactions(reading, event, ts);
  if (describedFiles(event).size === 0) return undefined;
  const isKnown = unit.known.get(ts)?.has(event.version ?? "") === true;
  return isKnown ? addLateFiles(reading, event) : addFiles(reading, event);
}

function noteReactions(reading: UnitReading, event: SlackEvent, ts: string): void {
  const { unit, conversation, startedAt, page, surroundings } = reading;
  const state = reactionState(event.data);
  if (state !== undefined) reading.reactions[ts] = state;
  if (!unit.before || !unit.known.has(ts)) return;
  const change = reactionChange(event, conversation, ts, unit.before, startedAt);
  if (!change) return;
  reading.changes += 1;
  page.add({ ...change, claim: changesClaim(unit), context: surroundings(secondsOf(startedAt)) }, 0);
}
