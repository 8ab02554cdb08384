import type { CapturedEvent, MessageDraft } from "@hansard/core";
import { objectAt, stringAt } from "../schema/json.ts";
import { draft, said, threadOf, viewOf, type View } from "./draft.ts";
import { paragraph } from "./rich.ts";

/** What Slack itself posts about a conversation. Where it comes without a text, as live events do, one is made. */
export function noticeToMessage(event: CapturedEvent): MessageDraft {
  const view = viewOf(event);
  const { message, names } = view;
  const { blocks, around } = said(view);
  const first = message.text ? [] : [paragraph(sentenceFor(event.type, view))];
  const inviter =
    message.inviter && message.inviter !== message.user
      ? [paragraph(`Invited by ${names.person(message.inviter)}.`)]
      : [];
  const references = threadOf(view);
  return draft(view, {
    blocks: [...first, ...blocks, ...inviter],
    around,
    ...(references.length > 0 && { references }),
  });
}

function sentenceFor(type: string, { event, message, names, conversation }: View): string {
  const { data } = event;
  const who = message.user ? names.person(message.user) : "Somebody";
  const name = message.name ?? stringAt(objectAt(data, "channel"), "name") ?? conversation.title;
  switch (type) {
    case "Join":
      return `${who} joined ${conversation.title}.`;
    case "Leave":
      return `${who} left ${conversation.title}.`;
    case "Invite":
      return `${who} was invited to ${conversation.title}.`;
    case "Topic":
      return message.topic ? `${who} set the topic: ${message.topic}` : `${who} cleared the topic.`;
    case "Purpose":
      return message.purpose ? `${who} set the purpose: ${message.purpose}` : `${who} cleared the purpose.`;
    case "Rename":
      return `${who} renamed ${message.old_name ? `#${message.old_name}` : "the conversation"} to #${name}.`;
    case "Archive":
      return `${who} archived ${conversation.title}.`;
    case "Unarchive":
      return `${who} took ${conversation.title} out of the archive.`;
    case "Convert":
      return `${who} changed who can see or post in ${conversation.title}.`;
    case "ChannelCreate":
      return `${who} created the channel ${name}.`;
    case "ChannelDelete":
      return `${who} deleted the channel ${name}.`;
    case "Pin":
      return `${who} pinned an item.`;
    case "Unpin":
      return `${who} unpinned an item.`;
    case "BotAdd":
      return `${who} added an app.`;
    case "BotRemove":
      return `${who} removed an app.`;
    case "Huddle":
      return `A huddle in ${conversation.title}.`;
    case "Canvas":
      return `A canvas of ${conversation.title}${message.name ? `: ${message.name}` : ""}.`;
    default:
      return `A reminder in ${conversation.title}.`;
  }
}
