import { UnmappableEventError } from "../../errors.ts";
import type { MessageAttachment, MessageDraft, Participant } from "../../message.ts";
import type { Correspondent, Message } from "../mail.ts";
import { type MessageClassPrefix, messageClass } from "../message-class.ts";
import { isUsableAddress, placeholderAddress, safeId } from "./address.ts";
import { cleanText, fileLabel, oneLine } from "./clean-text.ts";
import { escapeHtml, notesAsHtml, notesAsText } from "./notes.ts";
import { utcDate } from "./utc-date.ts";

/** A draft, and what the ingestion client knows beside it. */
export interface ComposeMessageInput {
  draft: MessageDraft;
  /** The Source of the message class. */
  source: string;
  /** The event's type: the Event of the message class. */
  type: string;
  /** The event's key and version, which the mail's header names. */
  key: string;
  version: string;
  /** The prefix of the message class. Absent: `IPM.NOTE`. */
  prefix?: MessageClassPrefix;
  /** With angle brackets. */
  messageId: string;
  /** The Message-IDs, with angle brackets, of the draft's references, the oldest first. */
  references: string[];
  /** The address that the people map gives, or undefined where it gives none. */
  address: (participant: Participant) => string | undefined;
  /** Further header fields. */
  headers?: [name: string, value: string][];
}

/**
 * Makes the final form of a message. It is pure: the same input gives the same message, and every text in it is clean.
 * Throws an UnmappableEventError that names the missing property in capitals where FROM, TO, DATE or MESSAGECLASS is missing.
 */
export function composeMessage(input: ComposeMessageInput): Message {
  const { draft, source, type, key, version, messageId, references, headers = [] } = input;
  const date = validDate(input);
  const { text, html, attachments } = bodyOf(draft);
  const message: Message = {
    id: messageId,
    messageClass: messageClassOf(source, type, input),
    date,
    from: sender(input),
    to: recipients(input),
    subject: oneLine(draft.subject ?? "").trim(),
    text,
    attachments,
    references,
    headers: [
      ["X-Hansard-Source", source],
      ["X-Hansard-Event", oneLine(key)],
    ],
  };
  if (version !== "") message.headers.push(["X-Hansard-Version", oneLine(version)]);
  message.headers.push(...headers);
  if (html !== undefined) message.html = html;
  if (draft.conversation) message.conversation = oneLine(draft.conversation.name).trim();
  return message;
}

function validDate({ draft, key }: ComposeMessageInput): string {
  const date = utcDate(draft.date ?? "");
  if (date !== undefined) return date;
  const reason = draft.date
    ? `"${oneLine(draft.date)}" is not an ISO 8601 time with offset since 1900.`
    : "The draft has none.";
  throw lacks("DATE", reason, "Let the mapping give the time at which the event happened, with its offset.", key);
}

function messageClassOf(source: string, type: string, { prefix, key }: ComposeMessageInput): string {
  try {
    return messageClass(source, type, prefix);
  } catch (error) {
    if (!(error instanceof UnmappableEventError)) throw error;
    throw new UnmappableEventError(error.message, { scope: { event: key }, cause: error, ...remedyOf(error) });
  }
}

function remedyOf({ remedy }: UnmappableEventError): { remedy?: string } {
  return remedy === undefined ? {} : { remedy };
}

function sender(input: ComposeMessageInput): Correspondent {
  const { from } = input.draft;
  if (isKnown(from)) return correspondent(from, input);
  throw lacks(
    "FROM",
    "The draft names nobody as its sender.",
    "Let the mapping say who or what it is from.",
    input.key,
  );
}

function recipients(input: ComposeMessageInput): Correspondent[] {
  const to = input.draft.to ?? [];
  if (to.some(isKnown)) return to.map((participant) => correspondent(participant, input));
  const remedy =
    "Let the mapping address it to those who could read it; a public post goes to its feed, page or channel.";
  throw lacks("TO", "The draft names nobody as its recipient.", remedy, input.key);
}

/** A connector's mapping is foreign code: what its types promise may be absent. */
function isKnown(participant: Participant | undefined): participant is Participant {
  return Boolean(participant?.id || participant?.address || participant?.name);
}

function correspondent(participant: Participant, { source, address }: ComposeMessageInput): Correspondent {
  const given = address(participant) ?? participant.address;
  const name = oneLine(participant.name ?? "").trim();
  const { id = "", kind } = participant;
  if (given !== undefined && isUsableAddress(given.trim())) return named({ id, address: given.trim() }, name, kind);
  // What cannot be written as an address is shown with the name: it may be the only trace of who this is.
  const shown = [name, given && `(${oneLine(given).trim()})`].filter(Boolean).join(" ");
  const identity = id || `${given ?? ""} ${participant.name ?? ""}`;
  return named({ id, address: placeholderAddress(identity, source) }, shown, kind);
}

function named(correspondent: Correspondent, name: string, kind: Participant["kind"]): Correspondent {
  if (name !== "") correspondent.name = name;
  if (kind) correspondent.kind = kind;
  return correspondent;
}

function bodyOf(draft: MessageDraft): Pick<Message, "text" | "html" | "attachments"> {
  const notes = (draft.notes ?? []).map((note) => oneLine(note).trim());
  const attachments = (draft.attachments ?? []).map(safeAttachment);
  const text = notesAsText(cleanText(draft.text ?? ""), notes);
  if (draft.html === undefined) return { text, attachments };
  const longestFirst = (draft.attachments ?? []).toSorted((one, other) => other.id.length - one.id.length);
  const html = longestFirst.reduce(withSafeReference, cleanText(draft.html));
  return { text, html: notesAsHtml(html, notes), attachments };
}

function safeAttachment(attachment: MessageAttachment): MessageAttachment {
  return { ...attachment, id: contentId(attachment.id), name: fileLabel(attachment.name) };
}

/** Has the HTML refer to an attachment by the id under which the mail carries it. */
function withSafeReference(html: string, { id, inline }: MessageAttachment): string {
  if (!inline || contentId(id) === id) return html;
  return [id, escapeHtml(id), encodeURIComponent(id.toWellFormed())].reduce(
    (changed, written) => changed.replaceAll(`cid:${cleanText(written)}`, () => `cid:${contentId(id)}`),
    html,
  );
}

/** A Content-ID may hold little beyond letters and digits. Most ids hold no more, and stay as they are. */
function contentId(id: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9._@$+-]{0,127}$/.test(id) && !id.includes("--") ? id : safeId(id);
}

function lacks(property: "FROM" | "TO" | "DATE", reason: string, remedy: string, key: string): UnmappableEventError {
  return new UnmappableEventError(`The message lacks ${property}. ${reason}`, { remedy, scope: { event: key } });
}
