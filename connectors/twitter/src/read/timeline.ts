import { setTimeout } from "node:timers/promises";
import { UnavailableError } from "@hansard/core";
import type { Account, Checkpoint, Walk } from "../schema.ts";
import { ListAnswer } from "../schema/answer.ts";
import { idAt, newestOf, oldestOf, timeOf } from "../schema/ids.ts";
import { accountOf, postCountOf, refuseHidden } from "./account.ts";
import { type Timeline, type Walker, capGaps, searchFollows } from "./caps.ts";
import { type XClient, openAppClient, openClient } from "./client.ts";
import { type Pages, type TwitterReadContext, gather } from "./context.ts";
import { announceRead } from "./cost.ts";
import { settleEdits } from "./deletions.ts";
import { RefusedParameterError } from "./errors.ts";
import { settleMedia } from "./media.ts";
import { gatherPosts } from "./posts.ts";
import { POST_QUERY } from "./query.ts";
import { rescanDue, withRescan } from "./rescan.ts";

const PATHS = { posts: "tweets", mentions: "mentions" } as const;
const MOST_STUCK = 5;
const SEARCH_PAUSE_MS = 1100;
/** Without a start, search reaches back 30 days only. No post is older than this. */
const FIRST_POST = "2006-03-21T00:00:00Z";

/** Posts or mentions, the newest first: the mark moves only when a walk has come back to the old one. */
export async function* readTimeline(context: TwitterReadContext, account: Account, timeline: Timeline): Pages {
  const client = openClient(context, account, context.partition.id);
  yield* settleOwed(context, client);
  const user = await accountOf(client, account.id, context.partition.id);
  const app = context.settings.fullArchiveSearch ? openAppClient(context, context.partition.id) : client;
  const walker: Walker = { context, account, timeline, client, app, postCount: postCountOf(user) };
  const checkpoint: Checkpoint = context.checkpoint ?? {};
  const rescan = rescanDue(context) !== undefined;
  const floor = floorOf(context, checkpoint.mark, rescan);
  await announceRead(context, account, timeline, {
    owned: client.owned,
    postCount: walker.postCount,
    checkpoint,
    floor: checkpoint.walk ? checkpoint.walk.floor : floor,
  });
  // What came meanwhile is the next read's: to walk the overlap again at once could use up the limit for ever.
  if (checkpoint.walk) return yield* walkBack(walker, checkpoint, checkpoint.walk);
  yield* walkBack(walker, checkpoint, { ...(floor !== undefined && { floor }), phase: "timeline", count: 0, rescan });
}

/** What earlier reads owe: a look after the time of editing, and files that could not be fetched. */
async function* settleOwed(context: TwitterReadContext, client: XClient): Pages {
  const edits = context.followUps.filter(({ id }) => id.startsWith("edits:"));
  const files = context.followUps.filter(({ id }) => id.startsWith("media:"));
  if (edits.length + files.length === 0) return;
  const page = gather();
  await settleEdits(context, client, edits, page);
  for (const followUp of files) await settleMedia(context, followUp, page);
  yield page;
}

/** Windows overlap backwards, since X shows some posts late; once a day they reach back further. */
function floorOf(
  { settings, startedAt }: TwitterReadContext,
  mark: string | undefined,
  rescan: boolean,
): string | undefined {
  if (mark === undefined) return undefined;
  const reached = timeOf(mark);
  if (!reached) return undefined;
  const overlap = idAt(new Date(reached.getTime() - settings.overlapMinutes * 60_000));
  if (!rescan) return overlap;
  return oldestOf([overlap, idAt(new Date(startedAt.getTime() - settings.rescanDays * 86_400_000))]);
}

/** Yields the pages of one walk, of which only the last moves the mark. */
async function* walkBack(walker: Walker, start: Checkpoint, first: Walk): Pages {
  const { context } = walker;
  let walk = first;
  // A page token is not kept across reads, since it expires: a later read goes on below the oldest post instead.
  let stuck = 0;
  let place: Place = { until: walk.untilId, token: undefined };
  for (;;) {
    const answer = await fetchPage(walker, walk, place);
    if (answer === "expired") {
      if (place.until === walk.untilId) stuck += 1;
      if (stuck > MOST_STUCK)
        throw new UnavailableError("X takes none of the page tokens that it gives.", {
          scope: { partition: context.partition.id },
        });
      place = { until: walk.untilId, token: undefined };
      continue;
    }
    refuseHidden(answer, walker.account.id, context.partition.id);
    const page = gather();
    const posts = await gatherPosts(context, walker.client, answer, page);
    const ids = posts.map(({ id }) => id);
    walk = advance(walk, ids);
    place = { ...place, token: answer.meta.next_token };
    if (place.token !== undefined) {
      yield { ...page, checkpoint: { ...start, walk } };
      continue;
    }
    if (searchFollows(walker, start, walk)) {
      walk = { ...walk, phase: "search" };
      place = { until: walk.untilId, token: undefined };
      yield { ...page, checkpoint: { ...start, walk } };
      continue;
    }
    const mark = newestOf([start.mark, walk.newest]) ?? idAt(context.startedAt);
    const gaps = [...page.gaps, ...(await capGaps(walker, start, walk))];
    yield {
      ...(walk.rescan || start.mark === undefined ? withRescan(context, page) : page),
      gaps,
      checkpoint: { mark, postCount: walker.postCount },
    };
    return;
  }
}

function advance(walk: Walk, ids: string[]): Walk {
  const newest = newestOf([walk.newest, ...ids]);
  const untilId = oldestOf([walk.untilId, ...ids]);
  return {
    ...walk,
    ...(newest !== undefined && { newest }),
    ...(untilId !== undefined && { untilId }),
    count: walk.count + ids.length,
  };
}

/** Where in a walk the next page is: below an id, and within that at a page token. */
interface Place {
  until: string | undefined;
  token: string | undefined;
}

async function fetchPage(walker: Walker, walk: Walk, place: Place): Promise<ListAnswer | "expired"> {
  try {
    return await (walk.phase === "timeline" ? fetchTimeline(walker, walk, place) : fetchSearch(walker, place));
  } catch (error) {
    const refused = error instanceof RefusedParameterError ? error.parameters : [];
    if (place.token !== undefined && refused.some((name) => name.endsWith("_token"))) return "expired";
    throw error;
  }
}

async function fetchTimeline(
  { account, timeline, client }: Walker,
  { floor }: Walk,
  { until, token }: Place,
): Promise<ListAnswer> {
  const query = { ...POST_QUERY, max_results: "100", since_id: floor, until_id: until, pagination_token: token };
  return client.get(`users/${account.id}/${PATHS[timeline]}`, ListAnswer, query);
}

async function fetchSearch({ context, account, app }: Walker, { until, token }: Place): Promise<ListAnswer> {
  // Full-archive search allows one request a second.
  await setTimeout(SEARCH_PAUSE_MS, undefined, { signal: context.signal });
  const query = {
    ...POST_QUERY,
    max_results: "100",
    query: `from:${account.id}`,
    start_time: FIRST_POST,
    until_id: until,
    next_token: token,
  };
  return app.get("tweets/search/all", ListAnswer, query);
}
