import type { Json } from "@hansard/core";
import { canonicalJson, digest, isObject, objectAt, stringAt } from "../../schema/json.ts";
import type { ConversationKind } from "../directory.ts";
import { eventTypeOf } from "../event-type.ts";
import { type SlackEvent, toEvent } from "../events.ts";
import type { SlackPage } from "../page.ts";
import { isTimestamp, timeOf } from "../timestamp.ts";
import { isLiveExcluded } from "./agenda.ts";
import { add, asChange, editedAt, oweThread } from "./archive.ts";
import { DELETED, type KnownReaction, loadKnown, reactionKey } from "./known.ts";
import { collectPage, type LivePage } from "./live-page.ts";
import { conversationOwed, readFollowUps } from "./follow-ups.ts";
import type { LiveConversation, LiveDirectory, LiveSource } from "./live-source.ts";
import { beginReading, learnMembership, type LiveContext, type Reading, surroundingsOf } from "./reading.ts";
import { millisecondsOf } from "./slack-time.ts";

/** What Slack tells as it happens, on its way into pages. */
export interface Telling {
  context: LiveContext;
  source: LiveSource;
  directory: LiveDirectory;
  page: LivePage;
  /** By conversation. */
  readings: Map<string, Reading>;
}

const KINDS: Record<string, ConversationKind> = { group: "private", im: "im", mpim: "mpim" };
/** Where an event has to do with no conversation. */
const WORKSPACE = "workspace";
/** What was seen by comparing is dated to the second. */
const SEEN_WITHIN_MS = 1000;

export function beginTelling(context: LiveContext, source: LiveSource, directory: LiveDirectory): Telling {
  return { context, source, directory, page: collectPage(), readings: new Map() };
}

/** Puts what Slack tells into the page, where it is not known. */
export async function archiveTold(telling: Telling, told: Json): Promise<void> {
  const reading = await readingOf(telling, channelOf(told), stringAt(told, "channel_type"));
  if (isLiveExcluded(telling.context.settings, reading.place)) return;
  const events = [await earlierOf(reading, told), await eventOf(reading, told)].filter((event) => event !== undefined);
  if (events.length === 0) return;
  learnMembership(reading, [told]);
  const surroundings = surroundingsOf(reading, [told]);
  for (const event of events) await add(reading, event, surroundings);
  await oweThread(reading, told);
}

/** Does what is owed to what was told. */
export async function* settleTold(telling: Telling): AsyncGenerator<SlackPage> {
  const byConversation = Map.groupBy(telling.context.followUps, conversationOwed);
  for (const [id, followUps] of byConversation) yield* readFollowUps(await readingOf(telling, id), followUps);
}

async function readingOf(
  { context, source, directory, page, readings }: Telling,
  id: string,
  type?: string,
): Promise<Reading> {
  const known = readings.get(id);
  if (known) return known;
  const place = directory.conversations.get(id) ?? unlisted(id, type);
  const reading = { ...beginReading(context, source, directory, place), page };
  if (directory.conversations.has(id)) reading.members = await source.members(place);
  readings.set(id, reading);
  return reading;
}

/** A conversation that is newer than the run's directory. */
function unlisted(id: string, type = ""): LiveConversation {
  return { id, name: id, kind: KINDS[type] ?? "channel", workspace: WORKSPACE, members: [], details: {} };
}

function channelOf(told: Json): string {
  const candidates = [
    stringAt(told, "channel"),
    stringAt(objectAt(told, "channel"), "id"),
    stringAt(told, "channel_id"),
    stringAt(objectAt(told, "item"), "channel"),
  ];
  return candidates.find(Boolean) ?? WORKSPACE;
}

/** The message as it was before a change, where nobody had captured it in time. */
async function earlierOf({ context, place }: Reading, told: Json): Promise<SlackEvent | undefined> {
  const before = objectAt(told, "previous_message");
  const ts = stringAt(before, "ts");
  if (!before || !isTimestamp(ts) || stringAt(told, "type") !== "message") return undefined;
  const event = toEvent(before, { conversation: place.id, unit: "live", startedAt: context.startedAt });
  return (await knownOf({ context, place }, ts))?.versions.has(event.version ?? "") ? undefined : event;
}

async function eventOf(reading: Reading, told: Json): Promise<SlackEvent | undefined> {
  const type = stringAt(told, "type");
  if (type === "reaction_added" || type === "reaction_removed") return reactionOf(reading, told);
  if (type !== "message") return otherOf(reading, told);
  switch (stringAt(told, "subtype")) {
    case "message_changed":
      return changeOf(reading, told);
    case "message_deleted":
      return deletionOf(reading, told, stringAt(told, "deleted_ts"));
    case "message_replied":
      // Says that a thread has a reply, which comes as a message of its own.
      return undefined;
    default:
      return messageOf(reading, told);
  }
}

async function messageOf({ context, place }: Reading, told: Json): Promise<SlackEvent | undefined> {
  const ts = stringAt(told, "ts");
  const event = toEvent(told, { conversation: place.id, unit: "live", startedAt: context.startedAt });
  if (!isTimestamp(ts)) return event;
  return asChange(event, ts, await knownOf({ context, place }, ts), context.startedAt);
}

/** Edits bear a time of their own. Other changes, as when Slack shows what a link leads to, have that of the telling. */
async function changeOf({ context, place }: Reading, told: Json): Promise<SlackEvent | undefined> {
  const [after, before] = [objectAt(told, "message"), objectAt(told, "previous_message")];
  const ts = stringAt(after, "ts");
  if (!after || !isTimestamp(ts)) return otherOf({ place }, told);
  if (stringAt(after, "subtype") === "tombstone") return deletionOf({ context, place }, told, ts);
  const edited = editedAt(after);
  const isEdit = edited !== undefined && edited !== (before && editedAt(before));
  if (!isEdit && before && contentOf(before) === contentOf(after)) return undefined;
  const version = isEdit ? edited : (stringAt(told, "event_ts") ?? stringAt(told, "ts") ?? digest(told));
  if ((await knownOf({ context, place }, ts))?.versions.has(version)) return undefined;
  const occurredAt = isTimestamp(version) ? timeOf(version) : timeOf(ts);
  return { type: "Edit", key: `${place.id}:${ts}`, version, occurredAt, data: told };
}

/** What people see of a message, without what Slack counts about it. */
function contentOf(message: Json): string {
  const names = ["text", "blocks", "attachments", "files", "subtype"];
  return canonicalJson(names.map((name) => (isObject(message) ? (message[name] ?? null) : null)));
}

async function deletionOf(
  { context, place }: Pick<Reading, "context" | "place">,
  told: Json,
  ts: string | undefined,
): Promise<SlackEvent | undefined> {
  if (!isTimestamp(ts)) return otherOf({ place }, told);
  if ((await knownOf({ context, place }, ts))?.versions.has(DELETED)) return undefined;
  const at = [stringAt(told, "event_ts"), stringAt(told, "ts")].find(isTimestamp) ?? ts;
  return { type: "Delete", key: `${place.id}:${ts}`, version: DELETED, occurredAt: timeOf(at), data: told };
}

async function reactionOf({ context, place }: Reading, told: Json): Promise<SlackEvent | undefined> {
  const ts = stringAt(objectAt(told, "item"), "ts");
  const at = stringAt(told, "event_ts");
  if (!isTimestamp(ts) || !isTimestamp(at)) return otherOf({ place }, told);
  const type = eventTypeOf(told);
  const name = `${stringAt(told, "reaction") ?? ""}/${stringAt(told, "user") ?? ""}`;
  const known = (await knownOf({ context, place }, ts))?.reactions.get(name);
  if (known && isCaptured(known, at, type === "Reaction")) return undefined;
  return { type, key: reactionKey(place.id, ts, name), version: at, occurredAt: timeOf(at), data: told };
}

/** Whether it is there as Slack told it, or was seen since by comparing, before anything else happened to it. */
function isCaptured({ captured }: KnownReaction, at: string, isThere: boolean): boolean {
  if (captured.some((one) => one.at === at && !one.isSeen)) return true;
  const since = captured
    .filter((one) => millisecondsOf(one.at) > millisecondsOf(at) - SEEN_WITHIN_MS && (one.isSeen || one.at > at))
    .sort((one, other) => (one.at < other.at ? -1 : 1))[0];
  return since !== undefined && since.isSeen && since.isThere === isThere;
}

/** Everything else is its own event, told apart by what it says. */
function otherOf({ place }: Pick<Reading, "place">, told: Json): SlackEvent {
  const at = [stringAt(told, "event_ts"), stringAt(told, "ts")].find(isTimestamp);
  const name = `${stringAt(told, "type") ?? "event"}/${digest(told)}`;
  const occurredAt = at === undefined ? new Date(0).toISOString() : timeOf(at);
  return { type: eventTypeOf(told), key: `${place.id}:${at ?? ""}#${name}`, occurredAt, data: told };
}

async function knownOf({ context, place }: Pick<Reading, "context" | "place">, ts: string) {
  return (await loadKnown(context.captured, place.id, ts, ts)).get(ts);
}
