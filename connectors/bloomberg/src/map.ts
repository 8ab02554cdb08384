import type { CapturedEvent, MessageDraft } from "@hansard/core";
import {
  chatFile,
  chatHistory,
  chatInvite,
  chatJoin,
  chatLeave,
  chatMessage,
  chatNote,
  chatSystem,
} from "./map/chat.ts";
import { mail } from "./map/mail.ts";
import { other } from "./map/other.ts";

/** Every event type the connector archives. The keys end up in the message class. */
export const events = {
  Mail: mail,
  Chat: chatMessage,
  PersistentChat: chatMessage,
  Note: chatNote,
  System: chatSystem,
  File: chatFile,
  Invite: chatInvite,
  Join: chatJoin,
  Leave: chatLeave,
  History: chatHistory,
  Other: other,
} satisfies Record<string, (event: CapturedEvent) => MessageDraft>;

export type EventType = keyof typeof events;
