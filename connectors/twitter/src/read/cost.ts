import type { Account, Checkpoint, Settings } from "../schema.ts";
import { padded } from "../schema/ids.ts";
import type { TwitterReadContext } from "./context.ts";
import { ownPostKey } from "./keys.ts";

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

/** What a read of posts or mentions is expected to ask X for. */
export interface Expected {
  owned: boolean;
  /** The account's number of posts now. */
  postCount: number;
  checkpoint: Checkpoint;
  /** The id down to which is read; what was captured above it is read again. */
  floor: string | undefined;
}

/** Says what a read of posts or mentions costs before its first request for them. */
export async function announceRead(
  context: TwitterReadContext,
  account: Account,
  stream: "posts" | "mentions",
  { owned, postCount, checkpoint, floor }: Expected,
): Promise<void> {
  const { prices, fullArchiveSearch } = context.settings;
  const first = checkpoint.mark === undefined;
  const price = owned ? prices.ownedPost : prices.post;
  const again = floor === undefined ? 0 : await countCaptured(context, account, stream, floor);
  const fresh =
    stream === "mentions" ? Math.max(0, MENTION_CAP - again) : Math.max(0, postCount - (checkpoint.postCount ?? 0));
  const listed = Math.min(fresh + again, stream === "mentions" ? MENTION_CAP : POST_CAP);
  const older = stream === "posts" && first && fullArchiveSearch ? fresh + again - listed : 0;
  announce(context, {
    posts: listed + older,
    again,
    usd: listed * price + older * prices.post + prices.user,
    first,
  });
}

/** Once a day all likes are read; at other times about a page of them. */
export function announceLikes(context: TwitterReadContext, likes: number): void {
  const { like, user } = context.settings.prices;
  announce(context, { likes, usd: likes * like + user });
}

export function announceLookUp(context: TwitterReadContext, posts: number): void {
  announce(context, { posts, usd: posts * context.settings.prices.post });
}

/** Costs that somebody wants to know of are warnings, which runners show without being asked. */
function announce(
  { settings, log, partition }: TwitterReadContext,
  { usd, ...items }: Record<string, unknown> & { usd: number },
): void {
  const details = { partition: partition.id, ...items, usd: round(usd) };
  if (usd >= settings.noticeUsd) log.warn("Expected cost of this read, before it is spent", details);
  else log.info("Expected cost of this read, before it is spent", details);
}

async function countCaptured(
  context: TwitterReadContext,
  { id }: Account,
  stream: "posts" | "mentions",
  floor: string,
): Promise<number> {
  const range =
    stream === "posts"
      ? { from: ownPostKey(id, floor), to: `post:${id};` }
      : { from: `mention:${padded(floor)}`, to: "mention;" };
  const keys = new Set<string>();
  for await (const { key, type } of context.captured(range)) if (type !== "Media") keys.add(key);
  return keys.size;
}

export function round(usd: number): number {
  return Math.round(usd * 1000) / 1000;
}
