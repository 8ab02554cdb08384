import { createHash, randomUUID } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type BlobReference, type BlobWriter, UnexpectedResponseError } from "@hansard/core";
import type { BlobReader } from "@hansard/core/ingestion";
import type { JournalDatabase } from "./database.ts";
import { sha256 } from "./log.ts";

/** Content up to this many bytes lies in the database, where many share one synchronous write; larger content is a file. */
const IN_DATABASE_BYTES = 64 * 1024;
/** Small content that waits for its page, at most. */
const STAGED_BYTES = 16 * 1024 * 1024;

/** The content store: addressed by SHA-256, written once. */
export class BlobStore implements BlobReader, BlobWriter {
  readonly #database: JournalDatabase;
  readonly #folder: string;
  /** Small content that becomes durable in the transaction of the page that refers to it. */
  readonly #staged = new Map<string, Uint8Array>();
  #stagedBytes = 0;

  constructor(database: JournalDatabase, folder: string) {
    this.#database = database;
    this.#folder = folder;
    mkdirSync(join(folder, "incoming"), { recursive: true });
    for (const leftover of readdirSync(join(folder, "incoming"))) rmSync(join(folder, "incoming", leftover));
  }

  async put(
    content: AsyncIterable<Uint8Array> | Uint8Array,
    { maxBytes = Infinity }: { maxBytes?: number } = {},
  ): Promise<BlobReference> {
    const head: Uint8Array[] = [];
    let size = 0;
    const chunks = content instanceof Uint8Array ? of(content) : content;
    const iterator = chunks[Symbol.asyncIterator]();
    for (let next = await iterator.next(); ; next = await iterator.next()) {
      if (next.done) return this.#stage(Buffer.concat(head));
      size += next.value.length;
      head.push(next.value);
      if (size > Math.min(maxBytes, IN_DATABASE_BYTES)) break;
    }
    return this.#writeFile(head, iterator, maxBytes);
  }

  async *read({ sha256: digest, size }: BlobReference): AsyncIterable<Uint8Array> {
    const small = this.#staged.get(digest) ?? this.#small(digest);
    if (small) {
      if (hex(sha256(small)) !== digest) throw damaged(digest);
      yield small;
      return;
    }
    const path = this.#file(digest);
    if (!existsSync(path))
      throw new Error(
        `The content ${digest} is not in the journal's store (${path} is missing). Run "hansard verify".`,
      );
    const hash = createHash("sha256");
    let length = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
      hash.update(chunk);
      length += chunk.length;
      yield chunk;
    }
    if (length !== size || hash.digest("hex") !== digest) throw damaged(digest);
  }

  path({ sha256: digest }: BlobReference): string | undefined {
    const path = this.#file(digest);
    return existsSync(path) ? path : undefined;
  }

  /** Writes what waits, within the caller's transaction. Call `forgetStaged` once it is committed. */
  writeStaged(): void {
    for (const [digest, content] of this.#staged) {
      this.#database.run(
        "INSERT OR IGNORE INTO blob (sha256, size, content) VALUES (?, ?, ?)",
        Buffer.from(digest, "hex"),
        content.length,
        content,
      );
    }
  }

  forgetStaged(): void {
    this.#staged.clear();
    this.#stagedBytes = 0;
  }

  #stage(content: Buffer): BlobReference {
    const digest = hex(sha256(content));
    if (!this.#staged.has(digest)) {
      this.#staged.set(digest, content);
      this.#stagedBytes += content.length;
    }
    if (this.#stagedBytes > STAGED_BYTES) {
      this.#database.transaction(() => this.writeStaged());
      this.forgetStaged();
    }
    return { sha256: digest, size: content.length };
  }

  async #writeFile(head: Uint8Array[], rest: AsyncIterator<Uint8Array>, maxBytes: number): Promise<BlobReference> {
    const temporary = join(this.#folder, "incoming", randomUUID());
    const file = await storing(temporary, () => open(temporary, "wx", 0o600));
    try {
      const reference = await pour(head, rest, maxBytes, (chunk) => storing(temporary, () => write(file, chunk)));
      await storing(temporary, () => file.sync());
      await file.close();
      await storing(this.#file(reference.sha256), () => this.#keep(temporary, reference));
      return reference;
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(temporary, { force: true });
      await rest.return?.();
      throw error;
    }
  }

  /** Gives the finished file its name; the folder is synchronised before any row can refer to it. */
  async #keep(temporary: string, { sha256: digest, size }: BlobReference): Promise<void> {
    const path = this.#file(digest);
    await mkdir(dirname(path), { recursive: true });
    await rename(temporary, path);
    for (const folder of [dirname(path), this.#folder]) await syncFolder(folder);
    this.#database.run(
      "INSERT OR IGNORE INTO blob (sha256, size, content) VALUES (?, ?, NULL)",
      Buffer.from(digest, "hex"),
      size,
    );
  }

  #small(digest: string): Uint8Array | undefined {
    const content = this.#database.get("SELECT content FROM blob WHERE sha256 = ?", Buffer.from(digest, "hex"))?.[
      "content"
    ];
    return content instanceof Uint8Array ? content : undefined;
  }

  #file(digest: string): string {
    return join(this.#folder, digest.slice(0, 2), digest.slice(2));
  }
}

async function pour(
  head: Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
  maxBytes: number,
  store: (chunk: Uint8Array) => Promise<void>,
): Promise<BlobReference> {
  const hash = createHash("sha256");
  let size = 0;
  const queue = [...head];
  for (;;) {
    const chunk = queue.shift() ?? (await next(rest));
    if (!chunk) return { sha256: hash.digest("hex"), size };
    size += chunk.length;
    if (size > maxBytes)
      throw new UnexpectedResponseError(`The content is longer than the ${maxBytes} bytes that are allowed.`);
    hash.update(chunk);
    await store(chunk);
  }
}

async function write(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.length;) offset += (await file.write(chunk, offset)).bytesWritten;
}

/** An error of the disk says which file and what to do. */
async function storing<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
    const message = `${path} could not be stored: ${error.message}. Mend or free the disk, then start again: what was acknowledged is kept.`;
    throw Object.assign(new Error(message, { cause: error }), { code: "code" in error ? error.code : undefined });
  }
}

async function next(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  const { done, value } = await iterator.next();
  return done ? undefined : value;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function* of(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function damaged(digest: string): Error {
  return new Error(
    `The content ${digest} in the journal's store is damaged: its bytes no longer have this hash. Restore it from a backup.`,
  );
}
