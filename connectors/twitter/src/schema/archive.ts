import type { Json } from "@hansard/core";
import { z } from "zod";
import { type Post, unescapeText } from "./post.ts";

const Id = z.string().regex(/^\d+$/);

/** What an archive says of itself: which files there are, and how many items each holds. */
export const Manifest = z.looseObject({
  userInfo: z.looseObject({ accountId: Id, userName: z.string(), displayName: z.string().default("") }),
  archiveInfo: z.looseObject({ generationDate: z.string(), isPartialArchive: z.boolean().default(false) }),
  dataTypes: z.record(
    z.string(),
    z.looseObject({
      mediaDirectory: z.string().optional(),
      files: z
        .array(z.looseObject({ fileName: z.string(), globalName: z.string(), count: z.coerce.number() }))
        .default([]),
    }),
  ),
});
export type Manifest = z.infer<typeof Manifest>;

const EditTimes = z.looseObject({ editTweetIds: z.array(Id).default([]) });

export const ArchivedPost = z.looseObject({
  id_str: Id,
  full_text: z.string(),
  created_at: z.string(),
  in_reply_to_status_id_str: Id.optional(),
  in_reply_to_user_id_str: Id.optional(),
  in_reply_to_screen_name: z.string().optional(),
  entities: z
    .looseObject({
      user_mentions: z.array(z.looseObject({ screen_name: z.string(), id_str: Id.optional() })).optional(),
      urls: z.array(z.looseObject({ url: z.string(), expanded_url: z.string().optional() })).optional(),
    })
    .optional(),
  edit_info: z.looseObject({ initial: EditTimes.optional(), edit: EditTimes.optional() }).optional(),
  deleted_at: z.string().optional(),
});

/** An archive's posts are the account's own; the archive does not repeat whose. */
export function parseArchivedPost(raw: Json, accountId: string): Post {
  const post = ArchivedPost.parse(raw);
  const history = (post.edit_info?.initial ?? post.edit_info?.edit)?.editTweetIds ?? [];
  const links = (post.entities?.urls ?? []).map(({ url, expanded_url }) => ({ url, target: expanded_url ?? url }));
  const reposts = post.full_text.startsWith("RT @");
  return {
    id: post.id_str,
    text: unescapeText(post.full_text),
    authorId: accountId,
    createdAt: new Date(post.created_at).toISOString(),
    conversationId: undefined,
    chain: [history[0] ?? post.id_str, ...history.slice(1)],
    editableUntil: undefined,
    repliesTo: post.in_reply_to_status_id_str,
    repliesToUser: post.in_reply_to_user_id_str,
    quotes: reposts
      ? undefined
      : links.map(({ target }) => /(?:x|twitter)\.com\/\w+\/status\/(\d+)/.exec(target)?.[1]).find(Boolean),
    // An archive says that a post repeats another one, but not which.
    reposts: reposts ? "unknown" : undefined,
    mentions: (post.entities?.user_mentions ?? []).map(({ screen_name, id_str }) => ({
      username: screen_name,
      id: id_str,
    })),
    links,
    mediaKeys: [],
    pollIds: [],
    communityId: undefined,
    article: undefined,
  };
}

export const DirectMessageItem = z.looseObject({
  dmConversation: z.looseObject({ conversationId: z.string(), messages: z.array(z.record(z.string(), z.json())) }),
});

export const ArchivedMessage = z.looseObject({
  id: Id.optional(),
  senderId: Id.optional(),
  recipientId: Id.optional(),
  initiatingUserId: Id.optional(),
  userIds: z.array(Id).optional(),
  participantsSnapshot: z.array(Id).optional(),
  name: z.string().optional(),
  text: z.string().optional(),
  createdAt: z.string(),
  reactions: z
    .array(z.looseObject({ senderId: Id, reactionKey: z.string(), eventId: Id, createdAt: z.string() }))
    .default([]),
});

export const LikeItem = z.looseObject({
  like: z.looseObject({ tweetId: Id, fullText: z.string().optional(), expandedUrl: z.string().optional() }),
});

export const NoteItem = z.looseObject({
  noteTweet: z.looseObject({ noteTweetId: Id, createdAt: z.string(), core: z.looseObject({ text: z.string() }) }),
});
