import type { CapturedEvent, MessageDraft } from "@hansard/core";
import { z } from "zod";
import { Item, bodyOf } from "./feed.ts";
import { conversationOf, fromAuthor, parse, recipients, Surroundings } from "./participants.ts";
import { firstLine } from "./rich-text.ts";

const Reaction = z.object({
  reaction: z.object({ ChoiceBody: z.string().nullish() }).optional(),
  post: z.string(),
});
/** Of a withdrawn reaction Salesforce tells nothing, so whose it was comes from when it was captured. */
const Withdrawn = z.object({ author: Surroundings.shape.author.nullish() }).optional();
const Context = Surroundings.extend({ original: z.object({ item: Item }).optional(), reaction: Withdrawn });

export function likeToMessage(event: CapturedEvent): MessageDraft {
  return reactionToMessage(event, (title) => `Liked: ${title}`);
}

export function unlikeToMessage(event: CapturedEvent): MessageDraft {
  return reactionToMessage(event, (title) => `No longer liked: ${title}`);
}

export function voteToMessage(event: CapturedEvent): MessageDraft {
  return reactionToMessage(event, (title, choice) => `Voted for "${choice}": ${title}`);
}

export function voteWithdrawnToMessage(event: CapturedEvent): MessageDraft {
  return reactionToMessage(event, (title) => `Vote withdrawn: ${title}`);
}

function reactionToMessage(event: CapturedEvent, phrase: (title: string, choice: string) => string): MessageDraft {
  const { reaction, post } = parse(Reaction, event.data, event);
  const context = parse(Context, event.context, event);
  const author = context.author ?? context.reaction?.author ?? undefined;
  const around = { ...context, author };
  const item = context.original?.item;
  const title = item ? (item.Title ?? firstLine(bodyOf(item))) : post;
  const subject = phrase(title, reaction?.ChoiceBody ?? "");
  return {
    from: fromAuthor(around),
    to: recipients(around),
    date: event.occurredAt,
    subject,
    text: subject,
    notes: reaction
      ? []
      : ["Salesforce does not tell when it was withdrawn; the time is that at which it was found missing."],
    conversation: conversationOf(around),
    references: [post],
  };
}
