import type { BlobReference, FollowUp, Json } from "@hansard/core";
import { z } from "zod";
import { File } from "../schema.ts";
import { isObject } from "../schema/json.ts";
import { attachmentOf, type MissingFile } from "./attachments.ts";
import type { SlackEvent } from "./events.ts";

/** A file that is owed: the message that shared it is in the journal without it. */
export const OwedFile = z.object({
  kind: z.literal("file"),
  /** Of the message's event. */
  key: z.string(),
  occurredAt: z.string(),
  /** What the message says of who sent it. */
  sender: z.record(z.string(), z.json()),
  /** The file as the source last described it. */
  file: z.looseObject({ id: z.string() }).transform((file): Json => z.json().parse(file)),
  /** Of an export: the day, or the other file of the conversation, that it stands in. */
  unit: z.string().optional(),
  tries: z.int(),
  /** When it was first missed. */
  since: z.string(),
});
export type OwedFile = z.infer<typeof OwedFile>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LONGEST_DELAY_MS = 28 * DAY_MS;
/** What was not to be had for so long is a gap that stays. */
const GIVEN_UP_AFTER_MS = 365 * DAY_MS;
/** Stands before a file's id in the version of a message that brings it. */
const LATE = "file/";
const SENDER = ["user", "bot_id", "username", "bot_profile", "user_profile", "thread_ts", "ts"];

/** Owes a file that may come. It is asked for again after an hour, then after two, four and so on. */
export function oweFile(event: SlackEvent, { id, described }: MissingFile, at: Date, unit?: string): FollowUp {
  const owed = { kind: "file", ...ownerOf(event), file: described, ...(unit !== undefined && { unit }) };
  return {
    id: fileFollowUp(event.key, id),
    dueAt: dueAfter(0, at),
    data: { ...owed, tries: 1, since: at.toISOString() },
  };
}

/** What a late file must say of the message that shared it. */
export function ownerOf({ key, occurredAt, data }: SlackEvent): Pick<OwedFile, "key" | "occurredAt" | "sender"> {
  const entries = isObject(data) ? Object.entries(data) : [];
  return { key, occurredAt, sender: Object.fromEntries(entries.filter(([name]) => SENDER.includes(name))) };
}

/** The next try; undefined once it was tried for long enough. */
export function oweAgain({ id, data }: FollowUp, { tries, since }: OwedFile, at: Date): FollowUp | undefined {
  if (!isObject(data) || at.getTime() - Date.parse(since) > GIVEN_UP_AFTER_MS) return undefined;
  return { id, dueAt: dueAfter(tries, at), data: { ...data, tries: tries + 1 } };
}

function dueAfter(tries: number, at: Date): string {
  return new Date(at.getTime() + Math.min(HOUR_MS * 2 ** tries, LONGEST_DELAY_MS)).toISOString();
}

export function fileFollowUp(key: string, file: string): string {
  return `file:${key}/${file}`;
}

/**
 * The message again as a version of its own that holds this file and nothing else of it: what was delivered is not
 * delivered a second time, and the late file stands in the same thread as the message.
 */
export function lateFileEvent(
  { key, occurredAt, sender }: Pick<OwedFile, "key" | "occurredAt" | "sender">,
  described: Json,
  fetched: { blob: BlobReference },
  at: Date,
): SlackEvent {
  const file = File.parse(described);
  return {
    type: "FileShare",
    key,
    version: `${LATE}${file.id}`,
    occurredAt,
    data: { type: "message", ...sender, file: described, fetchedAt: at.toISOString() },
    attachments: [attachmentOf(file, fetched)],
  };
}

/** Whether an event brings a file that was late. */
export function isLateFile({ version }: { version: string }): boolean {
  return version.startsWith(LATE);
}
