import type { Folder } from "@hansard/core/ingestion";
import type { Layout } from "./mail-layout.ts";

/**
 * Deliveries on their way to the thread that stores them, in few large pieces and lists of plain values: the copying of
 * many small objects would cost more than the thread gains.
 */
export interface PackedRequest {
  /** The Message-ID of each message, which is here once however many deliveries it has. */
  ids: string[];
  subjects: string[];
  /** Classes, and senders as lists show them: each once. */
  classes: string[];
  senders: string[];
  /** `NUMBERS` for each message: its class, its sender, its date in milliseconds since 1970, its size, and the bytes of its text and of its mail. */
  numbers: Float64Array<ArrayBuffer>;
  /** 32 bytes for each message. */
  hashes: Uint8Array<ArrayBuffer>;
  /** Of messages whose mail is not one stretch of bytes. */
  layouts: Map<number, Layout>;
  /** The text and the mail of each message, one behind the other. */
  data: Uint8Array<ArrayBuffer>;
  mailboxes: string[];
  folders: Folder[];
  /** Three numbers for each delivery: its message, its mailbox and its folder. */
  deliveries: Uint32Array<ArrayBuffer>;
}

/** A message of a request, as the store's thread reads it. */
export interface PackedMessage {
  id: string;
  messageClass: string;
  date: number;
  subject: string;
  /** The sender as lists show them. */
  sender: string;
  sha256: Uint8Array;
  size: number;
  textBytes: number;
  /** The text with the mail behind it. */
  bytes: Uint8Array;
  /** Absent: the mail is one stretch of bytes. */
  layout: Layout | undefined;
}

export const HASH_BYTES = 32;
const NUMBERS = 6;

/** The messages of a request in their order. */
export function* unpackMessages(request: PackedRequest): Generator<PackedMessage> {
  const { ids, subjects, classes, senders, numbers, hashes, layouts, data } = request;
  let start = 0;
  for (const [index, id] of ids.entries()) {
    const at = index * NUMBERS;
    const textBytes = numbers[at + 4] ?? 0;
    const end = start + textBytes + (numbers[at + 5] ?? 0);
    yield {
      id,
      messageClass: classes[numbers[at] ?? 0] ?? "",
      date: numbers[at + 2] ?? 0,
      subject: subjects[index] ?? "",
      sender: senders[numbers[at + 1] ?? 0] ?? "",
      sha256: hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
      size: numbers[at + 3] ?? 0,
      textBytes,
      bytes: data.subarray(start, end),
      layout: layouts.get(index),
    };
    start = end;
  }
}
