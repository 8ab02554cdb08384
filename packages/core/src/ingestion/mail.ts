import type { BlobReference } from "../event.ts";
import type { MessageAttachment, Participant } from "../message.ts";

/** A participant with an address that mail software accepts: the mapped or known one, or a placeholder under `.invalid`. */
export interface Correspondent extends Participant {
  address: string;
}

/** Content of the journal's store, or a stretch of it: of what is too large for one mail, each part of the series carries a piece. */
export interface BlobRange {
  blob: BlobReference;
  /** The first byte. Absent: 0. */
  start?: number;
  /** The byte after the last. Absent: the content's size. */
  end?: number;
}

/** A file of a message in its final form. */
export interface MailAttachment extends Omit<MessageAttachment, "content"> {
  content: BlobRange | { text: string };
}

/**
 * A message in its final form: what every destination delivers, as fields for those that take fields and as mail for
 * those that take bytes.
 */
export interface Message {
  /** The Message-ID with its angle brackets: a keyed hash of source, event key and version, the same in every mailbox. */
  id: string;
  /** `IPM.NOTE.Source.Event`. See `message-class.ts`. */
  messageClass: string;
  /** ISO 8601 in UTC with milliseconds. */
  date: string;
  from: Correspondent;
  to: Correspondent[];
  subject: string;
  text: string;
  html?: string;
  attachments: MailAttachment[];
  /** Message-IDs, with angle brackets, of what it answers or belongs to, the oldest first. */
  references: string[];
  /** The fields that Hansard adds: `X-Hansard-Source`, `X-Hansard-Event` and the like. ASCII names, any Unicode in values. */
  headers: [name: string, value: string][];
  /** The conversation's name, for destinations that have a topic. */
  conversation?: string;
}

/** A stretch of a mail: bytes as they are, or content from the journal's store in base64 with lines of 76 characters. */
export type MailSegment = Uint8Array | BlobRange;

/** A message as RFC 5322 bytes. They are the same on every machine, in every time zone and locale. */
export interface Mail {
  /** Concatenated they are the mail. Attachments above some kilobytes are references, so that a gigabyte needs no memory. */
  segments: MailSegment[];
  /** Of the whole mail, in bytes. */
  size: number;
  /** Of the whole mail: SHA-256 as 64 hexadecimal digits. */
  sha256: string;
}

/** Reads content that the journal holds. */
export interface BlobReader {
  /** The content in chunks. Rejects with a sentence that names the hash when it is absent or damaged. */
  read(blob: BlobReference): AsyncIterable<Uint8Array>;
  /** Where the content lies on the local disk, for destinations that can link to it. Absent: nowhere. */
  path?(blob: BlobReference): string | undefined;
}
