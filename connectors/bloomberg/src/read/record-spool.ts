import type { FileHandle } from "node:fs/promises";
import type { Json } from "@hansard/core";
import { readFrom, type Spool } from "@hansard/file-drop";
import { ELEMENT, type Tree } from "./tree.ts";

const BUFFER_BYTES = 256 * 1024;

/** Characters that XML 1.0 forbids in every form, so that no text of a document holds them. */
const BETWEEN_VALUES = "\u001f";
const BETWEEN_RECORDS = "\u001e";
const RECORD_END = BETWEEN_RECORDS.charCodeAt(0);

/** The fields of a record, in their order: most records of a file share a few lists of fields. */
interface Shape {
  number: number;
  fields: string[];
  /** Whether the field holds a number and not a text. */
  numeric: boolean[];
}

/** Records that wait in a nameless temporary file until the file that they come from is known to be whole. */
export class RecordSpool {
  readonly #handle: FileHandle;
  readonly #shapes: Shape[] = [];
  readonly #bySignature = new Map<string, Shape>();
  /** The shape that the last record of the same element had. */
  readonly #likely = new Map<Json | undefined, Shape>();
  #size = 0;
  #full: Uint8Array[] = [];
  #buffer = Buffer.alloc(0);
  #used = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async open(spool: Spool): Promise<RecordSpool> {
    return new RecordSpool(await spool.create());
  }

  /** Copies the record out at once: texts that wait would keep alive the piece of the file that they were cut from. */
  add(record: Tree): void {
    const line = (this.#encode(record) ?? JSON.stringify(record)) + BETWEEN_RECORDS;
    const mostBytes = line.length * 3;
    if (this.#used + mostBytes > this.#buffer.byteLength) this.#turnOver(mostBytes);
    this.#used += this.#buffer.write(line, this.#used);
  }

  /** Writes what is buffered, where it is worth it. Call it between chunks. */
  async flush(force = false): Promise<void> {
    if (force) this.#turnOver(0);
    const full = this.#full;
    this.#full = [];
    for (const bytes of full) {
      await this.#handle.writeFile(bytes);
      this.#size += bytes.byteLength;
    }
  }

  #turnOver(mostBytes: number): void {
    if (this.#used > 0) this.#full.push(this.#buffer.subarray(0, this.#used));
    this.#buffer = mostBytes === 0 ? Buffer.alloc(0) : Buffer.allocUnsafeSlow(Math.max(BUFFER_BYTES, mostBytes));
    this.#used = 0;
  }

  /** The records in their order, as many at once as come from the disk at once. */
  async *records(): AsyncGenerator<Tree[]> {
    await this.flush(true);
    let rest: Uint8Array[] = [];
    for await (const chunk of readFrom(this.#handle, this.#size, { reuse: true })) {
      const end = chunk.lastIndexOf(RECORD_END) + 1;
      if (end === 0) {
        rest.push(Buffer.from(chunk));
        continue;
      }
      const text = Buffer.concat([...rest, chunk.subarray(0, end - 1)]).toString("utf8");
      rest = [Buffer.from(chunk.subarray(end))];
      yield text.split(BETWEEN_RECORDS).map((line) => this.#decode(line));
    }
  }

  /** Undefined for a record that holds more than texts and numbers. */
  #encode(record: Tree): string | undefined {
    const likely = this.#likely.get(record[ELEMENT]);
    let line = "";
    let index = 0;
    let fits = likely !== undefined;
    for (const field in record) {
      const value = record[field];
      if (typeof value !== "string" && typeof value !== "number") return undefined;
      line += BETWEEN_VALUES + value;
      fits &&= likely?.fields[index] === field && likely.numeric[index] === (typeof value === "number");
      index += 1;
    }
    const shape = likely && fits && index === likely.fields.length ? likely : this.#shapeOf(record);
    return shape.number + line;
  }

  #shapeOf(record: Tree): Shape {
    const fields = Object.keys(record);
    const numeric = fields.map((field) => typeof record[field] === "number");
    const signature = JSON.stringify([fields, numeric]);
    const shape = this.#bySignature.get(signature) ?? { number: this.#shapes.length, fields, numeric };
    if (shape.number === this.#shapes.length) {
      this.#shapes.push(shape);
      this.#bySignature.set(signature, shape);
    }
    this.#likely.set(record[ELEMENT], shape);
    return shape;
  }

  #decode(line: string): Tree {
    if (line.startsWith("{")) return JSON.parse(line);
    const values: string[] = line.split(BETWEEN_VALUES);
    const shape = this.#shapes[Number(values[0])];
    if (!shape || values.length !== shape.fields.length + 1)
      throw new Error("A temporary file is damaged. Look after the disk.");
    const record: { [name: string]: Json } = {};
    for (let index = 0; index < shape.fields.length; index++) {
      const value = values[index + 1] ?? "";
      record[shape.fields[index] ?? ""] = shape.numeric[index] ? Number(value) : value;
    }
    return record;
  }
}
