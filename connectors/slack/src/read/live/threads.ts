import type { Json } from "@hansard/core";
import { isObject, listAt, numberAt, stringAt } from "../../schema/json.ts";
import type { SlackPage } from "../page.ts";
import { isTimestamp } from "../timestamp.ts";
import { archiveMessage } from "./archive.ts";
import { loadKnown } from "./known.ts";
import { learnMembership, type Reading, surroundingsOf } from "./reading.ts";

/** Whether a message has replies, when the last of them was, and which they are where it lists them. */
export function threadIn(data: Json): { ts: string; latest: string | undefined; listed: string[] } | undefined {
  const ts = stringAt(data, "ts");
  const thread = stringAt(data, "thread_ts");
  if (!isTimestamp(ts) || (thread !== undefined && thread !== ts) || !isObject(data)) return undefined;
  const listed = listAt(data, "replies")
    .map((reply) => stringAt(reply, "ts"))
    .filter(isTimestamp);
  const latest = [stringAt(data, "latest_reply"), ...listed].filter(isTimestamp).sort().at(-1);
  return latest !== undefined || (numberAt(data, "reply_count") ?? 0) > 0 ? { ts, latest, listed } : undefined;
}

/**
 * Reads the replies of a thread. Where `again` is false, replies that the journal holds need not be fetched; pages are
 * yielded only where a thread fills them.
 */
export async function* readThread(reading: Reading, root: Json, again: boolean): AsyncGenerator<SlackPage> {
  const ts = stringAt(root, "ts");
  if (!isTimestamp(ts) || reading.threads.has(ts)) return;
  reading.threads.add(ts);
  const { source, place, met, page } = reading;
  const captured = again ? new Set<string>() : await capturedReplies(reading, root);
  let asOf = source.api.clock;
  for await (const replies of source.replies(
    place,
    { ts, data: root },
    (reply) => met.has(reply) || captured.has(reply),
  )) {
    await archiveReplies(reading, ts, replies, asOf);
    asOf = source.api.clock;
    const full = page.isFull ? page.take() : undefined;
    if (full) yield full;
  }
  for (const reply of listAt(root, "replies")) {
    const listed = stringAt(reply, "ts");
    if (listed !== undefined) met.add(listed);
  }
}

async function capturedReplies({ context, place }: Reading, root: Json): Promise<Set<string>> {
  const captured = new Set<string>();
  for (const reply of listAt(root, "replies")) {
    const ts = stringAt(reply, "ts");
    if (ts !== undefined && (await loadKnown(context.captured, place.id, ts, ts)).has(ts)) captured.add(ts);
  }
  return captured;
}

async function archiveReplies(reading: Reading, root: string, replies: Json[], asOf: Date): Promise<void> {
  const { context, place, met } = reading;
  learnMembership(reading, replies);
  const surroundings = surroundingsOf(reading, replies);
  for (const reply of replies) {
    const ts = stringAt(reply, "ts");
    if (ts === root || (ts !== undefined && met.has(ts))) continue;
    if (ts !== undefined) met.add(ts);
    const known = ts === undefined ? undefined : (await loadKnown(context.captured, place.id, ts, ts)).get(ts);
    await archiveMessage(reading, reply, { known, asOf, surroundings });
  }
}
