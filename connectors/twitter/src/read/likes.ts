import { type Json, type KnownEvent, UnavailableError } from "@hansard/core";
import type { Account } from "../schema.ts";
import { ListAnswer } from "../schema/answer.ts";
import { type User, parsePost } from "../schema/post.ts";
import { accountOf, refuseHidden } from "./account.ts";
import { type XClient, openClient } from "./client.ts";
import { announceLikes } from "./cost.ts";
import { type Gathered, type Pages, type TwitterReadContext, gather } from "./context.ts";
import { RefusedParameterError } from "./errors.ts";
import { likeKey } from "./keys.ts";
import { POST_QUERY } from "./query.ts";
import { rescanDue, withRescan } from "./rescan.ts";
import { contextWriter, surroundingsOf } from "./surroundings.ts";

const PAGE = 100;

/**
 * Likes come with neither time nor id of their own, the newest like first. A read goes back until a page brings
 * nothing new; once a day it goes to the end, which shows what is no longer liked.
 */
export async function* readLikes(context: TwitterReadContext, account: Account): Pages {
  const client = openClient(context, account, context.partition.id);
  const user = await accountOf(client, account.id, context.partition.id);
  const known = await likesKnown(context, account.id);
  const whole = context.checkpoint?.mark === undefined || rescanDue(context) !== undefined;
  announceLikes(context, whole ? known.size : Math.min(known.size, PAGE));
  const seen = new Set<string>();
  let token: string | undefined;
  do {
    const answer = await fetchPage(client, account.id, token);
    refuseHidden(answer, account.id, context.partition.id);
    const page = gather();
    for (const id of gatherLikes(context, user, answer, known, page)) seen.add(id);
    token = answer.meta.next_token;
    const caughtUp = !whole && answer.data.length > 0 && page.events.length === 0;
    if (token !== undefined && !caughtUp) {
      yield page;
      continue;
    }
    if (whole && token === undefined) addUnlikes(context, user, known, seen, page);
    yield { ...(whole ? withRescan(context, page) : page), checkpoint: { mark: "read" } };
    return;
  } while (token !== undefined);
}

async function fetchPage(client: XClient, id: string, token: string | undefined): Promise<ListAnswer> {
  try {
    return await client.get(`users/${id}/liked_tweets`, ListAnswer, {
      ...POST_QUERY,
      max_results: String(PAGE),
      pagination_token: token,
    });
  } catch (error) {
    // Likes have no ids to go on below: the read begins again.
    if (
      !(error instanceof RefusedParameterError) ||
      token === undefined ||
      !error.parameters.includes("pagination_token")
    )
      throw error;
    throw new UnavailableError("X no longer takes the page token of the likes that it gave.", { cause: error });
  }
}

async function likesKnown(context: TwitterReadContext, accountId: string): Promise<Map<string, KnownEvent[]>> {
  const known = new Map<string, KnownEvent[]>();
  for await (const event of context.captured({ from: `like:${accountId}:`, to: `like:${accountId};` })) {
    known.set(event.key, [...(known.get(event.key) ?? []), event]);
  }
  return known;
}

function gatherLikes(
  context: TwitterReadContext,
  account: User,
  answer: ListAnswer,
  known: Map<string, KnownEvent[]>,
  page: Gathered,
): string[] {
  const surroundings = surroundingsOf(answer);
  return answer.data.map((raw) => {
    const post = parsePost(raw);
    const key = likeKey(account.id, post.chain[0]);
    const history = known.get(key) ?? [];
    const { likes, unlikes } = count(history);
    if (likes > unlikes) return key;
    const contexts = contextWriter(page);
    contexts.add("account", named(account));
    if (post.authorId) contexts.add(`user:${post.authorId}`, surroundings.users.get(post.authorId));
    const data = { account: account.id, post: raw };
    page.events.push({
      type: "Like",
      key,
      version: String(unlikes),
      occurredAt: context.startedAt.toISOString(),
      data,
      context: contexts.names,
    });
    return key;
  });
}

/** A like that is gone was withdrawn, or its post is: X does not tell which. */
function addUnlikes(
  context: TwitterReadContext,
  account: User,
  known: Map<string, KnownEvent[]>,
  seen: Set<string>,
  page: Gathered,
): void {
  for (const [key, history] of known) {
    const { likes, unlikes } = count(history);
    if (seen.has(key) || likes <= unlikes) continue;
    const post = key.slice(key.lastIndexOf(":") + 1).replace(/^0+/, "");
    const contexts = contextWriter(page);
    contexts.add("account", named(account));
    page.events.push({
      type: "Unlike",
      key,
      version: `unlike:${unlikes}`,
      occurredAt: context.startedAt.toISOString(),
      data: { account: account.id, post },
      context: contexts.names,
    });
  }
}

function named({ id, username, name }: User): Json {
  return { id, username, name };
}

function count(history: KnownEvent[]): { likes: number; unlikes: number } {
  const unlikes = history.filter(({ type }) => type === "Unlike").length;
  return { likes: history.length - unlikes, unlikes };
}
