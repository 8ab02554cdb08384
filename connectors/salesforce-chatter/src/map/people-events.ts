import type { CapturedEvent, MessageDraft } from "@hansard/core";
import { z } from "zod";
import { conversationOf, fromAuthor, otherMembers, parse, recipients, Surroundings } from "./participants.ts";
import { firstLine } from "./rich-text.ts";

const PrivateMessage = z.object({
  message: z.object({ Body: z.string().nullish(), ConversationId: z.string().nullish() }),
});

export function privateMessageToMessage(event: CapturedEvent): MessageDraft {
  const { message } = parse(PrivateMessage, event.data, event);
  const around = parse(Surroundings, event.context, event);
  const conversation = message.ConversationId ?? event.key;
  return {
    from: fromAuthor(around),
    to: otherMembers(around),
    date: event.occurredAt,
    subject: firstLine(message.Body ?? "") || "Private message",
    text: message.Body ?? "",
    conversation: { id: conversation, name: "Private conversation" },
  };
}

const Membership = z.object({ member: z.object({ CollaborationRole: z.string().nullish() }) });

export function joinToMessage(event: CapturedEvent): MessageDraft {
  const { member } = parse(Membership, event.data, event);
  const around = parse(Surroundings, event.context, event);
  const role =
    member.CollaborationRole && member.CollaborationRole !== "Standard" ? ` as ${member.CollaborationRole}` : "";
  return membership(event, around, `joined the group${role}`);
}

const Left = z.object({ original: Surroundings });

export function leaveToMessage(event: CapturedEvent): MessageDraft {
  const { original } = parse(Left, event.context, event);
  const notes = [
    "Salesforce does not tell when a member left; the time is that at which the membership was found missing.",
  ];
  return { ...membership(event, original, "left the group"), notes };
}

function membership({ occurredAt }: CapturedEvent, around: Surroundings, what: string): MessageDraft {
  const name = around.author?.Name ?? around.author?.Id ?? "Someone";
  const place = conversationOf(around);
  return {
    from: fromAuthor(around),
    to: recipients(around),
    date: occurredAt,
    subject: `${name} ${what}: ${place.name}`,
    text: `${name} ${what} ${place.name}.`,
    conversation: place,
  };
}
