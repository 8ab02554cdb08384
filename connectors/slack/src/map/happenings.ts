import type { CapturedEvent, Json, MessageDraft, Participant } from "@hansard/core";
import { isObject, type JsonObject, listAt, objectAt, stringAt, stringsAt } from "../schema/json.ts";
import { rawAttachment, showContent, showReactions } from "./body.ts";
import { draft, keyOf, said, threadOf, viewOf, type View } from "./draft.ts";
import { showEmoji } from "./emoji.ts";
import { personOf } from "./participants.ts";
import { type Block, paragraph } from "./rich.ts";

/** So much of an unknown event stands in the body, where search finds it. */
const LONGEST_RAW_TEXT = 20_000;

/** A message as it reads after an edit: by itself, as later exports have it, or in the envelope of the Events API. */
export function editToMessage(event: CapturedEvent): MessageDraft {
  const view = viewOf(event, objectAt(event.data, "message") ?? event.data);
  const previous = previousOf(event.data);
  const before = previous ? showContent(viewOf(event, previous).message, view.names) : [];
  const ts = view.message.ts;
  const { blocks, around } = said(view);
  return draft(view, {
    prefix: "Edited: ",
    blocks,
    around: [
      ...around,
      ...(before.length > 0 ? [paragraph("Before:"), { kind: "quote" as const, blocks: before }] : []),
    ],
    references: [...threadOf(view), ...(ts ? [keyOf(view, ts)] : [])],
  });
}

/** The message as it was before: the Events API and the Discovery API name it differently. */
function previousOf(data: Json): JsonObject | undefined {
  return objectAt(data, "previous_message") ?? objectAt(data, "original") ?? objectAt(data, "previous");
}

/** That a message is gone; what it said, where the source tells. What was captured of it earlier stays. */
export function deletionToMessage(event: CapturedEvent): MessageDraft {
  const previous = previousOf(event.data);
  const view = viewOf(event, previous ?? event.data);
  const ts = stringAt(event.data, "deleted_ts") ?? stringAt(event.data, "ts") ?? "";
  const sent = `The message of ${view.names.time(ts)}`;
  const observed = stringAt(event.data, "observedAt");
  const happened =
    observed === undefined
      ? `${sent} was deleted.`
      : `${sent} is no longer in ${stringAt(event.data, "observedIn") ?? "the export"}. It was deleted before ${showMoment(observed)}, or Slack's retention removed it.`;
  return draft(view, {
    ...(previous ? {} : { from: view.conversation.place }),
    prefix: "Deleted: ",
    summary: happened,
    blocks: [paragraph(happened), ...(previous ? [{ kind: "quote" as const, blocks: allOf(view) }] : [])],
    references: ts === "" ? [] : [keyOf(view, ts)],
  });
}

function allOf(view: View): Block[] {
  const { blocks, around } = said(view);
  return [...blocks, ...around];
}

/** One reaction as the Events API tells it, or all reactions to a message as they stand in an export. */
export function reactionToMessage(event: CapturedEvent): MessageDraft {
  const view = viewOf(event);
  const state = isObject(event.data) && Array.isArray(event.data["reactions"]);
  return state ? reactionStateToMessage(view) : singleReactionToMessage(view);
}

function reactionStateToMessage(view: View): MessageDraft {
  const { data } = view.event;
  const reactions = listAt(data, "reactions").map((reaction) => ({
    name: stringAt(reaction, "name") ?? "",
    users: stringsAt(reaction, "users"),
  }));
  const ts = stringAt(data, "ts") ?? "";
  const happened = `Reactions to the message of ${view.names.time(ts)}, as of ${showMoment(stringAt(data, "observedAt") ?? view.event.occurredAt)}`;
  const shown = reactions.length > 0 ? showReactions(reactions, view.names) : [paragraph("Reactions: none any more")];
  return draft(view, {
    from: view.conversation.place,

    summary: happened,
    blocks: [paragraph(`${happened}:`), ...shown, ...quoteOf(view, objectAt(data, "message"))],
    references: [keyOf(view, ts)],
  });
}

function singleReactionToMessage(view: View): MessageDraft {
  const { event, names } = view;
  const { data } = event;
  const emoji = showEmoji(stringAt(data, "reaction") ?? "");
  const ts = stringAt(objectAt(data, "item"), "ts");
  const author = stringAt(data, "item_user");
  const target = `the message${author ? ` of @${names.person(author)}` : ""}${ts ? ` of ${names.time(ts)}` : ""}`;
  // Slack shows reactions without times: where it did not tell of this one itself, only when it was seen is known.
  const observedAt = stringAt(data, "observedAt");
  const seen = observedAt === undefined ? "" : `, seen at ${showMoment(observedAt)}`;
  const happened =
    event.type === "ReactionRemoved"
      ? `took the reaction ${emoji} from ${target} back`
      : `reacted with ${emoji} to ${target}`;
  return draft(view, {
    summary: happened,
    blocks: [paragraph(`${names.person(view.message.user ?? "")} ${happened}${seen}.`)],
    ...(ts && { references: [keyOf(view, ts)] }),
  });
}

function quoteOf(view: View, message: Json | undefined): Block[] {
  const blocks = message === undefined ? [] : showContent(viewOf(view.event, message).message, view.names);
  return blocks.length > 0 ? [{ kind: "quote", blocks }] : [];
}

/** Exports from before 2018 have comments on files as messages of their own. */
export function fileCommentToMessage(event: CapturedEvent): MessageDraft {
  const view = viewOf(event);
  const { message } = view;
  const from: Participant | undefined = message.comment?.user
    ? personOf(message.comment.user, event.context["people"])
    : undefined;
  return draft(view, { ...(from && { from }), ...said(view) });
}

export function fileDeletionToMessage(event: CapturedEvent): MessageDraft {
  const view = viewOf(event);
  const id = stringAt(event.data, "file_id") ?? view.message.file?.id ?? "";
  const name = view.message.file?.name ?? view.message.file?.title;
  const ts = stringAt(objectAt(event.data, "item"), "ts");
  const observedAt = stringAt(event.data, "observedAt");
  const of = ts === undefined ? "" : ` of the message of ${view.names.time(ts)}`;
  const when = observedAt === undefined ? "" : ` before ${showMoment(observedAt)}`;
  return draft(view, {
    blocks: [paragraph(`The file ${name ? `"${name}" (${id})` : id}${of} was deleted${when}.`), ...allOf(view)],
    ...(ts !== undefined && { references: [keyOf(view, ts)] }),
  });
}

/** What is not known is archived whole: what can be read of it as text, and all of it as JSON. */
export function otherToMessage(event: CapturedEvent): MessageDraft {
  const data = isObject(event.data) ? event.data : { value: event.data };
  const view = viewOf(event, data);
  const kind = [stringAt(data, "type"), stringAt(data, "subtype")].filter(Boolean).join(" ") || "without a type";
  const path = stringAt(data, "type") === "export_file" ? stringAt(data, "path") : undefined;
  const note =
    path === undefined
      ? `An event of a kind that is not mapped (${kind}). All of it is attached as event.json.`
      : `The file ${path} of the export`;
  const { blocks, around } = said(view);
  const raw = rawAttachment(event.data);
  const shown = raw.content.text.slice(0, LONGEST_RAW_TEXT);
  const made = draft(view, {
    ...(blocks.length === 0 && { summary: note }),
    blocks,
    around: [...around, paragraph({ text: note, italic: true }), { kind: "code", text: shown }],
    references: threadOf(view),
  });
  return { ...made, attachments: [...(made.attachments ?? []), raw] };
}

function showMoment(iso: string): string {
  return `${iso.slice(0, 19).replace("T", " ")} UTC`;
}
