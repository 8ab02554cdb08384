import { createHash, hash } from "node:crypto";
import type { BlobReference } from "../../event.ts";
import type { BlobRange, BlobReader, Mail, MailSegment, Message } from "../mail.ts";
import { rangeLength } from "./blob-range.ts";
import { base64LinesLength } from "./base64-lines.ts";
import { layOutMail } from "./lay-out-mail.ts";
import { readMail } from "./read-mail.ts";

/** Content up to this size stands in the mail itself; larger content stays a reference. */
export const INLINE_BYTES = 32 * 1024;

/** Where the content of blobs comes from. */
export interface ComposeMailOptions {
  /** Content that the caller has at hand. It is asked for blobs of at most `INLINE_BYTES`. */
  content?: (blob: BlobReference) => Uint8Array | undefined;
  /** The journal's store, for what is not at hand. */
  blobs?: BlobReader;
}

/**
 * Writes a message as RFC 5322 bytes. The same message gives the same bytes on every machine, in every time zone and
 * locale. It answers at once where no content lies in the journal's store, since bulk archiving lives by that. Otherwise
 * small blobs are read into the mail; large ones stay references and are read once, in chunks, for the hash of the whole.
 * Fails where a blob is absent, damaged or not of its size.
 */
export function composeMail(message: Message, options?: ComposeMailOptions & { blobs?: never }): Mail;
export function composeMail(message: Message, options: ComposeMailOptions): Mail | Promise<Mail>;
export function composeMail(message: Message, { content, blobs }: ComposeMailOptions = {}): Mail | Promise<Mail> {
  const segments = toSegments(layOutMail(message, inlineOnly(content)));
  const [bytes, ...more] = segments;
  if (bytes instanceof Uint8Array && more.length === 0) {
    return { segments, size: bytes.length, sha256: hash("sha256", bytes, "hex") };
  }
  if (blobs !== undefined) return composeWithBlobs(message, blobs);
  throw new TypeError(`The message ${message.id} has content in the journal's store: compose it with a reader of it.`);
}

/** How long a message's mail is, in bytes, without reading any content. */
export function mailSize(message: Message): number {
  let size = 0;
  for (const piece of layOutMail(message)) size += typeof piece === "string" ? piece.length : encodedLength(piece);
  return size;
}

function inlineOnly(content: ComposeMailOptions["content"]): ComposeMailOptions["content"] {
  return content && ((blob) => (blob.size <= INLINE_BYTES ? content(blob) : undefined));
}

async function composeWithBlobs(message: Message, blobs: BlobReader): Promise<Mail> {
  const small = await readSmallBlobs(message, blobs);
  const segments = toSegments(layOutMail(message, (blob) => small.get(blob.sha256)));
  const digest = createHash("sha256");
  for await (const bytes of readMail({ segments }, blobs)) digest.update(bytes);
  return { segments, size: sizeOf(segments), sha256: digest.digest("hex") };
}

async function readSmallBlobs(message: Message, blobs: BlobReader): Promise<Map<string, Uint8Array>> {
  const small = new Map<string, Uint8Array>();
  for (const { content } of message.attachments) {
    if (!("blob" in content) || content.blob.size > INLINE_BYTES || small.has(content.blob.sha256)) continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of blobs.read(content.blob)) chunks.push(chunk);
    small.set(content.blob.sha256, Buffer.concat(chunks));
  }
  return small;
}

/** What is written is ASCII throughout, so that latin1, the fastest encoding, is exact. */
function toSegments(pieces: (string | BlobRange)[]): MailSegment[] {
  return pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece, "latin1") : piece));
}

function sizeOf(segments: MailSegment[]): number {
  return segments.reduce(
    (sum, segment) => sum + (segment instanceof Uint8Array ? segment.length : encodedLength(segment)),
    0,
  );
}

function encodedLength(range: BlobRange): number {
  return base64LinesLength(rangeLength(range));
}
