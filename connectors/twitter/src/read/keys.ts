import type { KnownEvent } from "@hansard/core";
import type { Settings } from "../schema.ts";
import { padded } from "../schema/ids.ts";
import type { Post } from "../schema/post.ts";
import type { TwitterReadContext } from "./context.ts";

/** The accounts whose own posts are archived; everybody else is a stranger who mentions them. */
export function watchedAuthors({ accounts, archives }: Settings): Set<string> {
  const streaming = accounts.filter(({ streams }) => streams.includes("posts")).map(({ id }) => id);
  return new Set([...streaming, ...archives.map(({ accountId }) => accountId)]);
}

/** A post has one key, whichever stream shows it: its author's, or for a stranger that of mentions. */
export function postKey(settings: Settings, post: Post): string {
  const author = post.authorId;
  return author !== undefined && watchedAuthors(settings).has(author)
    ? ownPostKey(author, post.chain[0])
    : `mention:${padded(post.chain[0])}`;
}

export function ownPostKey(author: string, id: string): string {
  return `post:${author}:${padded(id)}`;
}

export function likeKey(accountId: string, postId: string): string {
  return `like:${accountId}:${padded(postId)}`;
}

/** A group's message stands once for each account that sees it, since X does not tell who else does. */
export function directMessageKey(accountId: string, conversationId: string, id: string): string {
  return conversationId.includes("-")
    ? `dm:${conversationId}:${padded(id)}`
    : `dm:${conversationId}:${accountId}:${padded(id)}`;
}

/** What the journal holds of exactly this key. */
export async function knownOf(context: TwitterReadContext, key: string): Promise<KnownEvent[]> {
  const known: KnownEvent[] = [];
  for await (const event of context.captured({ from: key, to: `${key}\u0000` })) known.push(event);
  return known;
}
