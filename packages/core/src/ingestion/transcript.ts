import type { MessageAttachment, MessageDraft, Participant } from "../message.ts";

/** A draft, with the time at which it was said. */
export interface TranscriptLine {
  draft: MessageDraft;
  occurredAt: string;
}

export interface TranscriptIdentity {
  conversation: { id: string; name: string };
  /** The day in UTC, such as `2026-03-02`. */
  day: string;
  /** How many transcripts of this conversation and day were made before: more than 0 makes a supplement. */
  supplement: number;
}

/**
 * One message of all that was said in a conversation on a day, in the order of time. Everyone who was present at any
 * of it is addressed. What comes after the transcript was made goes into a supplement; the transcript is never rewritten.
 */
export function transcriptDraft(
  lines: TranscriptLine[],
  { conversation, day, supplement }: TranscriptIdentity,
): MessageDraft {
  const ordered = lines
    .map((line, index) => ({ ...line, index }))
    .sort((a, b) => Date.parse(a.occurredAt) - Date.parse(b.occurredAt) || a.index - b.index);
  const [first, last] = [ordered[0], ordered.at(-1)];
  if (!first || !last) throw new Error("A transcript needs at least one message.");
  const from = first.draft.from;
  const count = `${ordered.length} ${ordered.length === 1 ? "message" : "messages"}`;
  return {
    from,
    to: present(ordered, from),
    date: last.draft.date,
    subject: `${conversation.name}, ${day} (${count}${supplement > 0 ? `, supplement ${supplement}` : ""})`,
    text: ordered.map(asText).join("\n\n"),
    html: ordered.map(asHtml).join("\n"),
    attachments: ordered.flatMap(({ draft, index }) =>
      (draft.attachments ?? []).map((attachment) => renamed(attachment, index)),
    ),
    notes: ordered.flatMap(({ draft }) => draft.notes ?? []),
    conversation,
  };
}

function present(lines: TranscriptLine[], from: Participant): Participant[] {
  const people = new Map<string, Participant>();
  for (const { draft } of lines)
    for (const participant of [draft.from, ...draft.to])
      if (!people.has(participant.id)) people.set(participant.id, participant);
  people.delete(from.id);
  return people.size > 0 ? [...people.values()] : [from];
}

function asText({ draft }: TranscriptLine): string {
  return `[${clock(draft.date)}] ${label(draft.from)}:\n${draft.text}`;
}

function asHtml({ draft, index }: TranscriptLine & { index: number }): string {
  const head = `<p><b>${escape(label(draft.from))}</b> <span>${clock(draft.date)}</span></p>`;
  return `${head}\n<blockquote>${draft.html ? inlineRenamed(draft.html, draft, index) : `<pre>${escape(draft.text)}</pre>`}</blockquote>`;
}

/** Attachments of several messages must not meet under one id. */
function renamed(attachment: MessageAttachment, index: number): MessageAttachment {
  return { ...attachment, id: `${index}-${attachment.id}` };
}

function inlineRenamed(html: string, { attachments = [] }: MessageDraft, index: number): string {
  return attachments
    .filter(({ inline }) => inline)
    .reduce((text, { id }) => text.replaceAll(`cid:${id}"`, () => `cid:${index}-${id}"`), html);
}

function clock(date: string): string {
  return `${new Date(date).toISOString().slice(11, 19)} UTC`;
}

function label({ name, address, id }: Participant): string {
  return name && address ? `${name} <${address}>` : (name ?? address ?? id);
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
