import { createHash } from "node:crypto";
import type { FollowUp, Gap, Json, KnownEvent, ReadContext, SourceEvent } from "@hansard/core";
import type { EventType } from "../map/event-types.ts";
import type { Checkpoint, Row, Settings } from "../schema.ts";
import type { Files } from "./files.ts";
import type { Lookup } from "./lookup.ts";
import type { People } from "./people.ts";
import type { Session } from "./session.ts";

/** A large audience is not copied for every post: its tombstones go to the author and the group. */
const PEOPLE_REMEMBERED = 100;

/** What the adding of records works with, whether they come live or from an export. */
export interface Run {
  context: ReadContext<Settings, Checkpoint>;
  session: Lookup;
  people: People;
  files: Files;
}

/** What one live read works with. */
export interface LiveRun extends Run {
  session: Session;
}

/** What a page will carry, as it is gathered. */
export interface Batch {
  events: SourceEvent<EventType>[];
  contexts: Record<string, Json>;
  gaps: Gap[];
  followUps: FollowUp[];
  settled: string[];
  closed: string[];
}

export function emptyBatch(): Batch {
  return { events: [], contexts: {}, gaps: [], followUps: [], settled: [], closed: [] };
}

/** Adds a context under an id that names its content, and gives the id. */
export function share(batch: Batch, name: string, value: Json): string {
  const id = `${name}:${createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32)}`;
  batch.contexts[id] = value;
  return id;
}

/**
 * What a tombstone will need of the original when Salesforce has forgotten it: posts and comments are deleted for good.
 * It bears the event's key instead of a hash, since by then the key is all that is known; what was seen first stays.
 */
export function rememberOriginal(
  batch: Batch,
  key: string,
  original: { item: Row; names: string[]; context: Record<string, string> },
): void {
  const surroundings = Object.fromEntries(
    original.names.flatMap((name) => {
      const id = original.context[name];
      const value = id === undefined ? undefined : batch.contexts[id];
      const isLong = Array.isArray(value) && value.length > PEOPLE_REMEMBERED;
      return value === undefined || isLong ? [] : [[name, value]];
    }),
  );
  batch.contexts[originalOf(key)] = { item: compact(original.item), ...surroundings };
}

export function originalOf(key: string): string {
  return `original:${key}`;
}

export function compact(row: Row): Row {
  const present = Object.entries(row).filter(([, value]) => value !== null && value !== "");
  return { ...Object.fromEntries(present), Id: row.Id };
}

/** The versions of one key that the journal holds: version → type. */
export async function knownVersions({ context }: Run, key: string): Promise<Map<string, string>> {
  return new Map((await knownEvents(context, key, `${key}!`)).map(({ version, type }) => [version, type]));
}

/** The events of a thing's parts, such as `…:like:`. */
export async function knownParts({ context }: Run, prefix: string): Promise<KnownEvent[]> {
  return await knownEvents(context, prefix, `${prefix.slice(0, -1)};`);
}

async function knownEvents(context: Run["context"], from: string, to: string): Promise<KnownEvent[]> {
  const known: KnownEvent[] = [];
  for await (const event of context.captured({ from, to })) known.push(event);
  return known;
}
