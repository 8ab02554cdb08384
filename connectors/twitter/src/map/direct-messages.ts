import type { CapturedEvent, Json, MessageDraft, Participant } from "@hansard/core";
import { z } from "zod";
import { ArchivedMessage } from "../schema/archive.ts";
import { type DirectMessage, parseDirectMessage, peopleOf } from "../schema/direct-message.ts";
import { parsePost } from "../schema/post.ts";
import { filesOf } from "./attachments.ts";
import { accountOf, distinct, handle, person } from "./people.ts";
import { notesOf } from "./posts.ts";
import { paragraphs, subjectOf } from "./text.ts";

const FromArchive = z.looseObject({ conversationId: z.string(), kind: z.string(), message: ArchivedMessage });
const Reaction = z.looseObject({ reaction: z.looseObject({ senderId: z.string(), reactionKey: z.string() }) });
const GROUP_NOTE =
  "X does not name the members of a group conversation: it is addressed to the account that could read it.";

export function toDirectMessage(event: CapturedEvent): MessageDraft {
  const message = messageOf(event);
  const { attachments, html, notes } = filesOf(event);
  const shared = message.sharedPosts.map((id) => sharedPost(event.context, id));
  const text = [message.text, ...shared].filter(Boolean).join("\n\n");
  return {
    ...envelope(event, message),
    subject: subjectOf(`Direct message from ${handle(event.context, message.senderId ?? "unknown")}`, message.text),
    text,
    html: `${text && paragraphs(text)}${html}`,
    ...(attachments.length > 0 && { attachments }),
    ...notesOf([...notes, ...groupNotes(message)]),
  };
}

export function toMembershipChange(event: CapturedEvent): MessageDraft {
  const message = messageOf(event);
  const who =
    message.participantIds.map((id) => handle(event.context, id)).join(", ") ||
    handle(event.context, message.senderId ?? "unknown");
  const text = `${who} ${event.type === "DirectMessageJoin" ? "joined" : "left"} the conversation.`;
  return { ...envelope(event, message), subject: `Direct messages: ${text}`, text, ...notesOf(groupNotes(message)) };
}

export function toNameChange(event: CapturedEvent): MessageDraft {
  const { message: raw } = FromArchive.parse(event.data);
  const message = messageOf(event);
  const text = `The conversation was named "${raw.name ?? ""}".`;
  return { ...envelope(event, message), subject: text, text, ...notesOf(groupNotes(message)) };
}

export function toReaction(event: CapturedEvent): MessageDraft {
  const { reaction } = Reaction.parse(event.data);
  const message = messageOf(event);
  const text = `${handle(event.context, reaction.senderId)} reacted with "${reaction.reactionKey}" to: ${message.text}`;
  const everyone = distinct([person(event.context, message.senderId ?? "unknown"), ...envelope(event, message).to]);
  const others = everyone.filter(({ id }) => id !== reaction.senderId);
  return {
    ...envelope(event, message),
    from: person(event.context, reaction.senderId),
    to: others.length > 0 ? others : everyone,
    subject: subjectOf("Reaction to a direct message", message.text),
    text,
    references: [event.key.replace(/:reaction:.*$/, "")],
  };
}

const Cipher = z.looseObject({
  senderId: z.string().optional(),
  sender_id: z.string().optional(),
  conversationId: z.string().optional(),
  conversation_id: z.string().optional(),
});
const Conversation = z.looseObject({ id: z.string(), participants: z.array(z.string()) });

/** Ciphertext. The raw data is attached, for whoever has the keys. */
export function toEncryptedMessage(event: CapturedEvent): MessageDraft {
  const { context } = event;
  const wrapped = z.record(z.string(), z.json()).parse(event.data);
  const cipher = Cipher.safeParse(Object.values(wrapped)[0]).data ?? {};
  const known = Conversation.safeParse(context["conversation"]).data;
  const conversationId = known?.id ?? cipher.conversationId ?? cipher.conversation_id;
  const owner = accountOf(context)?.id ?? "unknown";
  const sender = cipher.senderId ?? cipher.sender_id ?? owner;
  // Each account that could read it has an event of its own.
  const others = sender === owner ? (known?.participants ?? []).filter((id) => id !== owner) : [];
  return {
    from: person(context, sender),
    to: (others.length > 0 ? others : [owner]).map((id) => person(context, id)),
    date: event.occurredAt,
    subject: "Encrypted message",
    text: "This message is encrypted from end to end. Its text cannot be read without the private keys of its parties.",
    attachments: [
      {
        id: "raw",
        name: "encrypted.json",
        contentType: "application/json",
        content: { text: JSON.stringify(event.data, null, 2) },
      },
    ],
    notes: ["The text is encrypted and could not be read."],
    ...(conversationId !== undefined && { conversation: { id: conversationId, name: "Encrypted conversation" } }),
  };
}

function messageOf({ data, key }: CapturedEvent): DirectMessage {
  const archived = FromArchive.safeParse(data).data;
  if (!archived) return parseDirectMessage(data);
  const { message, kind, conversationId } = archived;
  return {
    id: message.id ?? key,
    kind,
    text: message.text ?? "",
    senderId: message.senderId ?? message.initiatingUserId ?? message.userIds?.[0],
    participantIds:
      message.userIds ??
      message.participantsSnapshot ??
      (message.recipientId === undefined ? [] : [message.recipientId]),
    conversationId,
    createdAt: message.createdAt,
    mediaKeys: [],
    sharedPosts: [],
  };
}

function envelope(
  event: CapturedEvent,
  message: DirectMessage,
): Pick<MessageDraft, "from" | "to" | "date" | "conversation"> {
  const { context } = event;
  const sender = message.senderId ?? "unknown";
  const pair = peopleOf(message.conversationId);
  const account = accountOf(context);
  const group: Participant = {
    id: `conversation:${message.conversationId}`,
    name: `Group conversation ${message.conversationId}`,
    kind: "place",
  };
  const others = pair ?? [account?.id, ...message.participantIds].filter((id) => id !== undefined);
  const people = [...new Set(others)].filter((id) => id !== sender).map((id) => person(context, id));
  const to = pair ? people : [group, ...people];
  return {
    from: person(context, sender),
    to: to.length > 0 ? to : [person(context, sender)],
    date: event.occurredAt,
    conversation: {
      id: message.conversationId,
      name: pair ? pair.map((id) => handle(context, id)).join(" and ") : `Group conversation ${message.conversationId}`,
    },
  };
}

function groupNotes({ conversationId }: DirectMessage): string[] {
  return peopleOf(conversationId) ? [] : [GROUP_NOTE];
}

function sharedPost(context: Record<string, Json>, id: string): string {
  const raw = context[`referenced:${id}`];
  if (raw === undefined) return `Shared the post ${id}, which could not be read.`;
  const post = parsePost(raw);
  const by = post.authorId === undefined ? "" : ` by ${handle(context, post.authorId)}`;
  return [`Shared a post${by}:`, ...post.text.split("\n").map((line) => `> ${line}`)].join("\n");
}
