import { isHansardError } from "@hansard/core";
import type { LiveCheckpoint, Walk } from "../../schema.ts";
import type { SlackPage } from "../page.ts";
import { crossOff, isLiveExcluded, SOCKET } from "./agenda.ts";
import { isRefusal } from "./api-errors.ts";
import { readRenames, readEdits, settleUnmet } from "./changes.ts";
import { readFollowUps } from "./follow-ups.ts";
import { beginReading, learnMembership, type LiveContext, type Reading } from "./reading.ts";
import { enterSlack } from "./run.ts";
import { BEGINNING, hoursBefore, millisecondsOf } from "./slack-time.ts";
import { readSocket } from "./socket.ts";
import { walkBack } from "./walk.ts";

const DAY_HOURS = 24;
const HOUR_MS = 3_600_000;

/** Reads what is new in a conversation, and from time to time looks again at what is not. */
export async function* readLive(context: LiveContext): AsyncGenerator<SlackPage> {
  const { settings } = context;
  if (context.partition.id === SOCKET) {
    if (settings.mode === "web" && settings.appToken) yield* readSocket(context, settings, settings.appToken);
    return;
  }
  const source = await enterSlack(context);
  const directory = await source.directory();
  const place = directory.conversations.get(context.partition.id);
  // Slack lists it no more: it was deleted, or the app was removed from it. What was captured stays.
  if (!place || isLiveExcluded(context.settings, place)) return;
  const reading = beginReading(context, source, directory, place);
  const before = context.checkpoint?.mode === context.settings.mode ? context.checkpoint : undefined;
  try {
    yield* readConversation(reading, before ?? { mode: context.settings.mode });
    await crossOff(context);
  } catch (error) {
    if (!isRefusal(error, "channel_not_found", "not_in_channel", "missing_channel") || !isHansardError(error))
      throw error;
    yield* declareUnreadable(reading, error.message);
    await crossOff(context);
  }
}

async function* readConversation(reading: Reading, before: LiveCheckpoint): AsyncGenerator<SlackPage> {
  const { source, place } = reading;
  let checkpoint = before;
  const { walk: unfinished, ...settled } = checkpoint;
  if (unfinished) {
    await recallMembers(reading, unfinished);
    checkpoint = yield* finishWalk(reading, unfinished, settled);
    reading.met.clear();
    reading.threads.clear();
  }
  if (checkpoint.mark === undefined || checkpoint.mark < reading.now) {
    reading.members = await source.members(place);
    yield* finishWalk(reading, beginWalk(reading, checkpoint), checkpoint);
  }
  yield* readFollowUps(reading, reading.context.followUps);
}

/** A walk may be taken up again long after it began: who came and went since then must be known first. */
async function recallMembers(reading: Reading, { members, top }: Walk): Promise<void> {
  const { source, place, now } = reading;
  reading.members = await source.members(place);
  if (!members) return;
  reading.members.changes = members.changes;
  for await (const messages of source.history(place, { oldest: top, latest: now })) learnMembership(reading, messages);
}

/** How far back this read must look. */
function beginWalk({ now, context: { settings } }: Reading, { mark, rescanned, whole }: LiveCheckpoint): Walk {
  const top = { top: now, position: now, unmet: [] };
  const isWholeDue = settings.wholeScanDays > 0 && isOlder(whole, now, settings.wholeScanDays * DAY_HOURS);
  if (mark === undefined || isWholeDue) return { ...top, floor: BEGINNING, reach: "whole" };
  const overlap = hoursBefore(mark, settings.overlapHours);
  if (!isOlder(rescanned, now, settings.rescanHours)) return { ...top, floor: overlap, reach: "overlap" };
  const floor = hoursBefore(now, settings.rescanDays * DAY_HOURS);
  return { ...top, floor: floor < overlap ? floor : overlap, reach: "rescan" };
}

function isOlder(ts: string | undefined, now: string, hours: number): boolean {
  return ts === undefined || millisecondsOf(now) - millisecondsOf(ts) >= hours * HOUR_MS;
}

async function* finishWalk(
  reading: Reading,
  walk: Walk,
  before: LiveCheckpoint,
): AsyncGenerator<SlackPage, LiveCheckpoint> {
  const { place, page, context } = reading;
  const window = { oldest: walk.floor, latest: walk.top };
  const isFresh = walk.position === walk.top;
  if (isFresh) yield* readEdits(reading, window);
  const isStored = yield* walkBack(reading, walk, before);
  yield* settleUnmet(reading, walk);
  if (before.name !== undefined && before.name !== place.name) {
    const taken = page.take();
    if (taken) yield taken;
    await readRenames(reading, window);
  }
  const { walk: _, ...rest } = before;
  const checkpoint: LiveCheckpoint = {
    ...rest,
    mark: walk.top,
    name: place.name,
    ...(walk.reach !== "overlap" && { rescanned: walk.top }),
    ...(walk.reach === "whole" && { whole: walk.top }),
  };
  // A quiet conversation needs no new mark: its next short look reaches back to the old one all the same.
  const isQuiet =
    page.events.length + page.gaps.length === 0 &&
    before.mark !== undefined &&
    before.name === place.name &&
    walk.reach === "overlap" &&
    isFresh &&
    !isStored &&
    !isOlder(before.mark, walk.top, context.settings.overlapHours);
  const taken = page.take(isQuiet ? undefined : checkpoint);
  if (taken) yield taken;
  return isQuiet ? before : checkpoint;
}

async function* declareUnreadable({ place, page }: Reading, reason: string): AsyncGenerator<SlackPage> {
  page.gaps.push({
    id: `${place.id}#unreadable`,
    reason: `The conversation "${place.name}" (${place.id}) is listed and cannot be read: ${reason}`,
    remedy: "Invite the app to it, or exclude it by excludeChannels.",
    events: 0,
  });
  const taken = page.take();
  if (taken) yield taken;
}
