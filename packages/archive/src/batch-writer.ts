import type { Message } from "@hansard/core/ingestion";
import { compressBlock } from "./block.ts";
import { ENTRY_SEPARATOR, FIELD_SEPARATOR, packBatch } from "./packed-batch.ts";
import { personText, withoutSeparators } from "./person-text.ts";

const FIRST_BYTES = 1024 * 1024;
const KEPT_BYTES = 32 * 1024 * 1024;

/** Gathers a request's messages: the text for the index, the mails for the block, the items for both. */
export class BatchWriter {
  #text = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #textEnd = 0;
  #mails = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #mailsEnd = 0;
  #ids: number[] = [];
  #classes: number[] = [];
  #ends: number[] = [];
  #itemMessages: number[] = [];
  #itemFolders: number[] = [];
  /** Items of messages that an earlier request brought: the block must name them, since their message does not stand in it. */
  #lateMessages: number[] = [];
  #lateFolders: number[] = [];

  get messages(): number {
    return this.#ids.length;
  }

  get items(): number {
    return this.#itemMessages.length;
  }

  get mailBytes(): number {
    return this.#mailsEnd;
  }

  reset(): void {
    this.#textEnd = this.#mailsEnd = 0;
    this.#ids = [];
    this.#classes = [];
    this.#ends = [];
    this.#itemMessages = [];
    this.#itemFolders = [];
    this.#lateMessages = [];
    this.#lateFolders = [];
    // One mail of a hundred megabytes must not hold its room for ever.
    if (this.#mails.length > KEPT_BYTES) this.#mails = Buffer.allocUnsafeSlow(FIRST_BYTES);
    if (this.#text.length > KEPT_BYTES) this.#text = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  addMail(bytes: Uint8Array): void {
    if (this.#mailsEnd + bytes.length > this.#mails.length)
      this.#mails = grown(this.#mails, this.#mailsEnd, bytes.length);
    this.#mails.set(bytes, this.#mailsEnd);
    this.#mailsEnd += bytes.length;
  }

  addDocument(id: number, classId: number, message: Message): void {
    const text = indexedText(message);
    if (this.#textEnd + text.length * 3 > this.#text.length)
      this.#text = grown(this.#text, this.#textEnd, text.length * 3);
    this.#textEnd += this.#text.write(text, this.#textEnd);
    this.#ids.push(id);
    this.#classes.push(classId);
    this.#ends.push(this.#textEnd);
  }

  addItem(message: number, folder: number): void {
    this.#itemMessages.push(message);
    this.#itemFolders.push(folder);
  }

  addLateItem(message: number, folder: number): void {
    this.addItem(message, folder);
    this.#lateMessages.push(message);
    this.#lateFolders.push(folder);
  }

  /** What the truth keeps. */
  block(): { head: number; size: number; data: Uint8Array } {
    const head = packBatch({
      ...this.#documents(),
      itemMessages: Float64Array.from(this.#lateMessages),
      itemFolders: Uint32Array.from(this.#lateFolders),
    });
    return { head: head.length, ...compressBlock(head, this.#mails.subarray(0, this.#mailsEnd)) };
  }

  /** What the index gets. */
  batch(): Uint8Array<ArrayBuffer> {
    return packBatch({
      ...this.#documents(),
      itemMessages: Float64Array.from(this.#itemMessages),
      itemFolders: Uint32Array.from(this.#itemFolders),
    });
  }

  #documents() {
    return {
      ids: Float64Array.from(this.#ids),
      classes: Uint32Array.from(this.#classes),
      ends: Uint32Array.from(this.#ends),
      text: this.#text.subarray(0, this.#textEnd),
    };
  }
}

/**
 * The block keeps the indexed text beside the mail. Next to each other the two compress to little more than one, and
 * the index can be made anew without taking any mail apart, from the very words that it was made from first.
 */
function indexedText({ subject, text, from, to, attachments }: Message): string {
  let recipients = "";
  for (const recipient of to) recipients += `${personText(recipient)}${ENTRY_SEPARATOR}`;
  let names = "";
  for (const { name } of attachments) names += `${withoutSeparators(name)}${ENTRY_SEPARATOR}`;
  return `${field(subject)}${FIELD_SEPARATOR}${field(text)}${FIELD_SEPARATOR}${personText(from)}${FIELD_SEPARATOR}${recipients}${FIELD_SEPARATOR}${names}`;
}

function field(text: string): string {
  return text.includes(FIELD_SEPARATOR) ? text.replaceAll(FIELD_SEPARATOR, " ") : text;
}

function grown(buffer: Buffer<ArrayBuffer>, used: number, more: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, used + more));
  larger.set(buffer.subarray(0, used));
  return larger;
}
