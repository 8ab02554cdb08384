import { type Json, type SourceEvent, UnexpectedResponseError } from "@hansard/core";
import { type ListAnswer, ListAnswer as ListAnswerSchema } from "../schema/answer.ts";
import { timeOf } from "../schema/ids.ts";
import { type Post, parsePost } from "../schema/post.ts";
import type { XClient } from "./client.ts";
import type { EventType, Gathered, TwitterReadContext } from "./context.ts";
import { knownOf, postKey, watchedAuthors } from "./keys.ts";
import { attach } from "./media.ts";
import { POST_QUERY } from "./query.ts";
import { type Surroundings, contextWriter, mediaOf, mergeSurroundings, surroundingsOf } from "./surroundings.ts";

/** How long after the last moment of editing a post is read again: X needs a while to show an edit everywhere. */
const SETTLE_MS = 5 * 60_000;
const LOOKUP_IDS = 100;

/** Looks posts up by id, as many as X takes at once. */
export async function lookUp(client: XClient, ids: string[]): Promise<ListAnswer> {
  return client.get("tweets", ListAnswerSchema, { ...POST_QUERY, ids: ids.slice(0, LOOKUP_IDS).join(",") });
}

/** Turns an answer's posts into events, one for each version, and owes a second look where an edit may still come. */
export async function gatherPosts(
  context: TwitterReadContext,
  client: XClient,
  answer: ListAnswer,
  page: Gathered,
): Promise<Post[]> {
  const posts = answer.data.map(parse);
  const surroundings = surroundingsOf(answer);
  const raws = new Map(posts.map((post, index) => [post.id, answer.data[index] ?? null]));
  await fetchVersions(client, posts, raws, surroundings);
  const done = new Set<string>();
  for (const post of posts) {
    for (const id of [...post.chain, post.id]) {
      const raw = raws.get(id) ?? surroundings.posts.get(id);
      if (done.has(id) || raw === undefined) continue;
      done.add(id);
      await gatherVersion(context, parse(raw), raw, surroundings, page);
    }
    await reportMissingVersions(context, post, done, page);
    oweSecondLook(context, post, page);
  }
  return posts;
}

/** The versions of an edited post that the answer does not bring. */
async function fetchVersions(
  client: XClient,
  posts: Post[],
  raws: Map<string, Json>,
  surroundings: Surroundings,
): Promise<void> {
  const missing = posts.flatMap(({ chain }) => chain).filter((id) => !raws.has(id) && !surroundings.posts.has(id));
  for (let start = 0; start < missing.length; start += LOOKUP_IDS) {
    const answer = await lookUp(client, missing.slice(start, start + LOOKUP_IDS));
    for (const raw of answer.data) raws.set(parse(raw).id, raw);
    mergeSurroundings(surroundings, surroundingsOf(answer));
  }
}

async function gatherVersion(
  context: TwitterReadContext,
  post: Post,
  raw: Json,
  surroundings: Surroundings,
  page: Gathered,
): Promise<void> {
  const key = postKey(context.settings, post);
  const known = await knownOf(context, key);
  if (known.some(({ version }) => version === post.id)) return;
  const occurredAt = post.createdAt ?? timeOf(post.id)?.toISOString() ?? context.startedAt.toISOString();
  const contexts = contextWriter(page);
  describe(post, surroundings, contexts.add);
  const attachments = [];
  for (const mediaKey of post.mediaKeys) {
    const media = mediaOf(surroundings, mediaKey);
    const unavailable = "X did not tell where the file is.";
    attachments.push(
      media
        ? await attach(context, media, { key, version: post.id, occurredAt }, page)
        : { id: mediaKey, name: mediaKey, unavailable },
    );
  }
  const event: SourceEvent<EventType> = {
    type: typeOf(context, post),
    key,
    version: post.id,
    occurredAt,
    data: raw,
    context: contexts.names,
  };
  page.events.push(attachments.length > 0 ? { ...event, attachments } : event);
}

function typeOf({ settings }: TwitterReadContext, post: Post): EventType {
  if (post.chain[0] !== post.id) return "Edit";
  if (post.authorId === undefined || !watchedAuthors(settings).has(post.authorId)) return "Mention";
  if (post.reposts) return "Retweet";
  if (post.article) return "Article";
  if (post.communityId) return "CommunityPost";
  if (post.repliesTo) return "Reply";
  return post.quotes ? "Quote" : "Tweet";
}

/** What the message must show beside the post: people's names, the posts that it refers to, files, polls. */
function describe(
  post: Post,
  surroundings: Surroundings,
  add: (name: string, content: Json | undefined) => void,
): void {
  const { users, posts, media, polls, problems } = surroundings;
  const userIds = [post.repliesToUser, ...post.mentions.map(({ id }) => id)];
  if (post.authorId) add("author", users.get(post.authorId));
  for (const id of [post.repliesTo, post.quotes, post.reposts]) {
    if (id === undefined) continue;
    const raw = posts.get(id);
    add(`referenced:${id}`, raw);
    if (raw === undefined) add(`absent:${id}`, problems.get(id)?.detail);
    else userIds.push(parse(raw).authorId);
    for (const key of raw === undefined ? [] : parse(raw).mediaKeys) add(`media:${key}`, media.get(key));
  }
  for (const id of userIds) if (id !== undefined) add(`user:${id}`, users.get(id));
  for (const key of post.mediaKeys) add(`media:${key}`, media.get(key));
  for (const id of post.pollIds) add(`poll:${id}`, polls.get(id));
}

async function reportMissingVersions(
  context: TwitterReadContext,
  post: Post,
  done: Set<string>,
  page: Gathered,
): Promise<void> {
  const missing = post.chain.filter((version) => !done.has(version));
  if (missing.length === 0) return;
  const known = new Set((await knownOf(context, postKey(context.settings, post))).map(({ version }) => version));
  for (const id of missing.filter((version) => !known.has(version))) {
    page.gaps.push({
      id: `version:${id}`,
      reason: `X names the version ${id} of the post ${post.chain[0]} but does not give it.`,
      remedy: "Import the account's archive, which holds the versions of its own posts.",
      events: 1,
    });
  }
}

function oweSecondLook({ startedAt, settings }: TwitterReadContext, post: Post, page: Gathered): void {
  if (post.editableUntil === undefined) return;
  const dueMs = Date.parse(post.editableUntil) + SETTLE_MS;
  if (!(dueMs > startedAt.getTime())) return;
  page.followUps.push({
    id: `edits:${post.chain[0]}`,
    dueAt: new Date(dueMs).toISOString(),
    data: { key: postKey(settings, post), id: post.id },
  });
}

function parse(raw: Json): Post {
  try {
    return parsePost(raw);
  } catch (cause) {
    throw new UnexpectedResponseError("X gave a post that is not of the known form.", {
      cause,
      remedy: "Look for a newer version of the connector.",
    });
  }
}
