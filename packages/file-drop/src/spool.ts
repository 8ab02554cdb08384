import { createHash } from "node:crypto";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileProblem } from "./file-problem.ts";

/** Large enough for its memory to go back to the system when it is free. */
const CHUNK_BYTES = 256 * 1024;
/** Small enough for the text of a piece to be an ordinary object of the heap, which is collected soon. */
const PIECE_BYTES = 64 * 1024;

export interface ReadingOptions {
  /** A piece is valid until the next is asked for: a gigabyte then takes two buffers, and not thousands that wait for collection. */
  reuse?: boolean;
  /** Of the longest piece. What is made of a piece before the next is asked for outlives collections: small pieces keep the heap small. */
  pieceBytes?: number;
}

/** Content on the local disk that only this process can reach. */
export interface SpooledFile {
  size: number;
  /** SHA-256, 64 lower-case hexadecimal digits. */
  sha256: string;
  /** For libraries that read at random. It is valid until the spool is closed. */
  fd: number;
  /** The content from its beginning, each time anew. */
  open(options?: ReadingOptions): AsyncGenerator<Uint8Array>;
  /** Gives the disk space back before the spool is closed. */
  discard(): Promise<void>;
}

/**
 * Keeps content while it is verified. Files have mode 0600 and no name from the moment they are open, so that nothing
 * that was decrypted outlives the process, even when it is killed.
 */
export class Spool {
  readonly #folder: string | undefined;
  readonly #handles = new Set<FileHandle>();

  constructor({ folder }: { folder?: string | undefined } = {}) {
    this.#folder = folder;
  }

  /** Writes and hashes `content`. Rejects with a FileProblem, and keeps nothing, where it is longer than `maxBytes`. */
  async write(content: AsyncIterable<Uint8Array>, { maxBytes = Infinity } = {}): Promise<SpooledFile> {
    const handle = await this.create();
    try {
      const hash = createHash("sha256");
      let size = 0;
      for await (const chunk of content) {
        size += chunk.byteLength;
        if (size > maxBytes) throw tooLong(maxBytes);
        const writing = handle.writeFile(chunk);
        hash.update(chunk);
        await writing;
      }
      return this.#spooled(handle, size, hash.digest("hex"));
    } catch (error) {
      await this.#discard(handle);
      throw error;
    }
  }

  /** An empty nameless file to read and write. It is closed with the spool. */
  async create(): Promise<FileHandle> {
    const folder = await mkdtemp(join(this.#folder ?? tmpdir(), "hansard-drop-"));
    try {
      const handle = await open(join(folder, "content"), "wx+", 0o600);
      this.#handles.add(handle);
      return handle;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#handles].map((handle) => this.#discard(handle)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #spooled(handle: FileHandle, size: number, sha256: string): SpooledFile {
    return {
      size,
      sha256,
      fd: handle.fd,
      open: (options) => readFrom(handle, size, options),
      discard: () => this.#discard(handle),
    };
  }

  async #discard(handle: FileHandle): Promise<void> {
    if (this.#handles.delete(handle)) await handle.close();
  }
}

/** Content that is known to be small, at once. Rejects with a FileProblem where it is longer than `maxBytes`. */
export async function readWhole(content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLong(maxBytes);
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks);
}

/** Reads `size` bytes of an open file from its beginning, whatever else reads it meanwhile. */
export async function* readFrom(
  handle: FileHandle,
  size: number,
  { reuse = false, pieceBytes = PIECE_BYTES }: ReadingOptions = {},
): AsyncGenerator<Uint8Array> {
  const chunkBytes = Math.max(CHUNK_BYTES, pieceBytes);
  function newBuffer(needed: number): Buffer {
    return Buffer.allocUnsafeSlow(Math.max(0, Math.min(chunkBytes, needed)));
  }
  const buffers = reuse ? [newBuffer(size), newBuffer(size)] : [];
  let turn = 0;
  async function fill(position: number): Promise<Uint8Array> {
    const buffer = buffers[turn++ % 2] ?? newBuffer(size - position);
    if (position >= size) return buffer.subarray(0, 0);
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.byteLength, size - position), position);
    return buffer.subarray(0, bytesRead);
  }
  // The next chunk is fetched while the last one is worked on.
  let next = fill(0);
  try {
    for (let position = 0; position < size;) {
      const chunk = await next;
      if (chunk.byteLength === 0) throw new FileProblem("It became shorter while it was read.");
      position += chunk.byteLength;
      next = fill(position);
      for (let start = 0; start < chunk.byteLength; start += pieceBytes)
        yield chunk.subarray(start, start + pieceBytes);
    }
  } finally {
    await next.catch(() => {});
  }
}

function tooLong(maxBytes: number): FileProblem {
  return new FileProblem(`It is longer than the ${maxBytes} bytes that are allowed.`, {
    remedy: "Raise `maxFileBytes` if such a file is expected.",
  });
}
