import type { Json } from "@hansard/core";
import { z } from "zod";

const Id = z.string().regex(/^\d+$/);

const WireDirectMessage = z.looseObject({
  id: Id,
  event_type: z.string(),
  text: z.string().optional(),
  sender_id: Id.optional(),
  participant_ids: z.array(Id).optional(),
  dm_conversation_id: z.string().optional(),
  created_at: z.string().optional(),
  attachments: z.looseObject({ media_keys: z.array(z.string()).optional() }).optional(),
  referenced_tweets: z.array(z.looseObject({ id: Id })).optional(),
  referenced_posts: z.array(z.looseObject({ id: Id })).optional(),
});

/** A direct message, or a coming or going in a group conversation. */
export interface DirectMessage {
  id: string;
  kind: string;
  text: string;
  senderId: string | undefined;
  participantIds: string[];
  conversationId: string;
  createdAt: string | undefined;
  mediaKeys: string[];
  sharedPosts: string[];
}

export function parseDirectMessage(raw: Json): DirectMessage {
  const message = WireDirectMessage.parse(raw);
  return {
    id: message.id,
    kind: message.event_type,
    text: message.text ?? "",
    senderId: message.sender_id,
    participantIds: message.participant_ids ?? [],
    conversationId: message.dm_conversation_id ?? "unknown",
    createdAt: message.created_at,
    mediaKeys: message.attachments?.media_keys ?? [],
    sharedPosts: (message.referenced_tweets ?? message.referenced_posts ?? []).map(({ id }) => id),
  };
}

/** The two people of a conversation of two, whose id is made of theirs; undefined for a group. */
export function peopleOf(conversationId: string): [string, string] | undefined {
  const pair = /^(\d+)-(\d+)$/.exec(conversationId);
  return pair?.[1] && pair[2] ? [pair[1], pair[2]] : undefined;
}
