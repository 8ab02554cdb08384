import { type CapturedEvent, type MessageDraft, type Participant, UnmappableEventError } from "@hansard/core";
import { Message } from "../schema.ts";
import { attachmentsOf, notesOf, showContent, showSurroundings } from "./body.ts";
import { type Names, namesOf } from "./names.ts";
import { type Conversation, conversationOf, recipientsOf, senderOf } from "./participants.ts";
import { type Block, renderHtml, renderText } from "./rich.ts";

/** An event with what every mapping needs of it. */
export interface View {
  event: CapturedEvent;
  message: Message;
  names: Names;
  conversation: Conversation;
}

const LONGEST_SUBJECT = 120;
// oxlint-disable-next-line no-control-regex -- a subject must not hold one
const CONTROLS_AND_SPACE = /[\s\u0000-\u001f\u007f-\u009f]+/g;
/** All but single spaces. Most texts have none of it, and replacing each space by itself would be the dearest step of all. */
// oxlint-disable-next-line no-control-regex -- a subject must not hold one
const NEEDS_CLEANING = /[^\S ]|[\u0000-\u001f\u007f-\u009f]| {2}/;

export function viewOf(event: CapturedEvent, data: unknown = event.data): View {
  const message = Message.safeParse(data);
  if (!message.success)
    throw new UnmappableEventError(`The event ${event.key} is no object.`, { scope: { event: event.key } });
  return { event, message: message.data, names: namesOf(event), conversation: conversationOf(event) };
}

/** What differs from one kind of event to the next. */
export interface DraftParts {
  from?: Participant;
  /** Stands before the conversation's name in the subject, such as `Re: `. */
  prefix?: string;
  /** The words of the subject. Absent: the beginning of what was said. */
  summary?: string;
  /** What was said, and what stands around it. */
  blocks: Block[];
  around?: Block[];
  references?: string[];
}

/** Composes the message of an event. All mappings end here, so that all messages are made alike. */
export function draft(
  view: View,
  {
    from = senderOf(view.event, view.message, view.conversation),
    prefix = "",
    summary,
    blocks,
    around = [],
    references,
  }: DraftParts,
): MessageDraft {
  const { event, conversation } = view;
  const body = [...blocks, ...around];
  const attachments = attachmentsOf(event);
  const notes = notesOf(event);
  return {
    from,
    to: recipientsOf(event, from, conversation),
    date: event.occurredAt,
    subject: subjectOf(
      `${prefix}${conversation.title}: `,
      summary ?? summarize(blocks),
      event.attachments.map(({ name }) => name),
    ),
    text: renderText(body),
    html: renderHtml(body),
    ...(attachments.length > 0 && { attachments }),
    ...(notes.length > 0 && { notes }),
    conversation: { id: conversation.id, name: conversation.title },
    ...(references && references.length > 0 && { references }),
  };
}

/** A message as it was said; around it its files, its reactions, and whether it was edited. */
export function said({ event, message, names }: View): { blocks: Block[]; around: Block[] } {
  return { blocks: showContent(message, names), around: showSurroundings(event, message, names) };
}

/** The key of a message of the same conversation. */
export function keyOf({ conversation }: View, ts: string): string {
  return `${conversation.id}:${ts}`;
}

/** The root of the thread that a message answers, if any. */
export function threadOf(view: View): string[] {
  const { ts, thread_ts: thread } = view.message;
  return thread && thread !== ts ? [keyOf(view, thread)] : [];
}

/** The first words, without the addresses that links lead to. */
function summarize(blocks: Block[]): string {
  let words = "";
  for (const block of blocks) {
    if (words.length > LONGEST_SUBJECT) break;
    if ("spans" in block) for (const { text } of block.spans) words += text;
    else if (words === "") words += block.kind === "quote" ? summarize(block.blocks) : renderText([block]);
    words += " ";
  }
  return words;
}

function subjectOf(start: string, words: string, files: string[]): string {
  const first = words.slice(0, 4 * LONGEST_SUBJECT);
  const beginning = (NEEDS_CLEANING.test(first) ? first.replaceAll(CONTROLS_AND_SPACE, " ") : first).trim();
  return shorten(start + (beginning || files.join(", ") || "(no text)"));
}

function shorten(text: string): string {
  if (text.length <= LONGEST_SUBJECT) return text;
  const cut = text.slice(0, LONGEST_SUBJECT - 1);
  const space = cut.lastIndexOf(" ");
  // Not between the halves of a surrogate pair.
  const end = space > LONGEST_SUBJECT / 2 ? space : cut.length - (/[\ud800-\udbff]$/.test(cut) ? 1 : 0);
  return `${cut.slice(0, end)}…`;
}
