import type { Json, SourceEvent } from "@hansard/core";
import { z } from "zod";
import {
  ArchivedMessage,
  ArchivedPost,
  DirectMessageItem,
  LikeItem,
  NoteItem,
  parseArchivedPost,
} from "../schema/archive.ts";
import { padded, timeOf } from "../schema/ids.ts";
import type { EventType } from "./context.ts";
import { directMessageKey, likeKey, ownPostKey } from "./keys.ts";

export interface ArchiveFile {
  kind: string;
  name: string;
  globalName: string;
  /** How many items the manifest counts. */
  count: number;
  mediaDirectory: string;
  owner: { id: string; username: string; name: string };
}

export interface ArchiveItem {
  event: SourceEvent<EventType>;
  contexts: Record<string, Json>;
  /** The id that the names of its files begin with. */
  mediaOf?: string;
}

type Reader = (file: ArchiveFile, item: Json) => ArchiveItem[];

const READERS: Record<string, Reader> = {
  tweets: posts,
  tweet: posts,
  deletedTweets: posts,
  communityTweet: posts,
  noteTweet: notes,
  like: likes,
  directMessages,
  directMessagesGroup: directMessages,
  messageEvent: encrypted,
  article: articles,
};

/** The manifest names the kinds in camel case, the files have hyphens. */
function camel(kind: string): string {
  return kind.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Whether files of this kind hold what was said; the rest is settings, advertising and the like. */
export function isRead(kind: string): boolean {
  return camel(kind) in READERS;
}

export function eventsOf(file: ArchiveFile, item: Json): ArchiveItem[] {
  return READERS[camel(file.kind)]?.(file, item) ?? [];
}

function described(file: ArchiveFile, event: SourceEvent<EventType>, mediaOf?: string): ArchiveItem {
  const id = `owner:${file.owner.id}:${file.owner.username}:${file.owner.name}`;
  return {
    event: { ...event, context: { account: id } },
    contexts: { [id]: file.owner },
    ...(mediaOf !== undefined && { mediaOf }),
  };
}

function posts(file: ArchiveFile, item: Json): ArchiveItem[] {
  const { tweet: raw } = z.looseObject({ tweet: z.json() }).parse(item);
  const post = parseArchivedPost(raw, file.owner.id);
  const key = ownPostKey(file.owner.id, post.chain[0]);
  const occurredAt = post.createdAt ?? "";
  const written = described(file, { type: typeOf(file, post), key, version: post.id, occurredAt, data: item }, post.id);
  const { deleted_at } = ArchivedPost.parse(raw);
  if (deleted_at === undefined) return [written];
  const data = { id: post.id, reason: "deleted", said: "The account archive lists it among the deleted posts." };
  return [
    written,
    described(file, { type: "Delete", key, version: "deleted", occurredAt: new Date(deleted_at).toISOString(), data }),
  ];
}

function typeOf(file: ArchiveFile, post: ReturnType<typeof parseArchivedPost>): EventType {
  if (post.chain[0] !== post.id) return "Edit";
  if (post.reposts) return "Retweet";
  if (camel(file.kind) === "communityTweet") return "CommunityPost";
  if (post.repliesTo) return "Reply";
  return post.quotes ? "Quote" : "Tweet";
}

function notes(file: ArchiveFile, item: Json): ArchiveItem[] {
  const { noteTweet } = NoteItem.parse(item);
  const key = `note:${file.owner.id}:${padded(noteTweet.noteTweetId)}`;
  return [described(file, { type: "Note", key, occurredAt: new Date(noteTweet.createdAt).toISOString(), data: item })];
}

/** Likes in an archive have no time: they are dated by the post that was liked. */
function likes(file: ArchiveFile, item: Json): ArchiveItem[] {
  const { like } = LikeItem.parse(item);
  return [
    described(file, {
      type: "Like",
      key: likeKey(file.owner.id, like.tweetId),
      version: "0",
      occurredAt: timeOrEpoch(like.tweetId),
      data: { account: file.owner.id, like: item },
    }),
  ];
}

function directMessages(file: ArchiveFile, item: Json): ArchiveItem[] {
  const { conversationId, messages } = DirectMessageItem.parse(item).dmConversation;
  return messages.flatMap((wrapped) =>
    Object.entries(wrapped).flatMap(([kind, raw]) => {
      const message = ArchivedMessage.parse(raw);
      const id = message.id ?? `${new Date(message.createdAt).getTime()}`;
      const key = directMessageKey(file.owner.id, conversationId, id);
      const occurredAt = new Date(message.createdAt).toISOString();
      const data = { conversationId, kind, message: raw };
      const event = {
        type: DIRECT_MESSAGE_TYPES[kind] ?? "Other",
        key: message.id ? key : `${key}:${kind}:${(message.userIds ?? []).join("-")}`.replace(/:$/, ""),
        occurredAt,
        data,
      };
      const reactions = message.reactions.map((reaction) =>
        described(file, {
          type: "Reaction",
          key: `${key}:reaction:${reaction.eventId}`,
          occurredAt: new Date(reaction.createdAt).toISOString(),
          data: { conversationId, kind: "reaction", message: raw, reaction: z.json().parse(reaction) },
        }),
      );
      return [described(file, event, message.id), ...reactions];
    }),
  );
}

const DIRECT_MESSAGE_TYPES: Record<string, EventType> = {
  messageCreate: "DirectMessage",
  welcomeMessageCreate: "DirectMessage",
  joinConversation: "DirectMessageJoin",
  participantsJoin: "DirectMessageJoin",
  participantsLeave: "DirectMessageLeave",
  conversationNameUpdate: "DirectMessageName",
};

const Encrypted = z.looseObject({
  id: z.string().optional(),
  messageId: z.string().optional(),
  sequenceId: z.string().optional(),
  createdAt: z.string().optional(),
  createdAtMsec: z.string().optional(),
});

/** Ciphertext: who and when may be told, what may not. It is kept as it is, for whoever has the keys. */
function encrypted(file: ArchiveFile, item: Json): ArchiveItem[] {
  const inner = unwrap(item);
  const { id, messageId, sequenceId, createdAt, createdAtMsec } = Encrypted.parse(inner);
  const name = id ?? messageId ?? sequenceId;
  if (name === undefined) throw new Error("The message has no id.");
  const milliseconds = createdAtMsec === undefined ? Date.parse(createdAt ?? "") : Number(createdAtMsec);
  const occurredAt = Number.isFinite(milliseconds) ? new Date(milliseconds).toISOString() : timeOrEpoch(name);
  return [
    described(file, {
      type: "EncryptedMessage",
      key: `encrypted:${file.owner.id}:${padded(name)}`,
      occurredAt,
      data: item,
    }),
  ];
}

const ArticleItem = z.looseObject({
  id: z.string(),
  createdAt: z.string().optional(),
  created_at: z.string().optional(),
});

function articles(file: ArchiveFile, item: Json): ArchiveItem[] {
  const article = ArticleItem.parse(unwrap(item));
  const written = article.createdAt ?? article.created_at;
  const occurredAt = written === undefined ? timeOrEpoch(article.id) : new Date(written).toISOString();
  return [
    described(file, { type: "Article", key: `article:${file.owner.id}:${padded(article.id)}`, occurredAt, data: item }),
  ];
}

/** Every item stands under one name, such as `{"article": {…}}`. */
function unwrap(item: Json): Json {
  const wrapped = z.record(z.string(), z.json()).parse(item);
  return Object.values(wrapped)[0] ?? null;
}

function timeOrEpoch(id: string): string {
  const known = /^\d+$/.test(id) ? timeOf(id) : undefined;
  return (known ?? new Date(0)).toISOString();
}
