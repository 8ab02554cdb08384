import type { Json, KnownEvent } from "@hansard/core";
import { digest } from "../schema/json.ts";
import type { ReadDay } from "../schema.ts";
import { canonicalReactions, reactionState, type SlackEvent } from "./events.ts";
import { isTimestamp, timeOf } from "./timestamp.ts";

/** What the journal holds of a day or another file of a conversation: what stands after the colon of a key → its versions. */
export type KnownMessages = Map<string, Set<string>>;

const DELETED = "deleted";
/** Sorts after every character that a key holds. */
const AFTER_ALL = "\u007f";

export async function loadKnown(
  captured: (range: { from: string; to: string }) => AsyncIterable<KnownEvent>,
  conversation: string,
  { name, first, last }: Pick<ReadDay, "first" | "last"> & { name: string },
): Promise<KnownMessages> {
  const known: KnownMessages = new Map();
  const prefix = `${conversation}:`;
  // What bears no time is named after its file.
  for await (const { key, version } of captured({ from: `${prefix}${name}#`, to: `${prefix}${name}#${AFTER_ALL}` }))
    note(key.slice(prefix.length), version);
  if (first === undefined || last === undefined) return known;
  for await (const { key, version } of captured({ from: prefix + first, to: prefix + last + AFTER_ALL })) {
    const ts = key.slice(prefix.length);
    if (!ts.includes("#")) note(ts, version);
  }
  return known;

  function note(id: string, version: string): void {
    const versions = known.get(id);
    if (versions) versions.add(version);
    else known.set(id, new Set([version]));
  }
}

/** A message that was captured before and has been edited since is an edit; the earlier version stays as it was captured. */
export function asEditIfKnown(event: SlackEvent, ts: string, known: KnownMessages): SlackEvent {
  const versions = isTimestamp(ts) ? known.get(ts) : undefined;
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
  for (const [ts, versions] of known) if (isTimestamp(ts) && !versions.has(DELETED) && !isThere(ts)) missing.push(ts);
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
