import type { FollowUp } from "@hansard/core";
import { stringAt } from "../../schema/json.ts";
import type { SlackEvent } from "../events.ts";
import type { SlackPage } from "../page.ts";
import { isTimestamp, timeOf } from "../timestamp.ts";
import { threadFollowUp } from "./archive.ts";
import { attachFiles, fileGap } from "./files.ts";
import { type Reading, surroundingsOf } from "./reading.ts";
import { hoursBefore } from "./slack-time.ts";
import { readThread, threadIn } from "./threads.ts";

const DAY_HOURS = 24;
/** A file that was not there for so long is gone. */
const FILE_DAYS = 14;

/** Does the work that is owed: looks for late replies in old threads, and for files that were not there. */
export async function* readFollowUps(reading: Reading): AsyncGenerator<SlackPage> {
  for (const followUp of reading.context.followUps) {
    const kind = stringAt(followUp.data, "kind");
    if (kind === "thread") yield* readOldThread(reading, followUp);
    else if (kind === "file") await fetchLateFile(reading, followUp);
    const taken = reading.page.take();
    if (taken) yield taken;
  }
}

/** A thread that nobody has answered for `rescanDays` is settled; a late answer is found when the whole is read again. */
async function* readOldThread(reading: Reading, { id, data }: FollowUp): AsyncGenerator<SlackPage> {
  const { source, place, page, now, context } = reading;
  const ts = stringAt(data, "thread");
  const root = isTimestamp(ts) ? await source.message(place, ts) : undefined;
  const thread = root === undefined ? undefined : threadIn(root);
  if (root === undefined || !thread) {
    page.settled.add(id);
    return;
  }
  yield* readThread(reading, root, true);
  const quietSince = hoursBefore(now, context.settings.rescanDays * DAY_HOURS);
  page.followUps.delete(id);
  if ((thread.latest ?? thread.ts) < quietSince) page.settled.add(id);
  else page.followUps.set(id, threadFollowUp(thread.ts, now, context.settings));
}

/** The event as it was captured stays; the file comes after it as an event of its own. */
async function fetchLateFile(reading: Reading, { id, data }: FollowUp): Promise<void> {
  const { source, place, page, context, now } = reading;
  const [key = "", file = "", ts = ""] = ["key", "file", "ts"].map((name) => stringAt(data, name) ?? "");
  const [message = ""] = ts.split("#", 1);
  page.settled.add(id);
  const shared = await source.file(file);
  if (shared === undefined || !isTimestamp(message)) return;
  const event: SlackEvent = {
    type: "FileShare",
    key: `${place.id}:${message}#file/${file}`,
    occurredAt: timeOf(message),
    data: { type: "message", conversation: place.id, thread_ts: message, file: shared },
  };
  event.context = surroundingsOf(reading, [event.data])(message);
  const { later } = await attachFiles(event, { source, context });
  if (later.length === 0) {
    page.events.push(event);
    page.closed.push(fileGap(key, file));
  } else if (message > hoursBefore(now, FILE_DAYS * DAY_HOURS)) {
    page.settled.delete(id);
    const dueAt = new Date(context.startedAt.getTime() + context.settings.rescanHours * 3_600_000).toISOString();
    page.followUps.set(id, { id, dueAt, data });
  }
}
