import type { Json, SourceEvent } from "@hansard/core";
import { digest, isObject, objectAt, parseJson, stringAt } from "../schema/json.ts";
import { eventTypeOf, type EventType } from "./event-type.ts";
import { isTimestamp, timeOf } from "./timestamp.ts";

export type SlackEvent = SourceEvent<EventType>;

/** Where an element stands: its conversation, and the day or other name of its file. */
export interface Place {
  conversation: string;
  unit: string;
  /** For what bears no time of its own. */
  startedAt: Date;
}

/** Turns one element of a day file, or one message of any other mode, into an event. What it says stays as it is. */
export function toEvent(data: Json, place: Place): SlackEvent {
  const ts = stringAt(data, "ts");
  if (!isTimestamp(ts)) return withoutTime(data, place);
  const edited = stringAt(objectAt(data, "edited"), "ts");
  const event: SlackEvent = {
    type: eventTypeOf(data),
    key: `${place.conversation}:${ts}`,
    occurredAt: timeOf(ts),
    data,
  };
  if (edited) event.version = isTimestamp(edited) ? edited : digest(edited);
  return event;
}

/** Without a timestamp there is no identity but the content, whatever its position in the file. */
function withoutTime(data: Json, { conversation, unit, startedAt }: Place): SlackEvent {
  const type = unit.startsWith("canvas") ? "Canvas" : "Other";
  return { type, key: `${conversation}:${unit}#${digest(data)}`, occurredAt: timeWithout(data, unit, startedAt), data };
}

function timeWithout(data: Json, unit: string, startedAt: Date): string {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(unit) ? Date.parse(`${unit}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(day)) return new Date(day).toISOString();
  const created = isObject(data) ? Number(data["created"]) : Number.NaN;
  return created > 0 && created < 1e11 ? new Date(created * 1000).toISOString() : startedAt.toISOString();
}

/** A second, different element with a timestamp that was seen: its content tells it apart. */
export function asVariant(event: SlackEvent): SlackEvent {
  return { ...event, key: `${event.key}#${digest(event.data)}` };
}

/** A digest of who reacted with what, the same however the source orders it; undefined without reactions. */
export function reactionState(data: Json): string | undefined {
  const reactions = canonicalReactions(data);
  return reactions.length === 0 ? undefined : digest(reactions);
}

/** Reactions with names and people in a fixed order. */
export function canonicalReactions(data: Json): { name: string; users: string[] }[] {
  const found = isObject(data) && Array.isArray(data["reactions"]) ? data["reactions"] : [];
  return found
    .map((reaction) => ({ name: stringAt(reaction, "name") ?? "", users: usersOf(reaction) }))
    .filter(({ name }) => name !== "")
    .sort((one, other) => (one.name < other.name ? -1 : Number(one.name > other.name)));
}

function usersOf(reaction: Json): string[] {
  const users = isObject(reaction) && Array.isArray(reaction["users"]) ? reaction["users"] : [];
  return users.filter((user) => typeof user === "string").sort();
}

/** Parses an element of a file, or says what is wrong with it. */
export function parseElement(bytes: Buffer): { data: Json } | { problem: string } {
  try {
    return { data: parseJson(bytes.toString()) };
  } catch {
    return { problem: "is not valid JSON" };
  }
}
