import { createHash, hash, randomUUID } from "node:crypto";
import { closeSync, createReadStream, fsyncSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import type { BlobReader } from "@hansard/core/ingestion";
import type { StoreDatabase } from "./store-database.ts";

const SMALL_BYTES = 256 * 1024;

/** Content that was brought in: in memory until its row is written, or in a file already. */
export interface Content {
  sha256: string;
  size: number;
  small?: Uint8Array;
}

/** The contents of attachments, each once, under their hash: small ones in the database, large ones in files. */
export class ContentStore implements BlobReader {
  readonly #folder: string;
  readonly #database: StoreDatabase;

  constructor(folder: string, database: StoreDatabase) {
    this.#folder = join(folder, "content");
    this.#database = database;
    const incoming = join(this.#folder, "incoming");
    mkdirSync(incoming, { recursive: true });
    for (const name of readdirSync(incoming)) rmSync(join(incoming, name), { force: true });
  }

  async bring(content: Uint8Array | AsyncIterable<Uint8Array>): Promise<Content> {
    if (content instanceof Uint8Array && content.length <= SMALL_BYTES) {
      return { sha256: hash("sha256", content, "hex"), size: content.length, small: content };
    }
    return this.#file(content instanceof Uint8Array ? [content] : content);
  }

  /** Within a transaction, together with the row that refers to it. */
  keep({ sha256, small }: Content): void {
    if (small === undefined) return;
    this.#database.run("INSERT INTO small_content (sha256, data) VALUES (?, ?) ON CONFLICT DO NOTHING", sha256, small);
  }

  async *read({ sha256 }: { sha256: string }): AsyncIterable<Uint8Array> {
    const row = this.#database.get("SELECT data FROM small_content WHERE sha256 = ?", sha256);
    if (row?.["data"] instanceof Uint8Array) yield row["data"];
    else yield* createReadStream(this.#path(sha256), { highWaterMark: 1024 * 1024 });
  }

  path({ sha256 }: { sha256: string }): string | undefined {
    const path = this.#path(sha256);
    return statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : path;
  }

  async #file(content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Content> {
    const temporary = join(this.#folder, "incoming", randomUUID());
    const digest = createHash("sha256");
    let size = 0;
    const file = await open(temporary, "wx");
    try {
      for await (const chunk of content) {
        digest.update(chunk);
        size += chunk.length;
        await file.writeFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    const sha256 = digest.digest("hex");
    mkdirSync(join(this.#folder, sha256.slice(0, 2)), { recursive: true });
    await rename(temporary, this.#path(sha256));
    syncFolder(join(this.#folder, sha256.slice(0, 2)));
    return { sha256, size };
  }

  #path(sha256: string): string {
    return join(this.#folder, sha256.slice(0, 2), sha256.slice(2));
  }
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
