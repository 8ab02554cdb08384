import type { Account, Checkpoint, Settings } from "../schema.ts";
import type { TwitterReadContext } from "./context.ts";

export const POST_CAP = 3200;
export const MENTION_CAP = 800;

/** What a read costs at most, as far as it can be told beforehand. */
export interface Cost {
  stream: string;
  resources: number;
  usd: number;
}

/** The first read of an account, which takes all that X gives. */
export function firstCosts({ prices, fullArchiveSearch }: Settings, account: Account, postCount: number): Cost[] {
  const owned = account.refreshToken !== undefined || account.oauth1 !== undefined;
  const price = owned ? prices.ownedPost : prices.post;
  const newest = Math.min(postCount, POST_CAP);
  const older = fullArchiveSearch ? postCount - newest : 0;
  const perStream = {
    posts: { resources: newest + older, usd: newest * price + older * prices.post },
    mentions: { resources: MENTION_CAP, usd: MENTION_CAP * price },
    likes: { resources: 0, usd: 0 },
    directMessages: { resources: 0, usd: 0 },
  };
  return account.streams.map((stream) => ({ stream, ...perStream[stream] }));
}

/** Says what a read of posts costs before its first request for posts. */
export function logCost(
  context: TwitterReadContext,
  stream: string,
  owned: boolean,
  postCount: number,
  { mark, postCount: before }: Checkpoint,
): void {
  const { prices } = context.settings;
  const price = owned ? prices.ownedPost : prices.post;
  const expected =
    stream === "mentions"
      ? MENTION_CAP
      : Math.min(mark === undefined ? postCount : Math.max(0, postCount - (before ?? 0)), POST_CAP);
  context.log.info("This read costs at most", {
    partition: context.partition.id,
    newItems: expected,
    usd: round(expected * price + prices.user),
    first: mark === undefined,
  });
}

export function logLookUpCost(context: TwitterReadContext, posts: number): void {
  context.log.info("This look-up costs at most", {
    partition: context.partition.id,
    posts,
    usd: round(posts * context.settings.prices.post),
  });
}

export function round(usd: number): number {
  return Math.round(usd * 1000) / 1000;
}
