import type { Json } from "@hansard/core";
import type { LiveCheckpoint, Walk } from "../../schema.ts";
import { stringAt } from "../../schema/json.ts";
import type { SlackPage } from "../page.ts";
import { archiveMessage } from "./archive.ts";
import { DELETED, type Known, loadKnown } from "./known.ts";
import { learnMembership, type Reading, sortMessages, surroundingsOf, timestampsOf } from "./reading.ts";
import { readThread, threadIn } from "./threads.ts";

/** A longer list is not stored at each page; after a crash the walk then begins anew. */
const UNMET_IN_CHECKPOINT = 5000;
const CHANGES_IN_CHECKPOINT = 2000;
/** Pages that brought nothing new are worth a checkpoint from time to time. */
const QUIET_PAGES = 20;

/**
 * Goes through a stretch of a conversation from the newest message back, and compares it with what was captured. Returns
 * whether a checkpoint says that it is under way.
 */
export async function* walkBack(
  reading: Reading,
  walk: Walk,
  checkpoint: LiveCheckpoint,
): AsyncGenerator<SlackPage, boolean> {
  let isStored = false;
  const { source, place, page, context } = reading;
  let quiet = 0;
  let look: Look = { asOf: source.api.clock, from: walk.position };
  for await (const found of source.history(place, { oldest: walk.floor, latest: walk.position })) {
    // Some pages begin with the message that ended the one before.
    const messages = sortMessages(found).filter((data) => walk.position === walk.top || isBefore(data, walk.position));
    yield* walkPage(reading, walk, messages, look);
    look = { ...look, asOf: source.api.clock };
    quiet = page.events.length > 0 ? 0 : quiet + 1;
    const isDue = (quiet === 0 || quiet % QUIET_PAGES === 0) && isStorable(reading, walk);
    const taken = page.take(isDue ? { ...checkpoint, walk: stored(reading, walk) } : undefined);
    if (taken) yield taken;
    if (isDue) isStored = true;
    context.signal.throwIfAborted();
  }
  const rest = await loadKnown(context.captured, place.id, walk.floor, walk.position);
  rest.delete(walk.position);
  noteUnmet(reading, walk, rest, []);
  return isStored;
}

function isBefore(data: Json, position: string): boolean {
  const ts = stringAt(data, "ts");
  return ts === undefined || ts < position;
}

interface Look {
  /** Slack's clock before it was asked. */
  asOf: Date;
  /** Where this read took the walk up. What is newer was walked through by a read that came to no end. */
  from: string;
}

async function* walkPage(
  reading: Reading,
  walk: Walk,
  messages: Json[],
  { asOf, from }: Look,
): AsyncGenerator<SlackPage> {
  const { context, place, met, page } = reading;
  const timestamps = timestampsOf(messages);
  const last = timestamps.at(-1) ?? walk.position;
  const known = await loadKnown(context.captured, place.id, last, walk.position);
  if (last < walk.position) known.delete(walk.position);
  learnMembership(reading, messages);
  const surroundings = surroundingsOf(reading, messages);
  for (const data of messages) {
    const ts = stringAt(data, "ts") ?? "";
    const thread = stringAt(data, "thread_ts");
    if (thread !== undefined && thread !== ts) {
      if (met.has(ts)) continue;
      met.add(ts);
    }
    await archiveMessage(reading, data, { known: known.get(ts), asOf, surroundings });
    // Contexts that this page names must be in it or before it, so that a thread's own pages come after.
    if (await isThreadDue(reading, walk, data, from)) {
      const full = page.isFull ? page.take() : undefined;
      if (full) yield full;
      yield* readThread(reading, data, walk.reach !== "overlap");
    }
  }
  noteUnmet(reading, walk, known, timestamps);
  if (last < walk.position) walk.position = last;
}

/**
 * In a short look only threads that have a reply which is not captured; in a long one all that had any in its time. That
 * the last reply is known says nothing where it was also sent to the channel: those before it stand in the thread alone,
 * and where the walk was taken up again after it, nobody has looked.
 */
async function isThreadDue({ context, place, met }: Reading, walk: Walk, data: Json, from: string): Promise<boolean> {
  const thread = threadIn(data);
  if (!thread) return false;
  const { latest, listed } = thread;
  if (latest === undefined || met.has(latest) || latest >= from || (walk.reach !== "overlap" && latest >= walk.floor))
    return true;
  for (const ts of listed.length > 0 ? listed : [latest])
    if (!(await loadKnown(context.captured, place.id, ts, ts)).has(ts)) return true;
  return false;
}

/** Remembers what was captured and is not in the page: replies that their threads will show, or messages that are gone. */
function noteUnmet({ met }: Reading, walk: Walk, known: Known, timestamps: string[]): void {
  const here = new Set(timestamps);
  for (const [ts, { versions }] of known)
    if (versions.size > 0 && !versions.has(DELETED) && !here.has(ts) && !met.has(ts)) walk.unmet.push(ts);
}

function isStorable({ members }: Reading, { unmet }: Walk): boolean {
  return unmet.length <= UNMET_IN_CHECKPOINT && members.changes.length <= CHANGES_IN_CHECKPOINT;
}

function stored({ met, members, source }: Reading, walk: Walk): Walk {
  walk.unmet = walk.unmet.filter((ts) => !met.has(ts));
  return {
    ...walk,
    unmet: [...walk.unmet],
    ...(source.mode === "web" && { members: { changes: [...members.changes] } }),
  };
}
