import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Database } from "./database.ts";
import { type PackedBatch, packBatch, unpackBatch } from "./packed-batch.ts";

/** About four blocks of bulk. A page of search results and an export in order of time come back to the same few. */
const CACHE_BYTES = 32 * 1024 * 1024;
const LARGEST_BLOCK_BYTES = 1024 * 1024 * 1024;
/** A block of bulk becomes smaller than this, so that it comes out in one piece. What is kept for it is garbage afterwards. */
const PIECE_BYTES = 1024 * 1024;

/** Many mails compressed together take a third of the room that they take one by one, and a tenth of the time. */
export function compressBlock(
  batch: PackedBatch,
  room?: (bytes: number) => ArrayBuffer,
): { size: number; data: Uint8Array } {
  const raw = packBatch(batch, room);
  const data = zstdCompressSync(raw, {
    params: { [constants.ZSTD_c_compressionLevel]: 2, [constants.ZSTD_c_checksumFlag]: 1 },
    pledgedSrcSize: raw.length,
    chunkSize: Math.min(PIECE_BYTES, raw.length + 1024),
  });
  return { size: raw.length, data };
}

/** Throws where the block is damaged. */
export function openBlock(data: Uint8Array, size: number): PackedBatch {
  const inflated = zstdDecompressSync(data, { maxOutputLength: Math.min(LARGEST_BLOCK_BYTES, Math.max(size, 64)) });
  if (inflated.length !== size) throw new Error(`It holds ${inflated.length} bytes instead of ${size}.`);
  // The numbers of the head are read in place and must begin at a multiple of their size.
  const raw = inflated.byteOffset % 8 === 0 ? inflated : new Uint8Array(inflated);
  return unpackBatch(raw);
}

/** Reads blocks, and keeps the last few open. */
export class Blocks {
  readonly #database: Database;
  readonly #open = new Map<number, PackedBatch>();
  #openBytes = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  read(id: number): PackedBatch {
    const known = this.#open.get(id);
    if (known !== undefined) return this.#keep(id, known);
    const row = this.#database.get("SELECT data, size FROM block WHERE id = ?", id);
    if (!(row?.["data"] instanceof Uint8Array)) throw new Error(`Block ${id} is missing from ${this.#database.file}.`);
    try {
      return this.#keep(id, openBlock(row["data"], Number(row["size"])));
    } catch (error) {
      throw new Error(`Block ${id} of ${this.#database.file} is damaged. Restore the archive from a backup.`, {
        cause: error,
      });
    }
  }

  /** Forgets what is open, after blocks have been merged. */
  clear(): void {
    this.#open.clear();
    this.#openBytes = 0;
  }

  #keep(id: number, block: PackedBatch): PackedBatch {
    if (!this.#open.delete(id)) this.#openBytes += block.data.length;
    this.#open.set(id, block);
    for (const [oldest, { data }] of this.#open) {
      if (this.#openBytes <= CACHE_BYTES || oldest === id) break;
      this.#open.delete(oldest);
      this.#openBytes -= data.length;
    }
    return block;
  }
}
