import { createHash, randomUUID } from "node:crypto";
import { createReadStream, linkSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BlobReference } from "@hansard/core";
import type { BlobReader } from "@hansard/core/ingestion";
import { syncFolder } from "./truth.ts";

/** The journal could not give the content. It is the message's misfortune, not the archive's. */
export class ContentUnavailableError extends Error {}

/** Attachments under their own hash, each once: `blobs/ab/cdef…`. */
export class BlobStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, "blobs");
    mkdirSync(join(this.#folder, "incoming"), { recursive: true });
    // What a crash left half-written. Nothing refers to it.
    for (const name of readdirSync(join(this.#folder, "incoming")))
      rmSync(join(this.#folder, "incoming", name), { force: true });
    syncFolder(folder);
  }

  path({ sha256 }: { sha256: string }): string {
    return join(this.#folder, sha256.slice(0, 2), sha256.slice(2));
  }

  has(blob: BlobReference): boolean {
    return statSync(this.path(blob), { throwIfNoEntry: false })?.size === blob.size;
  }

  /** Brings content in. It is on disk under its name when the promise resolves. */
  async put(blob: BlobReference, source: BlobReader | undefined): Promise<void> {
    if (this.has(blob)) return;
    if (source === undefined)
      throw new ContentUnavailableError(`Nothing was given to read the attachment ${blob.sha256} from.`);
    const folder = join(this.#folder, blob.sha256.slice(0, 2));
    if (mkdirSync(folder, { recursive: true }) !== undefined) syncFolder(this.#folder);
    if (!this.#link(blob, source)) await this.#copy(blob, source);
    syncFolder(folder);
  }

  read(blob: BlobReference, range: { start: number; end: number }): AsyncIterable<Uint8Array> {
    return createReadStream(this.path(blob), { start: range.start, end: range.end - 1, highWaterMark: 1024 * 1024 });
  }

  *list(): Iterable<string> {
    for (const prefix of readdirSync(this.#folder)) {
      if (prefix === "incoming") continue;
      for (const rest of readdirSync(join(this.#folder, prefix))) yield prefix + rest;
    }
  }

  /** A second name for the journal's own file costs nothing. It is impossible across file systems. */
  #link(blob: BlobReference, source: BlobReader): boolean {
    const from = source.path?.(blob);
    if (from === undefined || statSync(from, { throwIfNoEntry: false })?.size !== blob.size) return false;
    try {
      rmSync(this.path(blob), { force: true });
      linkSync(from, this.path(blob));
      return true;
    } catch {
      return false;
    }
  }

  async #copy(blob: BlobReference, source: BlobReader): Promise<void> {
    const temporary = join(this.#folder, "incoming", randomUUID());
    const file = await open(temporary, "wx");
    try {
      for await (const chunk of checked(blob, source)) await file.writeFile(chunk);
      await file.sync();
    } catch (error) {
      await file.close();
      await rm(temporary, { force: true });
      throw error;
    }
    await file.close();
    await rename(temporary, this.path(blob));
  }
}

async function* checked(blob: BlobReference, source: BlobReader): AsyncIterable<Uint8Array> {
  const hash = createHash("sha256");
  let size = 0;
  const chunks = source.read(blob)[Symbol.asyncIterator]();
  for (;;) {
    const next = await chunks.next().catch((error: unknown) => {
      throw new ContentUnavailableError(
        `The attachment ${blob.sha256} could not be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
    if (next.done === true) break;
    hash.update(next.value);
    size += next.value.length;
    yield next.value;
  }
  if (size === blob.size && hash.digest("hex") === blob.sha256) return;
  throw new ContentUnavailableError(`The attachment ${blob.sha256} does not have the content that its hash names.`);
}
