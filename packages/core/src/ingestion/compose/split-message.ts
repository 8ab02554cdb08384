import type { MailAttachment, Message } from "../mail.ts";
import { mailSize } from "./compose-mail.ts";
import { cutAttachment } from "./cut-attachment.ts";
import { cutText, longestCost } from "./cut-text.ts";
import { type Part, finishPart } from "./part.ts";

/** Gives the Message-ID, with angle brackets, of part `number` of `total`. It is asked from the second part on; the first keeps the message's. */
export type PartId = (number: number, total: number) => string;

/** Less room than this beside the header would make more parts than anyone can rejoin. */
const LEAST_ROOM = 2048;
const PICTURES_MAY_FOLLOW = "Pictures that the HTML shows and that are not in this part are attached to a later one.";
const HTML_IS_A_FILE =
  "The HTML form of the message was too large for its place, and is attached to a later part as message.html.";
/** What the multiparts, their boundaries and the notes on a text take beyond what is measured. */
const FRAME_BYTES = 2048;

/**
 * A message as a numbered series of messages whose mails have at most `maxBytes` and `maxAttachments` each: the message
 * itself where it fits.
 * Nothing is cut silently. The text is continued from part to part, attachments are distributed in their order, one that is
 * larger than a part is cut into numbered pieces, and every part says what it is and how the whole is put together again.
 * Throws a RangeError where the header alone leaves no room.
 */
export function splitMessage(
  message: Message,
  maxBytes: number,
  partId: PartId,
  maxAttachments: number = Number.POSITIVE_INFINITY,
): Message[] {
  if (message.attachments.length <= maxAttachments && mailSize(message) <= maxBytes) return [message];
  const room = roomFor(message, maxBytes);
  const parts = distribute(message, room, maxAttachments);
  const messages = parts.map((part, index) => finishPart(message, part, index + 1, parts.length, partId));
  for (const part of messages) {
    const size = mailSize(part);
    if (size > maxBytes) throw new RangeError(`A part of ${message.id} has ${size} bytes; ${maxBytes} are allowed.`);
  }
  return messages;
}

/** What a part can hold beside its header and notes, which are measured with the longest numbers. */
function roomFor(message: Message, maxBytes: number): number {
  const empty = finishPart(message, { text: "", attachments: [], notes: [] }, 99_999, 99_999, () => message.id);
  const header = mailSize(empty) + FRAME_BYTES;
  if (maxBytes - header >= LEAST_ROOM) return maxBytes - header;
  throw new RangeError(
    `The message ${message.id} cannot be split into parts of ${maxBytes} bytes: its header and notes alone take ${header}. Raise the destination's limit.`,
  );
}

function distribute(message: Message, room: number, maxAttachments: number): Part[] {
  const { text, html } = message;
  const htmlStays = html !== undefined && longestCost(text) + longestCost(html) <= room;
  const chunks = cutText(text, room);
  const parts = chunks.map((chunk): Part => ({ text: chunk, attachments: [], notes: [] }));
  const [first] = parts;
  if (first !== undefined && html !== undefined) {
    if (htmlStays) first.html = html;
    first.notes.push(htmlStays ? PICTURES_MAY_FOLLOW : HTML_IS_A_FILE);
  }

  let part = parts.at(-1) ?? { text: "", attachments: [], notes: [] };
  let left = room - longestCost(part.text) - longestCost(part.html ?? "");
  const probe = probeOf(message);
  for (const attachment of inOrder(message, htmlStays)) {
    for (const piece of cutAttachment(attachment, room, (candidate) => costOf(probe, candidate))) {
      const cost = costOf(probe, piece.attachment) + longestCost(piece.note ?? "");
      if (cost > left || part.attachments.length >= maxAttachments) {
        part = { text: "", attachments: [], notes: [] };
        parts.push(part);
        left = room;
      }
      left -= cost;
      part.attachments.push(htmlStays && part === first ? piece.attachment : { ...piece.attachment, inline: false });
      if (piece.note !== undefined) part.notes.push(piece.note);
    }
  }
  return parts;
}

/** What the HTML shows comes first, to stay with it; HTML that does not stay is the last file. */
function inOrder({ attachments, html }: Message, htmlStays: boolean): MailAttachment[] {
  if (htmlStays)
    return attachments.toSorted((one, other) => Number(other.inline ?? false) - Number(one.inline ?? false));
  if (html === undefined) return attachments;
  return [
    ...attachments,
    { id: "message-html", name: "message.html", contentType: "text/html", content: { text: html } },
  ];
}

function probeOf(message: Message): Message {
  const { html: _, ...rest } = message;
  return { ...rest, to: [], references: [], headers: [], text: "", attachments: [] };
}

function costOf(probe: Message, attachment: MailAttachment): number {
  return mailSize({ ...probe, attachments: [attachment] }) - mailSize(probe);
}
