import { hash } from "node:crypto";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { JournalEntry } from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import { EntryBody, LineEncoder } from "./entry-body.ts";

export type EntryKind = "page" | "hold" | "intent" | "settlement" | "withdrawal";

/** What was just written is read next: some hundred pages of bulk, by which delivery may be behind. */
const CACHED_BYTES = 16 * 1024 * 1024;
/** An entry of bulk becomes smaller than this, so that it comes out in one piece. */
const PIECE_BYTES = 256 * 1024;

/** The append-only, hash-chained log. Its entries' bodies are JSON lines, the first of them a header. */
export class Log {
  readonly #database: JournalDatabase;
  readonly #encoder = new LineEncoder();
  readonly #cache = new Map<number, EntryBody>();
  #cachedBytes = 0;
  #seq: number;
  #head: Uint8Array;

  constructor(database: JournalDatabase) {
    this.#database = database;
    this.#seq = 0;
    this.#head = genesis(database.installation.id);
    this.resume();
  }

  /** Reads the end of the chain from the database, as another process may have extended it or a transaction been undone. */
  resume(): void {
    const last = this.#database.get("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1");
    this.#seq = last ? Number(last["seq"]) : 0;
    this.#head = last ? (last["hash"] as Uint8Array) : genesis(this.#database.installation.id);
    // What was undone was never written.
    for (const [seq, { bytes }] of this.#cache) {
      if (seq <= this.#seq) continue;
      this.#cache.delete(seq);
      this.#cachedBytes -= bytes.length;
    }
  }

  /** The number that the next entry will have. */
  get next(): number {
    return this.#seq + 1;
  }

  get head(): string {
    return Buffer.from(this.#head).toString("hex");
  }

  /** Appends an entry within the caller's transaction and gives its number. */
  append(kind: EntryKind, at: number, lines: Iterable<string>): number {
    const seq = this.#seq + 1;
    const body = this.#encoder.encode(lines);
    const bodyHash = sha256(body.bytes);
    const entryHash = chain(this.#head, seq, kind, at, bodyHash);
    this.#database
      .prepare("INSERT INTO entry (seq, kind, at, body, body_hash, hash) VALUES (?, ?, ?, ?, ?, ?)")
      .run(seq, kind, at, compressed(body.bytes), bodyHash, entryHash);
    this.#seq = seq;
    this.#head = entryHash;
    if (kind === "page") this.#remember(seq, new EntryBody(Buffer.from(body.bytes), body.ends));
    return seq;
  }

  /** The lines of an entry. */
  body(seq: number): EntryBody {
    const cached = this.#cache.get(seq);
    if (cached) return cached;
    const row = this.#database.get("SELECT body FROM entry WHERE seq = ?", seq);
    if (!row) throw new Error(`The journal has no entry ${seq}. Run "hansard verify".`);
    if (row["body"] === null)
      throw new Error(`The raw content of journal entry ${seq} was removed by the retention of raw events.`);
    const body = new EntryBody(zstdDecompressSync(row["body"] as Uint8Array));
    this.#remember(seq, body);
    return body;
  }

  #remember(seq: number, body: EntryBody): void {
    this.#cache.set(seq, body);
    this.#cachedBytes += body.bytes.length;
    for (const [oldest, { bytes }] of this.#cache) {
      if (this.#cachedBytes <= CACHED_BYTES || oldest === seq) break;
      this.#cache.delete(oldest);
      this.#cachedBytes -= bytes.length;
    }
  }
}

function compressed(body: Uint8Array): Uint8Array {
  return zstdCompressSync(body, {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
    chunkSize: Math.min(PIECE_BYTES, body.length + 1024),
  });
}

/** All entries, the oldest first, one at a time. */
export async function* readEntries(database: JournalDatabase): AsyncGenerator<JournalEntry> {
  for (let seq = 0; ; seq += 1) {
    const row = database.get("SELECT * FROM entry WHERE seq > ? ORDER BY seq LIMIT 1", seq);
    if (!row) return;
    seq = Number(row["seq"]) - 1;
    const body = row["body"] === null ? undefined : zstdDecompressSync(row["body"] as Uint8Array).toString();
    yield {
      seq: seq + 1,
      kind: String(row["kind"]),
      at: Number(row["at"]),
      body,
      bodyHash: hex(row["body_hash"]),
      hash: hex(row["hash"]),
    };
  }
}

function hex(bytes: unknown): string {
  return Buffer.from(bytes as Uint8Array).toString("hex");
}

/** What stands before the first entry. */
export function genesis(installation: string): Uint8Array {
  return sha256(Buffer.from(installation));
}

/** The hash of an entry: over the previous entry's hash, the entry's number, kind and time, and its body's hash. */
export function chain(previous: Uint8Array, seq: number, kind: string, at: number, bodyHash: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([previous, Buffer.from(`${seq}\n${kind}\n${at}\n`), bodyHash]));
}

export function sha256(bytes: Uint8Array): Buffer {
  return hash("sha256", bytes, "buffer");
}
