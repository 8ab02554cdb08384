import type { FileHandle } from "node:fs/promises";
import type { Json } from "@hansard/core";
import { readFrom, type Spool } from "@hansard/file-drop";
import { ELEMENT, type Tree } from "./tree.ts";

/** Characters that XML 1.0 forbids in every form, so that no text of a document holds them. */
const BETWEEN = "\u001f";
const RECORD = "\u001e";
/** Stands for the value that the record before of the same shape had in that field. */
const SAME = "\u001d";
const RECORD_BYTE = RECORD.charCodeAt(0);
const RECORD_OF_JSON = `${RECORD}{`;
const BUFFER_BYTES = 512 * 1024;
/** Small, so that little waits for the next: what outlives a collection makes the heap grow. */
export const PIECE_BYTES = 8 * 1024;
const NOTHING = Buffer.alloc(0);

/** The fields of a record, in their order: most records of a file share a few lists of fields. */
interface Shape {
  number: number;
  /** What its records begin with. */
  sign: string;
  fields: string[];
  /** Whether the field holds a number and not a text. */
  numeric: boolean[];
  /** What `SAME` stands for, when records are written and when they are read. */
  written: (Json | undefined)[];
  read: Json[];
}

/** What is remembered of the last records keeps alive the pieces of the file that it was cut from. */
const SHAPES_REMEMBERED = 32;
const LONGEST_REMEMBERED = 64;

/** Records that wait in a nameless temporary file until the file that they come from is known to be whole. */
export class RecordSpool {
  readonly #handle: FileHandle;
  readonly #shapes: Shape[] = [];
  readonly #bySignature = new Map<string, Shape>();
  /** The shape that the last record of the same element had. */
  readonly #likely = new Map<Json | undefined, Shape>();
  #size = 0;
  /** Texts keep alive the piece of the file that they were cut from: they wait here no longer than a chunk. */
  #values: string[] = [];
  #buffer: Buffer = NOTHING;
  #used = 0;
  #spare: Buffer = NOTHING;
  #writing: Promise<void> | undefined;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async open(spool: Spool): Promise<RecordSpool> {
    return new RecordSpool(await spool.create());
  }

  add(record: Tree): void {
    const likely = this.#likely.get(record[ELEMENT]);
    const shape = likely && fits(record, likely) ? likely : this.#shapeOf(record);
    if (!shape) return void this.#values.push(RECORD + JSON.stringify(record));
    const { fields, written } = shape;
    this.#values.push(shape.sign);
    for (let index = 0; index < fields.length; index++) {
      const value = record[fields[index] ?? ""];
      if (value === written[index]) {
        this.#values.push(SAME);
        continue;
      }
      this.#values.push(String(value));
      written[index] = isWorthKeeping(value, shape) ? value : undefined;
    }
  }

  /** Takes in what was added, between two pieces. What it gives is to be awaited: a write that stands before the next one. */
  flush(): Promise<void> | undefined {
    if (this.#values.length === 0) return undefined;
    const text = this.#values.join(BETWEEN) + BETWEEN;
    this.#values = [];
    const mostBytes = text.length * 3;
    if (this.#used + mostBytes <= this.#buffer.byteLength) {
      this.#used += this.#buffer.write(text, this.#used);
      return undefined;
    }
    return this.#write(mostBytes).then(() => void (this.#used = this.#buffer.write(text)));
  }

  /** Writes one buffer while the other is filled. */
  async #write(neededBytes: number): Promise<void> {
    await this.#writing;
    const written = this.#buffer;
    this.#writing = this.#handle.writeFile(written.subarray(0, this.#used));
    // It is awaited with the next one, and must not count as unhandled until then.
    this.#writing.catch(() => {});
    this.#size += this.#used;
    this.#used = 0;
    this.#buffer = this.#spare;
    this.#spare = written;
    if (this.#buffer.byteLength < neededBytes)
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(neededBytes, BUFFER_BYTES));
  }

  /** The records in their order, as many at once as come from the disk at once. */
  async *records(): AsyncGenerator<Tree[]> {
    await this.flush();
    await this.#write(0);
    await this.#writing;
    this.#buffer = this.#spare = NOTHING;
    let rest: Uint8Array[] = [];
    for await (const chunk of readFrom(this.#handle, this.#size, { reuse: true, pieceBytes: PIECE_BYTES })) {
      const end = chunk.lastIndexOf(RECORD_BYTE);
      if (end > 0 || (end === 0 && rest.length > 0)) {
        yield this.#decode(Buffer.concat([...rest, chunk.subarray(0, end)]));
        rest = [];
      }
      rest.push(Buffer.from(chunk.subarray(Math.max(0, end))));
    }
    yield this.#decode(Buffer.concat(rest));
  }

  #shapeOf(record: Tree): Shape | undefined {
    const values = Object.values(record);
    if (!values.every((value) => typeof value === "string" || typeof value === "number")) return undefined;
    const fields = Object.keys(record);
    const numeric = values.map((value) => typeof value === "number");
    const signature = JSON.stringify([fields, numeric]);
    let shape = this.#bySignature.get(signature);
    if (!shape) {
      const number = this.#shapes.length;
      shape = { number, sign: `${RECORD}${number}`, fields, numeric, written: [], read: [] };
      this.#shapes.push(shape);
      this.#bySignature.set(signature, shape);
    }
    this.#likely.set(record[ELEMENT], shape);
    return shape;
  }

  #decode(bytes: Buffer): Tree[] {
    const values = bytes.toString("utf8").split(BETWEEN);
    const records: Tree[] = [];
    for (let at = 0; at < values.length - 1;) {
      const sign = values[at] ?? "";
      at += 1;
      if (sign.startsWith(RECORD_OF_JSON)) {
        records.push(JSON.parse(sign.slice(1)));
        continue;
      }
      const shape = this.#shapes[Number(sign.slice(1))];
      if (!shape || at + shape.fields.length >= values.length) throw damaged();
      records.push(recordOf(shape, values, at));
      at += shape.fields.length;
    }
    return records;
  }
}

function recordOf({ fields, numeric, read }: Shape, values: string[], at: number): Tree {
  const record: Tree = {};
  for (let index = 0; index < fields.length; index++) {
    const text = values[at + index] ?? "";
    if (text !== SAME) read[index] = numeric[index] ? Number(text) : text;
    record[fields[index] ?? ""] = read[index] ?? "";
  }
  return record;
}

function damaged(): Error {
  return new Error("A temporary file is damaged. Look after the disk.");
}

/** Whether the record has the shape's fields, in their order and of their kinds, and no others. */
function fits(record: Tree, { fields, numeric }: Shape): boolean {
  let index = 0;
  for (const field in record) {
    const kind = typeof record[field];
    if (field !== fields[index] || kind !== (numeric[index] ? "number" : "string")) return false;
    index += 1;
  }
  return index === fields.length;
}

function isWorthKeeping(value: Json | undefined, { number }: Shape): boolean {
  return number < SHAPES_REMEMBERED && (typeof value !== "string" || value.length <= LONGEST_REMEMBERED);
}
