import type { Json } from "@hansard/core";
import { isObject, listAt, numberAt, stringAt } from "../../schema/json.ts";
import type { SlackPage } from "../page.ts";
import { isTimestamp } from "../timestamp.ts";
import { archiveMessage, owe, repliesFollowUp } from "./archive.ts";
import { loadKnown } from "./known.ts";
import { learnMembership, type Reading, surroundingsOf, timestampsOf } from "./reading.ts";

/** Whether a message has replies, when the last of them was, and which they are where it lists them. */
export function threadIn(data: Json): { ts: string; latest: string | undefined; listed: string[] } | undefined {
  const ts = stringAt(data, "ts");
  const thread = stringAt(data, "thread_ts");
  if (!isTimestamp(ts) || (thread !== undefined && thread !== ts) || !isObject(data)) return undefined;
  const listed = timestampsOf(listAt(data, "replies"));
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
  const isSettled = (reply: string) => met.has(reply) || captured.has(reply);
  const listed = timestampsOf(listAt(root, "replies"));
  const shown = new Set(listed.filter(isSettled));
  let asOf = source.api.clock;
  for await (const replies of source.replies(place, { ts, data: root }, isSettled)) {
    for (const reply of timestampsOf(replies)) if (reply !== ts) shown.add(reply);
    await archiveReplies(reading, ts, replies, asOf);
    asOf = source.api.clock;
    const full = page.isFull ? page.take() : undefined;
    if (full) yield full;
  }
  for (const reply of listed) met.add(reply);
  await compareWithCount(reading, root, shown.size);
}

/** Slack counts the replies of a thread: those that it counts and does not show are a gap, until it shows them. */
async function compareWithCount(reading: Reading, root: Json, shown: number): Promise<void> {
  const { source, place, page } = reading;
  const ts = stringAt(root, "ts") ?? "";
  // The root was read before its replies, some of which may have been deleted since.
  const isShort = (data: Json | undefined) => (numberAt(data, "reply_count") ?? 0) > shown;
  const now = isShort(root) ? await source.message(place, ts) : undefined;
  if (now === undefined || !isShort(now)) return;
  const count = numberAt(now, "reply_count") ?? 0;
  page.gaps.push({
    id: repliesGap(place.id, ts),
    reason: `Slack counts ${count} replies to the message ${place.id}:${ts} and shows ${shown}.`,
    remedy: "Nothing need be done: they are looked for again. If they stay away, ask Slack for them.",
    events: count - shown,
  });
  await owe(reading, repliesFollowUp(reading, ts));
}

export function repliesGap(conversation: string, thread: string): string {
  return `${conversation}:${thread}#replies`;
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
