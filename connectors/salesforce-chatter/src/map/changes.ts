import type { CapturedEvent, MessageDraft } from "@hansard/core";
import { z } from "zod";
import { bodyOf, Item, toAttachments } from "./feed.ts";
import {
  conversationOf,
  fromAuthor,
  otherMembers,
  parse,
  recipients,
  SALESFORCE,
  Surroundings,
} from "./participants.ts";
import { firstLine, toText } from "./rich-text.ts";

const Edit = z.object({
  revision: z
    .object({
      EditedAttribute: z.string().nullish(),
      Value: z.string().nullish(),
      IsValueRichText: z.boolean().nullish(),
    })
    .nullable(),
  after: z.string().nullable(),
  item: Item,
});

export function editToMessage(event: CapturedEvent): MessageDraft {
  const { revision, after, item } = parse(Edit, event.data, event);
  const around = parse(Surroundings, event.context, event);
  const now = toText(after ?? "", item.IsRichText === true);
  const before = toText(revision?.Value ?? "", revision?.IsValueRichText ?? item.IsRichText === true);
  return {
    from: fromAuthor(around),
    to: recipients(around),
    date: event.occurredAt,
    subject: `Edited: ${firstLine(now)}`,
    text: revision ? `${revision.EditedAttribute ?? "Body"} now:\n${now}\n\nBefore:\n${before}` : now,
    notes: revision ? [] : ["Salesforce does not tell what stood there before the edit."],
    conversation: conversationOf(around),
    references: [event.key],
  };
}

const Tombstone = z.object({ id: z.string(), deletedAt: z.string(), noticed: z.boolean() });

const Original = Surroundings.extend({
  item: Item.extend({ SentDate: z.string().nullish(), CreatedDate: z.string().nullish() }),
});

export function deleteToMessage(event: CapturedEvent): MessageDraft {
  const { id, deletedAt, noticed } = parse(Tombstone, event.data, event);
  const around = parse(Surroundings, event.context, event);
  const when = noticed
    ? `It was found missing at ${deletedAt}; Salesforce does not tell when it was deleted.`
    : `It was deleted at ${deletedAt}.`;
  if (event.context["original"] === undefined) {
    return {
      from: SALESFORCE,
      to: recipients(around),
      date: event.occurredAt,
      subject: `Deleted: ${id}`,
      text: when,
      notes: ["It was deleted before it was read, so what it said is not known."],
    };
  }
  const original = parse(Original, event.context["original"], event);
  const whole = { ...original, ...around };
  const body = bodyOf(original.item);
  return {
    from: fromAuthor(original),
    to: original.members ? otherMembers(original) : recipients(whole),
    date: event.occurredAt,
    subject: `Deleted: ${original.item.Title ?? firstLine(body)}`,
    text: `${when}\n\nIt said:\n${[original.item.Title, body].filter(Boolean).join("\n")}`,
    notes: ["Salesforce does not tell who deleted it."],
    conversation: conversationOf(whole),
    references: [event.key],
  };
}

const FileVersion = z.object({
  version: z.object({ Title: z.string().nullish(), VersionNumber: z.string().nullish() }),
  of: z.string(),
});

/** A file that came late, or a newer version of a file that a post shows. */
export function fileVersionToMessage(event: CapturedEvent): MessageDraft {
  const { version, of } = parse(FileVersion, event.data, event);
  const around = parse(Surroundings, event.context, event);
  const { attachments, missing } = toAttachments(event.attachments);
  const name = version.Title ?? event.attachments[0]?.name ?? "file";
  return {
    from: fromAuthor(around),
    to: recipients(around),
    date: event.occurredAt,
    subject: `File: ${name}`,
    text: `${name}${version.VersionNumber ? `, version ${version.VersionNumber}` : ""}`,
    ...(attachments && { attachments }),
    notes: missing,
    conversation: conversationOf(around),
    references: [of],
  };
}
