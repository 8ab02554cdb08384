import type { Gap } from "@hansard/core";
import { compareIds, timeOf } from "../schema/ids.ts";
import type { Account, Checkpoint, Walk } from "../schema.ts";
import type { XClient } from "./client.ts";
import type { TwitterReadContext } from "./context.ts";
import { MENTION_CAP, POST_CAP } from "./cost.ts";
import { ownPostKey } from "./keys.ts";

export type Timeline = "posts" | "mentions";

/** What one walk through a timeline works with. */
export interface Walker {
  context: TwitterReadContext;
  account: Account;
  timeline: Timeline;
  client: XClient;
  /** The app's own sign-in, which alone may search the full archive. */
  app: XClient;
  postCount: number;
}

const CAPS = { posts: POST_CAP, mentions: MENTION_CAP } as const;
/** X is not exact about its caps: a walk that ends this near to one may have been cut. */
const NEAR_CAP = 0.95;

function isCut({ timeline }: Walker, walk: Walk): boolean {
  return walk.count >= CAPS[timeline] * NEAR_CAP;
}

/** Whether the walk goes on in full-archive search, below the oldest post that the timeline gave. */
export function searchFollows(walker: Walker, { mark }: Checkpoint, walk: Walk): boolean {
  const wanted = walker.context.settings.fullArchiveSearch && walker.timeline === "posts" && walk.phase === "timeline";
  return wanted && isCut(walker, walk) && (mark !== undefined || walker.postCount > walk.count);
}

/** The caps of X, where they bite. */
export async function capGaps(walker: Walker, start: Checkpoint, walk: Walk): Promise<Gap[]> {
  const { timeline, account, context } = walker;
  if (!isCut(walker, walk) && walk.phase === "timeline") return [];
  const cap = CAPS[timeline].toLocaleString("en-US");
  const id = `cap:${timeline}:${account.id}:${start.mark ?? "first"}`;
  const remedy = "Import an account archive that reaches back further, or switch fullArchiveSearch on.";
  if (timeline === "posts" && start.mark === undefined) {
    const missing = walker.postCount - walk.count - (await capturedBefore(context, account.id, walk.untilId));
    if (missing <= 0) return [];
    return [
      {
        id,
        reason: `X gives only the newest ${cap} posts of account ${account.id}; ${missing} older ones were not read.`,
        remedy,
        events: missing,
      },
    ];
  }
  if (
    walk.phase === "search" ||
    (start.mark !== undefined && walk.untilId !== undefined && compareIds(walk.untilId, start.mark) <= 0)
  )
    return [];
  const since = start.mark === undefined ? "" : ` since ${timeOf(start.mark)?.toISOString() ?? start.mark}`;
  return [
    {
      id,
      reason: `X gives only the newest ${cap} ${timeline} of account ${account.id}; at least one older one${since} may be missing.`,
      remedy,
      events: 1,
    },
  ];
}

/** What an account archive has already brought from before the walk's end. */
async function capturedBefore(
  context: TwitterReadContext,
  author: string,
  oldest: string | undefined,
): Promise<number> {
  const keys = new Set<string>();
  if (oldest === undefined) return 0;
  for await (const { key, type } of context.captured({
    from: ownPostKey(author, "0"),
    to: ownPostKey(author, oldest),
  })) {
    if (type !== "Media" && type !== "Delete" && type !== "Withheld") keys.add(key);
  }
  return keys.size;
}
