import type { Json, KnownEvent } from "@hansard/core";
import { digest } from "../schema/json.ts";
import type { ReadDay } from "../schema.ts";
import { canonicalReactions, reactionState, type SlackEvent } from "./events.ts";
import { isTimestamp, timeOf } from "./timestamp.ts";

/** What the journal holds of a stretch of a conversation: message timestamp → the versions of it. */
export type KnownMessages = Map<string, Set<string>>;

const DELETED = "deleted";
/** Sorts after every character that a key holds. */
const AFTER_ALL = "\u007f";

export async function loadKnown(
  captured: (range: { from: string; to: string }) => AsyncIterable<KnownEvent>,
  conversation: string,
  { first, last }: ReadDay,
): Promise<KnownMessages> {
  const known: KnownMessages = new Map();
  if (first === undefined || last === undefined) return known;
  const prefix = `${conversation}:`;
  for await (const { key, version } of captured({ from: prefix + first, to: prefix + last + AFTER_ALL })) {
    const ts = key.slice(prefix.length);
    if (ts.includes("#")) continue;
    const versions = known.get(ts);
    if (versions) versions.add(version);
    else known.set(ts, new Set([version]));
  }
  return known;
}

/** A message that was captured before and has been edited since is an edit; the earlier version stays as it was captured. */
export function asEditIfKnown(event: SlackEvent, ts: string, known: KnownMessages): SlackEvent {
  const versions = known.get(ts);
  if (!versions || event.version === undefined || versions.has(event.version)) return event;
  return { ...event, type: "Edit", ...(isTimestamp(event.version) && { occurredAt: timeOf(event.version) }) };
}

/** An export knows reactions as they stand, without times. Where they stand otherwise than before, that is an event of its own. */
export function reactionChange(
  event: SlackEvent,
  conversation: string,
  ts: string,
  before: ReadDay,
  startedAt: Date,
): SlackEvent | undefined {
  const state = reactionState(event.data);
  if (state === before.reactions?.[ts]) return undefined;
  const observedAt = startedAt.toISOString();
  const data: Json = { conversation, ts, observedAt, reactions: canonicalReactions(event.data), message: event.data };
  return {
    type: "Reaction",
    key: `${conversation}:${ts}#reactions`,
    version: state ?? digest([]),
    occurredAt: observedAt,
    data,
  };
}

/** Messages that were captured and are gone from the export. */
export function missingFrom(known: KnownMessages, isThere: (ts: string) => boolean): string[] {
  const missing: string[] = [];
  for (const [ts, versions] of known) if (!versions.has(DELETED) && !isThere(ts)) missing.push(ts);
  return missing;
}

export function deletion(conversation: string, ts: string, startedAt: Date): SlackEvent {
  const observedAt = startedAt.toISOString();
  return {
    type: "Delete",
    key: `${conversation}:${ts}`,
    version: DELETED,
    occurredAt: observedAt,
    data: { conversation, ts, observedAt },
  };
}
