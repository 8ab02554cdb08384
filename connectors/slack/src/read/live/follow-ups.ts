import type { FollowUp } from "@hansard/core";
import { File } from "../../schema.ts";
import { stringAt } from "../../schema/json.ts";
import { fileGap, missingFile, type Unavailable } from "../attachments.ts";
import { lateFileEvent, oweAgain, OwedFile } from "../late-files.ts";
import type { SlackPage } from "../page.ts";
import { isTimestamp, secondsOf } from "../timestamp.ts";
import { owe, threadFollowUp } from "./archive.ts";
import { fetchFile } from "./files.ts";
import { type Reading, surroundingsOf } from "./reading.ts";
import { hoursBefore } from "./slack-time.ts";
import { readThread, repliesGap, threadIn } from "./threads.ts";

const DAY_HOURS = 24;
const GONE: Unavailable = { unavailable: "It was deleted in Slack before it could be fetched.", mayCome: false };

/** The conversation in which something is owed. */
export function conversationOwed({ data }: FollowUp): string {
  const key = stringAt(data, "key") ?? "";
  return stringAt(data, "conversation") ?? key.slice(0, key.indexOf(":"));
}

/** Does the work that is owed: looks for late replies in old threads, and for files that were not there. */
export async function* readFollowUps(reading: Reading, followUps: FollowUp[]): AsyncGenerator<SlackPage> {
  for (const followUp of followUps) {
    const kind = stringAt(followUp.data, "kind");
    if (kind === "thread") yield* readOldThread(reading, followUp);
    else if (kind === "replies") yield* readUnshown(reading, followUp);
    else if (kind === "file") await fetchLateFile(reading, followUp);
    const full = reading.page.isFull ? reading.page.take() : undefined;
    if (full) yield full;
  }
  const rest = reading.page.take();
  if (rest) yield rest;
}

/** A thread that nobody has answered for `rescanDays` is settled; a late answer is found when the whole is read again. */
async function* readOldThread(reading: Reading, { id, data }: FollowUp): AsyncGenerator<SlackPage> {
  const { source, place, page, context } = reading;
  const ts = stringAt(data, "thread");
  const root = isTimestamp(ts) ? await source.message(place, ts) : undefined;
  const thread = root === undefined ? undefined : threadIn(root);
  if (root === undefined || !thread) {
    page.settled.add(id);
    return;
  }
  yield* readThread(reading, root, true);
  const quietSince = hoursBefore(reading.now, context.settings.rescanDays * DAY_HOURS);
  page.followUps.delete(id);
  if ((thread.latest ?? thread.ts) < quietSince) page.settled.add(id);
  else await owe(reading, threadFollowUp(reading, thread.ts));
}

/** Replies that Slack counted and did not show: where it shows them all, or counts them no more, the gap closes. */
async function* readUnshown(reading: Reading, { id, data }: FollowUp): AsyncGenerator<SlackPage> {
  const { source, place, page } = reading;
  const ts = stringAt(data, "thread") ?? "";
  reading.threads.delete(ts);
  const root = await source.message(place, ts);
  if (root !== undefined) yield* readThread(reading, root, true);
  if (page.followUps.has(id)) return;
  page.settled.add(id);
  page.closed.push(repliesGap(place.id, ts));
}

/** Asks again for a file, by what Slack says of it now. */
async function fetchLateFile(reading: Reading, followUp: FollowUp): Promise<void> {
  const { source, page, context } = reading;
  const { data: owed } = OwedFile.safeParse(followUp.data);
  page.settled.add(followUp.id);
  if (!owed) return;
  const { id } = File.parse(owed.file);
  const described = await source.file(id);
  const fetched = described === undefined ? GONE : await fetchFile(File.parse(described), { source, context });
  if (described !== undefined && "blob" in fetched) {
    const event = lateFileEvent(owed, described, fetched, context.startedAt);
    const ts = owed.key.slice(owed.key.indexOf(":") + 1);
    const moment = isTimestamp(ts) ? ts : secondsOf(new Date(owed.occurredAt));
    page.events.push({ ...event, context: surroundingsOf(reading, [event.data])(moment) });
    page.closed.push(fileGap(owed.key, id));
    return;
  }
  if (fetched === GONE) page.gaps.push(missingFile(owed, owed.file, GONE, "Ask those who shared it.").gap);
  const again = "mayCome" in fetched && fetched.mayCome ? oweAgain(followUp, owed, context.startedAt) : undefined;
  if (again) await owe(reading, again);
}
