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

/** Without a timestamp the identity is that of the file that it describes, or else its content, whatever its position. */
function withoutTime(data: Json, { conversation, unit, startedAt }: Place): SlackEvent {
  const file = documentIn(data);
  const updated = secondsAt(data, "updated");
  const isUpdated = file !== undefined && updated !== undefined && updated !== secondsAt(data, "created");
  return {
    type: typeWithoutTime(unit),
    key: `${conversation}:${unit}#${file ?? digest(data)}`,
    ...(isUpdated && { version: String(updated) }),
    occurredAt: timeWithout(data, unit) ?? startedAt.toISOString(),
    data,
  };
}

function typeWithoutTime(unit: string): EventType {
  if (unit.startsWith("canvas")) return "Canvas";
  if (unit === "lists") return "List";
  return unit === "integration_logs" ? "Integration" : "Other";
}

/** The id of a canvas or a list, which Slack describes as a file and not in a message. */
export function documentIn(data: Json): string | undefined {
  const id = stringAt(data, "id");
  return id !== undefined && /^F[A-Z0-9]{2,40}$/.test(id) && !isTimestamp(stringAt(data, "ts")) ? id : undefined;
}

function timeWithout(data: Json, unit: string): string | undefined {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(unit) ? Date.parse(`${unit}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(day)) return new Date(day).toISOString();
  const seconds = secondsAt(data, "updated") ?? secondsAt(data, "created") ?? secondsAt(data, "date");
  return seconds === undefined ? undefined : new Date(seconds * 1000).toISOString();
}

/** Slack writes such times as numbers, and some as text. */
function secondsAt(data: Json, name: string): number | undefined {
  const seconds = isObject(data) ? Number(data[name]) : Number.NaN;
  return seconds > 0 && seconds < 1e11 ? seconds : undefined;
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
