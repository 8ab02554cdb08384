import type { FollowUp, Json } from "@hansard/core";
import { isObject, objectAt, stringAt } from "../../schema/json.ts";
import { type SlackEvent, toEvent } from "../events.ts";
import { deletedFiles, fileDeletion } from "../file-deletions.ts";
import { isTimestamp, secondsOf, timeOf } from "../timestamp.ts";
import { oweFile } from "../late-files.ts";
import { fetchFile, fetchFiles } from "./files.ts";
import { noteDue } from "./due.ts";
import { DELETED, type KnownMessage } from "./known.ts";
import { incompleteReactions, reactionChanges } from "./reactions.ts";
import type { Reading } from "./reading.ts";
import { asSlackTime, millisecondsOf } from "./slack-time.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export interface Seen {
  known: KnownMessage | undefined;
  /** Slack's clock before it was asked. */
  asOf: Date;
  surroundings: (moment: string) => Record<string, string>;
}

/** Archives a message as Slack shows it now: itself where it is new or was changed, and its reactions where they differ. */
export async function archiveMessage(reading: Reading, data: Json, { known, asOf, surroundings }: Seen): Promise<void> {
  const { place, context } = reading;
  const event = toEvent(data, { conversation: place.id, unit: "live", startedAt: context.startedAt });
  const ts = stringAt(data, "ts");
  if (!isTimestamp(ts)) return add(reading, event, surroundings);
  const changed = asChange(event, ts, known, context.startedAt);
  if (changed) await add(reading, changed, surroundings);
  for (const file of deletedFiles(data))
    if (!known?.deletedFiles.has(file)) await add(reading, fileDeletion(event, file, context.startedAt), surroundings);
  await archiveReactions(reading, event, { known, asOf, surroundings });
  if (changed) await oweThread(reading, data);
}

/** A message may name fewer of those who reacted than it counts; then Slack is asked for all of them. */
async function archiveReactions(
  reading: Reading,
  { key, data }: SlackEvent,
  { known, asOf, surroundings }: Seen,
): Promise<void> {
  const { place, source, page } = reading;
  const ts = key.slice(key.indexOf(":") + 1);
  const moment = { conversation: place.id, ts, asOf: asSlackTime(Math.floor(asOf.getTime() / 1000) * 1000) };
  const whole = incompleteReactions(data).size > 0 ? await source.reactions(place, ts) : undefined;
  const shown = whole ?? data;
  for (const reaction of reactionChanges(shown, moment, known)) await add(reading, reaction, surroundings);
  for (const [name, people] of incompleteReactions(shown)) {
    page.gaps.push({
      id: `${key}#reaction/${name}/unnamed`,
      reason: `Slack counts ${people} more reactions with :${name}: to the message ${key} than it names people.`,
      events: 0,
    });
  }
}

/** The event that a message is, given what was captured of it; undefined where it is known. */
export function asChange(
  event: SlackEvent,
  ts: string,
  known: KnownMessage | undefined,
  startedAt: Date,
): SlackEvent | undefined {
  const versions = known?.versions;
  if (!versions || versions.size === 0) return event;
  if (event.type === "Tombstone" && !hasTombstone(versions)) return asTombstone(event, ts, startedAt);
  if (event.type === "Tombstone" || versions.has(event.version ?? "")) return undefined;
  // A version that was superseded may come to light later; the time of its own is when it stood.
  const isEdit = event.version !== undefined;
  return isEdit
    ? { ...event, type: "Edit", ...(isTimestamp(event.version) && { occurredAt: timeOf(event.version) }) }
    : event;
}

function hasTombstone(versions: Map<string, string>): boolean {
  return versions.has(DELETED) || [...versions.values()].includes("Tombstone");
}

/** Something stands in the place of a message that was captured before: Slack's own words for a deletion, or a filter's. */
function asTombstone(event: SlackEvent, ts: string, startedAt: Date): SlackEvent {
  const observedAt = startedAt.toISOString();
  if (stringAt(event.data, "subtype") !== "tombstone") return { ...event, version: "hidden", occurredAt: observedAt };
  return deletionOf(event.key.slice(0, event.key.indexOf(":")), ts, startedAt);
}

/** A message that was captured before and that Slack has no more. */
export function deletionOf(conversation: string, ts: string, startedAt: Date): SlackEvent {
  const observedAt = startedAt.toISOString();
  return {
    type: "Delete",
    key: `${conversation}:${ts}`,
    version: DELETED,
    occurredAt: observedAt,
    data: { conversation, ts, observedAt, observedIn: "Slack" },
  };
}

/** Puts an event into the page, with its contexts and its files. */
export async function add(
  reading: Reading,
  event: SlackEvent,
  surroundings: (moment: string) => Record<string, string>,
  fetch = fetchFile,
): Promise<void> {
  const { page, context, source } = reading;
  const happened = secondsOf(new Date(event.occurredAt));
  const ts = event.key.slice(event.key.indexOf(":") + 1);
  event.context = surroundings(isTimestamp(ts) && event.type !== "Edit" && event.type !== "Delete" ? ts : happened);
  const missing = await fetchFiles(event, { source, context }, fetch);
  page.events.push(event);
  for (const file of missing) {
    page.gaps.push(file.gap);
    const followUp = oweFile(event, file, context.startedAt);
    // One that is due is worked off in this read: an old version of the message must not put it off.
    const isDue = context.followUps.some(({ id }) => id === followUp.id);
    if (file.mayCome && !isDue) await owe(reading, followUp);
  }
}

/** Puts a follow-up into the page, and its conversation on the agenda of the day on which it is due. */
export async function owe({ page, context, place }: Reading, followUp: FollowUp): Promise<void> {
  page.settled.delete(followUp.id);
  page.followUps.set(followUp.id, followUp);
  await noteDue(context, place.id, followUp.dueAt);
}

/** A thread may go on after its root has left the days that are read again: it is owed a look when that happens. */
export async function oweThread(reading: Reading, data: Json): Promise<void> {
  const thread = stringAt(data, "thread_ts");
  if (!isTimestamp(thread) || thread === stringAt(data, "ts") || !isObject(data)) return;
  await owe(reading, threadFollowUp(reading, thread));
}

export function threadFollowUp({ context, place, now }: Reading, thread: string): FollowUp {
  const { rescanDays, rescanHours } = context.settings;
  const due = Math.max(millisecondsOf(thread) + rescanDays * DAY_MS, millisecondsOf(now) + rescanHours * HOUR_MS);
  return {
    id: `thread:${place.id}:${thread}`,
    dueAt: new Date(due).toISOString(),
    data: { kind: "thread", conversation: place.id, thread },
  };
}

/** Replies that Slack counts and did not show are looked for at the next second look. */
export function repliesFollowUp({ context, place, now }: Reading, thread: string): FollowUp {
  return {
    id: `replies:${place.id}:${thread}`,
    dueAt: new Date(millisecondsOf(now) + context.settings.rescanHours * HOUR_MS).toISOString(),
    data: { kind: "replies", conversation: place.id, thread },
  };
}

/** When a message was last edited, by the message itself. */
export function editedAt(data: Json): string | undefined {
  return stringAt(objectAt(data, "edited"), "ts");
}
