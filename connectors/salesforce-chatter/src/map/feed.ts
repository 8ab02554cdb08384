import type { CapturedEvent, EventAttachment, MessageAttachment, MessageDraft } from "@hansard/core";
import { z } from "zod";
import { conversationOf, fromAuthor, parse, recipients, SALESFORCE, Surroundings } from "./participants.ts";
import { firstLine, toHtml, toText } from "./rich-text.ts";

export const Item = z.object({
  Id: z.string(),
  Type: z.string().nullish(),
  Title: z.string().nullish(),
  Body: z.string().nullish(),
  CommentBody: z.string().nullish(),
  LinkUrl: z.string().nullish(),
  IsRichText: z.boolean().nullish(),
  Status: z.string().nullish(),
  FeedItemId: z.string().nullish(),
  ThreadParentId: z.string().nullish(),
});
export type Item = z.infer<typeof Item>;

const Feed = z.object({
  item: Item,
  original: Item.omit({ Id: true }).default({}),
  changes: z
    .array(z.object({ FieldName: z.string().nullish(), OldValue: z.json().nullish(), NewValue: z.json().nullish() }))
    .default([]),
  choices: z.array(z.object({ ChoiceBody: z.string().nullish() })).default([]),
  links: z
    .array(
      z.object({
        Type: z.string().nullish(),
        Title: z.string().nullish(),
        Value: z.string().nullish(),
        RecordId: z.string().nullish(),
      }),
    )
    .default([]),
  files: z.array(z.object({ Id: z.string(), ContentDocumentId: z.string().nullish() })).default([]),
});
type Feed = z.infer<typeof Feed>;

const LABELS: Record<string, string> = {
  Poll: "Poll",
  Question: "Question",
  Announcement: "Announcement",
  TrackedChange: "Changed fields",
  File: "File",
  Link: "Link",
};

export function postToMessage(event: CapturedEvent): MessageDraft {
  const feed = parse(Feed, event.data, event);
  const around = parse(Surroundings, event.context, event);
  const item = { ...feed.item, ...feed.original };
  const body = bodyOf(item);
  return {
    from: fromAuthor(around),
    to: recipients(around),
    date: event.occurredAt,
    subject: item.Title ?? (firstLine(body) || (LABELS[event.type] ?? item.Type ?? "Post")),
    text: [item.Title, body, linkLine(feed), changeLines(feed), choiceLines(feed)].filter(Boolean).join("\n\n"),
    ...shown(event, feed, item),
    notes: notesOf(event, item, around),
    conversation: conversationOf(around),
  };
}

export function commentToMessage(event: CapturedEvent): MessageDraft {
  const feed = parse(Feed, event.data, event);
  const around = parse(Surroundings, event.context, event);
  const item = { ...feed.item, ...feed.original };
  const body = bodyOf(item);
  return {
    from: fromAuthor(around),
    to: recipients(around),
    date: event.occurredAt,
    subject: `Re: ${firstLine(body) || event.type}`,
    text: body,
    ...shown(event, feed, item),
    notes: notesOf(event, item, around),
    conversation: conversationOf(around),
    references: [
      ...(item.FeedItemId ? [`feed:${item.FeedItemId}`] : []),
      ...(item.ThreadParentId ? [`comment:${item.ThreadParentId}`] : []),
    ],
  };
}

/** A kind of post that is new to the connector: what is known of every post, and all that Salesforce said. */
export function unknownToMessage(event: CapturedEvent): MessageDraft {
  const isPost = Feed.safeParse(event.data).success && Surroundings.safeParse(event.context).success;
  const message = isPost ? postToMessage(event) : unreadable(event);
  const raw: MessageAttachment = {
    id: "event",
    name: "event.json",
    contentType: "application/json",
    content: { text: JSON.stringify(event.data, null, 2) },
  };
  return { ...message, attachments: [...(message.attachments ?? []), raw] };
}

function unreadable({ key, occurredAt }: CapturedEvent): MessageDraft {
  const text = "Salesforce told something that the connector does not know. It is attached as it was told.";
  return { from: SALESFORCE, to: recipients({}), date: occurredAt, subject: `Unknown: ${key}`, text };
}

export function bodyOf(item: {
  Body?: string | null | undefined;
  CommentBody?: string | null | undefined;
  IsRichText?: boolean | null | undefined;
}): string {
  return toText(item.CommentBody ?? item.Body ?? "", item.IsRichText === true);
}

export function toAttachments(
  attachments: EventAttachment[],
  inline: Set<string> = new Set(),
): { attachments?: MessageAttachment[]; missing: string[] } {
  const present = attachments.flatMap((file): MessageAttachment[] => {
    if (!("blob" in file)) return [];
    const { id, name, contentType, blob } = file;
    return [
      { id, name, ...(contentType && { contentType }), content: { blob }, ...(inline.has(id) && { inline: true }) },
    ];
  });
  const missing = attachments.flatMap((file) =>
    "unavailable" in file ? [`The file "${file.name}" could not be read: ${file.unavailable}`] : [],
  );
  return { ...(present.length > 0 && { attachments: present }), missing };
}

function shown(event: CapturedEvent, feed: Feed, item: Item): { html?: string; attachments?: MessageAttachment[] } {
  const captured = new Set(event.attachments.filter((file) => "blob" in file).map(({ id }) => id));
  const documents = feed.files
    .filter(({ Id }) => captured.has(Id))
    .map(({ Id, ContentDocumentId }): [string, string] => [(ContentDocumentId ?? "").slice(0, 15), Id]);
  const html = item.IsRichText === true ? toHtml(item.CommentBody ?? item.Body ?? "", new Map(documents)) : undefined;
  const inline = new Set(documents.map(([, id]) => id).filter((id) => html?.includes(`"cid:${id}"`)));
  const { attachments } = toAttachments(event.attachments, inline);
  return { ...(html && { html }), ...(attachments && { attachments }) };
}

function linkLine({ item, links }: Feed): string {
  const urls = links
    .filter(({ Type }) => Type === "Link")
    .map(({ Title, Value }) => [Title, Value].filter(Boolean).join(": "));
  const shared = links
    .filter(({ Type }) => Type === "FeedEntity")
    .map(({ RecordId }) => `Shared post: ${RecordId ?? "(not told)"}`);
  return [item.LinkUrl, ...urls.filter((line) => !item.LinkUrl || !line.includes(item.LinkUrl)), ...shared]
    .filter(Boolean)
    .join("\n");
}

function changeLines({ changes }: Feed): string {
  return changes
    .map(({ FieldName, OldValue, NewValue }) => `${FieldName ?? "A field"}: ${worded(OldValue)} → ${worded(NewValue)}`)
    .join("\n");
}

function choiceLines({ choices }: Feed): string {
  return choices.map(({ ChoiceBody }, index) => `${index + 1}. ${ChoiceBody ?? ""}`).join("\n");
}

function worded(value: unknown): string {
  return value === null || value === undefined || value === ""
    ? "(empty)"
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
}

function notesOf(event: CapturedEvent, { Status }: Item, { author, inserter }: Surroundings): string[] {
  const { missing } = toAttachments(event.attachments);
  const imported = inserter
    ? [`It was entered by ${inserter.Name ?? inserter.Id} in the name of ${author?.Name ?? author?.Id ?? "another"}.`]
    : [];
  const unpublished = Status && Status !== "Published" ? [`Its status was ${Status} when it was read.`] : [];
  return [...imported, ...unpublished, ...missing];
}
