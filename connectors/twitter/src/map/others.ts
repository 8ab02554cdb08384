import type { CapturedEvent, MessageDraft, Participant } from "@hansard/core";
import { z } from "zod";
import { NoteItem } from "../schema/archive.ts";
import { parsePost } from "../schema/post.ts";
import { filesOf } from "./attachments.ts";
import { accountOf, followersOf, handle, person } from "./people.ts";
import { notesOf, toPost } from "./posts.ts";
import { paragraphs, subjectOf } from "./text.ts";

const ArchivedArticle = z.looseObject({
  article: z.looseObject({ id: z.string() }).and(z.record(z.string(), z.json())),
});

/** A long text with a title. */
export function toArticle(event: CapturedEvent): MessageDraft {
  const archived = ArchivedArticle.safeParse(event.data).data;
  if (archived && !("author_id" in archived)) {
    const found = ArticleText.safeParse(archived.article).data ?? {};
    return withText(
      event,
      `Article: ${found.title ?? ""}`,
      found.plain_text ?? found.plainText ?? found.text ?? JSON.stringify(archived.article, null, 2),
    );
  }
  const post = parsePost(event.data);
  const draft = toPost(event);
  const text = [post.article?.title, post.article?.text, draft.text].filter(Boolean).join("\n\n");
  return {
    ...draft,
    subject: subjectOf(
      `Article by ${handle(event.context, post.authorId ?? "unknown")}`,
      post.article?.title ?? post.text,
    ),
    text,
    html: paragraphs(text),
  };
}

const ArticleText = z.looseObject({
  title: z.string().optional(),
  plain_text: z.string().optional(),
  plainText: z.string().optional(),
  text: z.string().optional(),
});

/** The whole text of a long post, which an account archive keeps apart from the post. */
export function toNote(event: CapturedEvent): MessageDraft {
  const { text } = NoteItem.parse(event.data).noteTweet.core;
  const draft = withText(
    event,
    `Long text of a post by ${handle(event.context, accountOf(event.context)?.id ?? "unknown")}`,
    text,
  );
  return {
    ...draft,
    notes: ["An account archive holds the text of a long post apart; the post itself has the same date."],
  };
}

function withText(event: CapturedEvent, lead: string, text: string): MessageDraft {
  const author = accountOf(event.context)?.id ?? "unknown";
  return {
    from: person(event.context, author),
    to: [followersOf(event.context, author)],
    date: event.occurredAt,
    subject: subjectOf(lead, text),
    text,
    html: paragraphs(text),
  };
}

const LateFile = z.looseObject({ key: z.string() });

/** A file that could not be fetched with its post, and could later. */
export function toLateFile(event: CapturedEvent): MessageDraft {
  const { key } = LateFile.parse(event.data);
  const author = /^post:(\d+):/.exec(key)?.[1];
  const source: Participant = { id: "x", name: "X", kind: "place" };
  const { attachments, html, notes } = filesOf(event);
  const text = "This file belongs to the message that this one refers to. It could not be fetched with it.";
  return {
    from: author === undefined ? source : person(event.context, author),
    to: [author === undefined ? source : followersOf(event.context, author)],
    date: event.occurredAt,
    subject: "File of an earlier message",
    text,
    html: `${paragraphs(text)}${html}`,
    attachments,
    ...notesOf(notes),
    references: [key],
  };
}

/** Something that the connector does not know yet: kept whole. */
export function toOther(event: CapturedEvent): MessageDraft {
  const account = accountOf(event.context)?.id;
  const source: Participant = { id: "x", name: "X", kind: "place" };
  const raw = JSON.stringify(event.data, null, 2);
  return {
    from: account === undefined ? source : person(event.context, account),
    to: [source],
    date: event.occurredAt,
    subject: "Event of an unknown kind",
    text: raw,
    attachments: [{ id: "raw", name: "event.json", contentType: "application/json", content: { text: raw } }],
    notes: ["The connector does not know this kind of event: it is kept as X gave it."],
  };
}
