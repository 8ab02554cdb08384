import type { Delivery, Folder, Mail, Message, Outcome } from "@hansard/core/ingestion";
import { type Layout, layoutOf } from "./mail-layout.ts";
import { ENTRY_SEPARATOR, FIELD_SEPARATOR } from "./packed-batch.ts";
import { displayNameOf, personText, withoutSeparators } from "./person-text.ts";

/** Deliveries on their way to the thread that stores them, in few large pieces: the copying of many small ones would cost more than it gains. */
export interface PackedRequest {
  /** The messages, each once, as the JSON of `PackedMessage[]`. */
  messages: string;
  /** The text and the mail of each message, one behind the other. */
  data: Uint8Array<ArrayBuffer>;
  mailboxes: string[];
  folders: Folder[];
  /** Three numbers for each delivery: its message, its mailbox and its folder. */
  deliveries: Uint32Array<ArrayBuffer>;
}

export interface PackedMessage {
  id: string;
  messageClass: string;
  date: string;
  subject: string;
  /** The sender as lists show them. */
  sender: string;
  sha256: string;
  size: number;
  textBytes: number;
  mailBytes: number;
  /** Absent: the mail is one stretch of bytes. */
  layout?: Layout;
}

const FIRST_BYTES = 1024 * 1024;
/** One mail of a hundred megabytes must not hold its room for ever. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Packs requests, into memory that comes back when a request is done. */
export class RequestPacker {
  #spare: ArrayBuffer | undefined;
  #data = Buffer.alloc(0);
  #end = 0;

  /** `refused` are outcomes that are settled before; their deliveries are passed over. */
  pack(deliveries: readonly Delivery[], refused: readonly (Outcome | undefined)[]): PackedRequest {
    this.#data = Buffer.from(this.#spare ?? new ArrayBuffer(FIRST_BYTES));
    this.#spare = undefined;
    this.#end = 0;
    const messages = new Map<Message, number>();
    const packed: PackedMessage[] = [];
    const [mailboxes, folders] = [new Numbered<string>((address) => address), new Numbered<Folder>(nameOf)];
    const numbers: number[] = [];
    for (const [index, { message, mail, mailbox, folder }] of deliveries.entries()) {
      if (refused[index] !== undefined) continue;
      let number = messages.get(message);
      if (number === undefined) {
        number = packed.push(this.#message(message, mail)) - 1;
        messages.set(message, number);
      }
      numbers.push(number, mailboxes.number(mailbox), folders.number(folder));
    }
    const data = new Uint8Array(this.#data.buffer, 0, this.#end);
    this.#data = Buffer.alloc(0);
    const places = { mailboxes: mailboxes.values, folders: folders.values, deliveries: Uint32Array.from(numbers) };
    return { messages: JSON.stringify(packed), data, ...places };
  }

  /** Takes back the memory of a request that is done. */
  reuse(memory: ArrayBuffer): void {
    if (memory.byteLength <= KEPT_BYTES) this.#spare = memory;
  }

  #message(message: Message, mail: Mail): PackedMessage {
    const start = this.#end;
    this.#write(indexedText(message));
    const textBytes = this.#end - start;
    for (const segment of mail.segments) if (segment instanceof Uint8Array) this.#copy(segment);
    const mailBytes = this.#end - start - textBytes;
    const { id, messageClass, date, subject, from } = message;
    const { sha256, size, segments } = mail;
    const sender = displayNameOf(personText(from));
    const packed = { id, messageClass, date, subject, sender, sha256, size, textBytes, mailBytes };
    const isWhole = segments.length === 1 && segments[0] instanceof Uint8Array;
    return isWhole ? packed : { ...packed, layout: layoutOf(mail) };
  }

  #write(text: string): void {
    this.#grow(text.length * 3);
    this.#end += this.#data.write(text, this.#end);
  }

  #copy(bytes: Uint8Array): void {
    this.#grow(bytes.length);
    this.#data.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #grow(bytes: number): void {
    if (this.#end + bytes <= this.#data.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#data.length * 2, this.#end + bytes));
    larger.set(this.#data.subarray(0, this.#end));
    this.#data = larger;
  }
}

/** Values that come again and again, a number each. What is the same object as the last needs no look-up. */
class Numbered<Value> {
  readonly values: Value[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #nameOf: (value: Value) => string;

  constructor(nameOf: (value: Value) => string) {
    this.#nameOf = nameOf;
  }

  number(value: Value): number {
    const last = this.values.length - 1;
    if (last >= 0 && this.values[last] === value) return last;
    const name = this.#nameOf(value);
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.values.push(value) - 1;
      this.#numbers.set(name, number);
    }
    return number;
  }
}

function nameOf(folder: Folder): string {
  return folder.kind === "visible" ? JSON.stringify(folder.path) : folder.kind;
}

/**
 * The block keeps the indexed text before the mail. Next to each other the two compress to little more than one, and
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
