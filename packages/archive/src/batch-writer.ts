import { compressBlock } from "./block.ts";
import { packBatch } from "./packed-batch.ts";

const FIRST_BYTES = 1024 * 1024;
const KEPT_BYTES = 32 * 1024 * 1024;

/** Gathers a request's messages: texts and mails for the block, texts for the index, items for both. */
export class BatchWriter {
  /** Each message's text, and its mail right behind it. */
  #data = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #end = 0;
  #room = new ArrayBuffer(0);
  #ids: number[] = [];
  #classes: number[] = [];
  #starts: number[] = [];
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

  reset(): void {
    this.#end = 0;
    this.#ids = [];
    this.#classes = [];
    this.#starts = [];
    this.#ends = [];
    this.#itemMessages = [];
    this.#itemFolders = [];
    this.#lateMessages = [];
    this.#lateFolders = [];
    // One mail of a hundred megabytes must not hold its room for ever.
    if (this.#data.length > KEPT_BYTES) this.#data = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** Where the next message's mail will start, behind its text. */
  mailStart(textBytes: number): number {
    return this.#end + textBytes;
  }

  /** Adds a message by its text with its mail right behind. */
  addDocument(id: number, classId: number, content: Uint8Array, textBytes: number): void {
    this.#ids.push(id);
    this.#classes.push(classId);
    this.#starts.push(this.#end);
    this.#ends.push(this.#end + textBytes);
    this.#grow(content.length);
    this.#data.set(content, this.#end);
    this.#end += content.length;
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
  block(): { size: number; data: Uint8Array } {
    const batch = {
      ids: Float64Array.from(this.#ids),
      classes: Uint32Array.from(this.#classes),
      starts: Uint32Array.from(this.#starts),
      ends: Uint32Array.from(this.#ends),
      data: this.#data.subarray(0, this.#end),
      itemMessages: Float64Array.from(this.#lateMessages),
      itemFolders: Uint32Array.from(this.#lateFolders),
    };
    return compressBlock(batch, (bytes) => this.#roomFor(bytes));
  }

  /** What the index gets. */
  batch(): Uint8Array<ArrayBuffer> {
    const starts = new Uint32Array(this.messages);
    const ends = new Uint32Array(this.messages);
    let bytes = 0;
    for (const [index, start] of this.#starts.entries()) {
      starts[index] = bytes;
      bytes += (this.#ends[index] ?? 0) - start;
      ends[index] = bytes;
    }
    const texts = new Uint8Array(bytes);
    for (const [index, start] of starts.entries())
      texts.set(this.#data.subarray(this.#starts[index], this.#ends[index]), start);
    return packBatch({
      ids: Float64Array.from(this.#ids),
      classes: Uint32Array.from(this.#classes),
      starts,
      ends,
      data: texts,
      itemMessages: Float64Array.from(this.#itemMessages),
      itemFolders: Uint32Array.from(this.#itemFolders),
    });
  }

  /** Memory that is only read while a block is made of it is used again for the next. */
  #roomFor(bytes: number): ArrayBuffer {
    if (bytes > KEPT_BYTES) return new ArrayBuffer(bytes);
    if (this.#room.byteLength < bytes) this.#room = new ArrayBuffer(bytes + (bytes >> 2));
    return this.#room;
  }

  #grow(bytes: number): void {
    if (this.#end + bytes <= this.#data.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#data.length * 2, this.#end + bytes));
    larger.set(this.#data.subarray(0, this.#end));
    this.#data = larger;
  }
}
