import type { CapturedEvent, MessageDraft } from "@hansard/core";
import { z } from "zod";
import { LikeItem } from "../schema/archive.ts";
import { parsePost } from "../schema/post.ts";
import { distinct, followersOf, handle, person } from "./people.ts";
import { expandLinks, paragraphs, subjectOf } from "./text.ts";

const Live = z.looseObject({ account: z.string(), post: z.json() });
const Archived = z.looseObject({ account: z.string(), like: LikeItem });
const Withdrawn = z.looseObject({ account: z.string(), post: z.string() });

export function toLike(event: CapturedEvent): MessageDraft {
  const { account, text, author } = likeOf(event);
  const by = handle(event.context, account);
  return {
    from: person(event.context, account),
    to: distinct([
      followersOf(event.context, account),
      ...(author === undefined ? [] : [person(event.context, author)]),
    ]),
    date: event.occurredAt,
    subject: subjectOf(`Like by ${by}`, text),
    text: `${by} liked:\n${text}`,
    html: paragraphs(`${by} liked:\n${text}`),
    notes: [
      "X does not tell when a like was given: the date is that of capture, or out of an account archive that of the liked post.",
    ],
  };
}

function likeOf({ data, context }: CapturedEvent): { account: string; text: string; author?: string | undefined } {
  const archived = Archived.safeParse(data).data;
  if (archived) {
    const { fullText, expandedUrl, tweetId } = archived.like.like;
    return { account: archived.account, text: fullText ?? expandedUrl ?? `the post ${tweetId}` };
  }
  const { account, post: raw } = Live.parse(data);
  const post = parsePost(raw);
  const by = post.authorId === undefined ? "" : ` (by ${handle(context, post.authorId)})`;
  return { account, text: `${expandLinks(post.text, post.links)}${by}`, author: post.authorId };
}

export function toUnlike(event: CapturedEvent): MessageDraft {
  const { account, post } = Withdrawn.parse(event.data);
  return {
    from: person(event.context, account),
    to: [followersOf(event.context, account)],
    date: event.occurredAt,
    subject: `Like withdrawn by ${handle(event.context, account)}`,
    text: `The post ${post} is no longer among the likes of ${handle(event.context, account)}: the like was withdrawn, or the post is gone.`,
    notes: ["The date is when it was noticed."],
    references: [event.key],
  };
}
