import type { Delivery, Folder, Message, Outcome } from "@hansard/core/ingestion";
import { type Layout, layoutOf } from "./mail-layout.ts";
import { ENTRY_SEPARATOR, FIELD_SEPARATOR } from "./packed-batch.ts";
import { HASH_BYTES, type PackedRequest } from "./packed-request.ts";
import { displayNameOf, personText, withoutSeparators } from "./person-text.ts";

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
    const lists: Lists = {
      messages: new MessageList(),
      mailboxes: new Numbered<string>((address) => address),
      folders: new Numbered<Folder>(nameOf),
      places: new Uint32Array(3 * deliveries.length),
      end: 0,
    };
    for (let index = 0; index < deliveries.length; index += 1)
      if (refused[index] === undefined) this.#add(deliveries[index], lists);
    const data = new Uint8Array(this.#data.buffer, 0, this.#end);
    this.#data = Buffer.alloc(0);
    const { messages, mailboxes, folders, places, end } = lists;
    const named = { mailboxes: mailboxes.values, folders: folders.values };
    return { ...messages.packed(), data, ...named, deliveries: places.slice(0, end) };
  }

  #add(delivery: Delivery | undefined, lists: Lists): void {
    if (delivery === undefined) return;
    const { messages, mailboxes, folders, places, end } = lists;
    places[end] = messages.number(delivery, (packed) => this.#content(packed));
    places[end + 1] = mailboxes.number(delivery.mailbox);
    places[end + 2] = folders.number(delivery.folder);
    lists.end = end + 3;
  }

  /** Takes back the memory of a request that is done. */
  reuse(memory: ArrayBuffer): void {
    if (memory.byteLength <= KEPT_BYTES) this.#spare = memory;
  }

  /** Adds a message's text and mail, and gives their lengths. */
  #content({ message, mail }: Delivery): { textBytes: number; mailBytes: number } {
    const start = this.#end;
    this.#write(indexedText(message));
    const textBytes = this.#end - start;
    for (const segment of mail.segments) if (segment instanceof Uint8Array) this.#copy(segment);
    return { textBytes, mailBytes: this.#end - start - textBytes };
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

/** A request in the making. */
interface Lists {
  messages: MessageList;
  mailboxes: Numbered<string>;
  folders: Numbered<Folder>;
  places: Uint32Array<ArrayBuffer>;
  /** How much of `places` is written. */
  end: number;
}

/** What a request says of its messages, beside their content. */
class MessageList {
  readonly #known = new Map<Message, number>();
  readonly #ids: string[] = [];
  readonly #subjects: string[] = [];
  readonly #classes = new Numbered<string>((name) => name);
  readonly #senders = new Numbered<string>((name) => name);
  readonly #numbers: number[] = [];
  readonly #layouts = new Map<number, Layout>();
  #hashes = Buffer.allocUnsafeSlow(HASH_BYTES * 1024);
  #last: Message | undefined;

  /** The number of the delivery's message, which is added, and its content with it, where it is new. */
  number(delivery: Delivery, addContent: (delivery: Delivery) => { textBytes: number; mailBytes: number }): number {
    const { message } = delivery;
    if (message === this.#last) return this.#known.size - 1;
    const known = this.#known.get(message);
    if (known !== undefined) return known;
    this.#last = message;
    const number = this.#known.size;
    this.#known.set(message, number);
    this.#add(number, delivery, addContent(delivery));
    return number;
  }

  packed(): Pick<PackedRequest, "ids" | "subjects" | "classes" | "senders" | "numbers" | "hashes" | "layouts"> {
    return {
      ids: this.#ids,
      subjects: this.#subjects,
      classes: this.#classes.values,
      senders: this.#senders.values,
      numbers: Float64Array.from(this.#numbers),
      hashes: new Uint8Array(this.#hashes.subarray(0, HASH_BYTES * this.#ids.length)),
      layouts: this.#layouts,
    };
  }

  #add(number: number, { message, mail }: Delivery, bytes: { textBytes: number; mailBytes: number }): void {
    const { id, messageClass, date, subject, from } = message;
    const { sha256, size, segments } = mail;
    this.#ids.push(id);
    this.#subjects.push(subject);
    const sender = this.#senders.number(displayNameOf(personText(from)));
    this.#numbers.push(
      this.#classes.number(messageClass),
      sender,
      Date.parse(date),
      size,
      bytes.textBytes,
      bytes.mailBytes,
    );
    if (this.#hashes.length < HASH_BYTES * this.#ids.length)
      this.#hashes = Buffer.concat([this.#hashes, Buffer.allocUnsafeSlow(this.#hashes.length)]);
    this.#hashes.write(sha256, HASH_BYTES * number, "hex");
    const isWhole = segments.length === 1 && segments[0] instanceof Uint8Array;
    if (!isWhole) this.#layouts.set(number, layoutOf(mail));
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
