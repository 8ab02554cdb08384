import type { Json } from "@hansard/core";
import { z } from "zod";

const Id = z.string().regex(/^\d+$/);
const Text = z.looseObject({ text: z.string() });
const Reference = z.looseObject({ type: z.string(), id: Id });

/** The fields of a post that are used. X is renaming tweets to posts: both spellings occur. */
const WirePost = z.looseObject({
  id: Id,
  text: z.string().optional(),
  author_id: Id.optional(),
  created_at: z.string().optional(),
  conversation_id: Id.optional(),
  in_reply_to_user_id: Id.nullish(),
  referenced_tweets: z.array(Reference).optional(),
  referenced_posts: z.array(Reference).optional(),
  attachments: z
    .looseObject({ media_keys: z.array(z.string()).optional(), poll_ids: z.array(z.string()).optional() })
    .optional(),
  entities: z
    .looseObject({
      mentions: z.array(z.looseObject({ username: z.string(), id: Id.optional() })).optional(),
      urls: z.array(z.looseObject({ url: z.string(), expanded_url: z.string().optional() })).optional(),
    })
    .optional(),
  edit_history_tweet_ids: z.array(Id).optional(),
  edit_history_post_ids: z.array(Id).optional(),
  edit_controls: z
    .looseObject({ editable_until: z.string().optional(), is_edit_eligible: z.boolean().optional() })
    .optional(),
  note_tweet: Text.optional(),
  note_post: Text.optional(),
  community_id: Id.nullish(),
  article: z
    .looseObject({ title: z.string().optional(), plain_text: z.string().optional(), text: z.string().optional() })
    .optional(),
});

/** A post in one spelling, whichever it came in. */
export interface Post {
  id: string;
  text: string;
  authorId: string | undefined;
  createdAt: string | undefined;
  conversationId: string | undefined;
  /** The ids of all versions, the oldest first. */
  chain: [string, ...string[]];
  editableUntil: string | undefined;
  repliesTo: string | undefined;
  repliesToUser: string | undefined;
  quotes: string | undefined;
  reposts: string | undefined;
  mentions: { id?: string | undefined; username: string }[];
  links: { url: string; target: string }[];
  mediaKeys: string[];
  pollIds: string[];
  communityId: string | undefined;
  article: { title: string; text: string } | undefined;
}

export function parsePost(raw: Json): Post {
  const post = WirePost.parse(raw);
  const references = post.referenced_tweets ?? post.referenced_posts ?? [];
  const referenced = (...types: string[]) => references.find(({ type }) => types.includes(type))?.id;
  const history = post.edit_history_tweet_ids ?? post.edit_history_post_ids ?? [];
  return {
    id: post.id,
    text: unescapeText((post.note_tweet ?? post.note_post)?.text ?? post.text ?? ""),
    authorId: post.author_id,
    createdAt: post.created_at,
    conversationId: post.conversation_id,
    chain: [history[0] ?? post.id, ...history.slice(1)],
    editableUntil: post.edit_controls?.is_edit_eligible === false ? undefined : post.edit_controls?.editable_until,
    repliesTo: referenced("replied_to"),
    repliesToUser: post.in_reply_to_user_id ?? undefined,
    quotes: referenced("quoted"),
    reposts: referenced("retweeted", "reposted"),
    mentions: post.entities?.mentions ?? [],
    links: (post.entities?.urls ?? []).map(({ url, expanded_url }) => ({ url, target: expanded_url ?? url })),
    mediaKeys: post.attachments?.media_keys ?? [],
    pollIds: post.attachments?.poll_ids ?? [],
    communityId: post.community_id ?? undefined,
    article: post.article && {
      title: post.article.title ?? "",
      text: post.article.plain_text ?? post.article.text ?? "",
    },
  };
}

/** X gives the text of posts as it would stand in a page. */
export function unescapeText(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

export const User = z.looseObject({
  id: Id,
  username: z.string(),
  name: z.string().default(""),
  protected: z.boolean().optional(),
  public_metrics: z.looseObject({ tweet_count: z.number().optional(), post_count: z.number().optional() }).optional(),
});
export type User = z.infer<typeof User>;

export const Media = z.looseObject({
  media_key: z.string(),
  type: z.string(),
  url: z.string().optional(),
  alt_text: z.string().optional(),
  variants: z
    .array(z.looseObject({ url: z.string(), content_type: z.string().optional(), bit_rate: z.number().optional() }))
    .optional(),
});
export type Media = z.infer<typeof Media>;

export const Poll = z.looseObject({
  id: z.string(),
  options: z.array(z.looseObject({ label: z.string(), votes: z.number().optional() })).default([]),
});
