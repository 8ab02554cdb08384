import { hash } from "node:crypto";
import type { BlobRange, MailAttachment } from "../mail.ts";
import { LINE_BYTES, base64LinesLength } from "./base64-lines.ts";
import { rangeLength } from "./blob-range.ts";
import { longestCost } from "./cut-text.ts";
import { fileLabel } from "./clean-text.ts";

/** An attachment or a piece of one, and what is said of the piece. */
export interface Piece {
  attachment: MailAttachment;
  note?: string;
}

const LINE_WITH_END = base64LinesLength(LINE_BYTES);
const LONGEST_NUMBERS = 99_999;

/** The attachment as it is where it costs at most `room`, else in numbered pieces that cost at most that, note included. */
export function cutAttachment(
  attachment: MailAttachment,
  room: number,
  costOf: (attachment: MailAttachment) => number,
): Piece[] {
  if (costOf(attachment) <= room) return [{ attachment }];
  const size = sizeOf(attachment);
  const empty = pieceOf(attachment, { text: "" }, LONGEST_NUMBERS, LONGEST_NUMBERS, size);
  const lines = Math.floor((room - costOf(empty.attachment) - longestCost(empty.note ?? "")) / LINE_WITH_END);
  if (lines < 1)
    throw new RangeError(
      `The name of the attachment "${attachment.name}" leaves no room in a part. Raise the destination's limit.`,
    );
  const contents = contentPieces(attachment.content, lines * LINE_BYTES);
  return contents.map((content, index) => pieceOf(attachment, content, index + 1, contents.length, size));
}

function sizeOf({ content }: MailAttachment): number {
  return "text" in content ? Buffer.byteLength(content.text, "utf8") : rangeLength(content);
}

function contentPieces(content: MailAttachment["content"], bytes: number): MailAttachment["content"][] {
  if ("text" in content) return textPieces(content.text, bytes).map((text) => ({ text }));
  const { blob, start = 0, end = blob.size } = content;
  const pieces: BlobRange[] = [];
  for (let at = start; at < end; at += bytes) pieces.push({ blob, start: at, end: Math.min(at + bytes, end) });
  return pieces;
}

/** Cuts between characters, so that each piece is text too. */
function textPieces(text: string, bytes: number): string[] {
  const encoded = Buffer.from(text, "utf8");
  const pieces: string[] = [];
  for (let start = 0; start < encoded.length;) {
    let end = Math.min(start + bytes, encoded.length);
    while (end < encoded.length && ((encoded[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    pieces.push(encoded.toString("utf8", start, end));
    start = end;
  }
  return pieces;
}

function pieceOf(
  whole: MailAttachment,
  content: MailAttachment["content"],
  number: number,
  total: number,
  size: number,
): Piece {
  const name = fileLabel(whole.name);
  const digits = Math.max(3, String(total).length);
  const [numbered, last] = [number, total].map((value) => String(value).padStart(digits, "0"));
  return {
    attachment: {
      id: `${whole.id}.part-${numbered}-of-${last}`,
      name: `${name}.part-${numbered}-of-${last}`,
      contentType: "application/octet-stream",
      content,
    },
    note:
      `The file "${name}" is in ${total} pieces, of which this part has number ${number}. ` +
      `Their bytes, put one after another in the order of the numbers, are the file: ${size} bytes with the SHA-256 ${sha256Of(whole)}.`,
  };
}

function sha256Of({ content }: MailAttachment): string {
  return "text" in content ? hash("sha256", content.text, "hex") : content.blob.sha256;
}
