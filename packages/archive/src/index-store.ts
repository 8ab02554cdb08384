import { rmSync } from "node:fs";
import { join } from "node:path";
import { openBlock } from "./block.ts";
import { Database, isDamage } from "./database.ts";
import { DocumentWriter } from "./document-writer.ts";
import { OF_MESSAGE } from "./item-writer.ts";
import { type PackedBatch, unpackBatch } from "./packed-batch.ts";
import { openTruth } from "./truth.ts";

/** A request's batch on its way into the index. */
export interface IndexedRequest {
  /** The request's number, which is its block's. */
  block: number;
  /** Absent: the block is damaged, so that its messages cannot be found until it is restored and the index made anew. */
  batch?: PackedBatch;
  /** How many messages a damaged block holds. */
  lost?: number;
}

/** Raised whenever the index is made in another way: one of another format is made anew. */
const FORMAT = 1;
const FLUSH_BYTES = 32 * 1024 * 1024;
const CATCH_UP_MESSAGES = 16_384;

/** Words of the first column take two bytes less each than those of others. Labels are attachment names and the class. */
const SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) WITHOUT ROWID, STRICT;
  CREATE TABLE holding (folder INTEGER NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (folder, message)) WITHOUT ROWID, STRICT;
  CREATE VIRTUAL TABLE text USING fts5(
    body, subject, sender, recipients, labels, content = '', contentless_delete = 1, detail = full,
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* M* Co'"
  );
  INSERT INTO text (text, rank) VALUES ('hashsize', ${FLUSH_BYTES});
`;

const TABLES = ["meta", "holding", "text"];

export function indexFile(folder: string): string {
  return join(folder, "index.db");
}

/**
 * The index, which is derived from the truth and may be deleted at any time. It knows the last block that it holds, in
 * the same transaction as its contents, so that after a crash it goes on where it stopped.
 */
export class IndexStore {
  readonly #folder: string;
  readonly #truth: Database;
  #index: Database;
  #documents: DocumentWriter;

  constructor(folder: string) {
    this.#folder = folder;
    this.#truth = openTruth(folder);
    this.#index = openOrReplace(folder, this.#truth);
    this.#documents = new DocumentWriter(this.#index);
  }

  /** Brings the index up to the truth, and makes it anew where it turns out to be damaged. */
  catchUp(): void {
    try {
      while (this.#isBehind() && this.#catchUpOnce(Number.MAX_SAFE_INTEGER));
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#index.close();
      remove(this.#folder);
      this.#index = openOrReplace(this.#folder, this.#truth);
      this.#documents = new DocumentWriter(this.#index);
      while (this.#isBehind() && this.#catchUpOnce(Number.MAX_SAFE_INTEGER));
    }
  }

  /** Adds requests, the oldest first. What another process stored in between is fetched from the truth. */
  add(requests: readonly IndexedRequest[]): void {
    for (const run of unbrokenRuns(requests)) {
      const first = run[0]?.block ?? 0;
      while (this.#watermark() < first - 1 && this.#catchUpOnce(first - 1));
      this.#index.transaction(() => {
        const watermark = this.#watermark();
        const due = run.filter(({ block }) => block > watermark);
        this.#write(due, Math.max(watermark, due.at(-1)?.block ?? 0));
      });
    }
  }

  /** Empties the index and makes it anew from the truth. */
  rebuild(): void {
    this.#index.transaction(() => reset(this.#index, this.#truth));
    while (this.#isBehind() && this.#catchUpOnce(Number.MAX_SAFE_INTEGER));
  }

  close(): void {
    this.#giveRoomBack();
    this.#index.close();
    this.#truth.close();
  }

  /** Merging the index leaves pages behind that it uses again. An archive that rests should not hold them. */
  #giveRoomBack(): void {
    const free = this.#index.number("PRAGMA freelist_count");
    if (free * 20 > this.#index.number("PRAGMA page_count")) this.#index.exec("PRAGMA incremental_vacuum");
  }

  /** Asked without a lock, since another process may be writing the index for a while. */
  #isBehind(): boolean {
    return this.#truth.number("SELECT max(id) FROM block") > this.#watermark();
  }

  /** Indexes some of what is missing. Gives false when nothing was. */
  #catchUpOnce(through: number): boolean {
    return this.#index.transaction(() => {
      const watermark = this.#watermark();
      const requests = this.#readBlocks(watermark, through);
      const last = requests.at(-1);
      if (last === undefined) {
        if (through === Number.MAX_SAFE_INTEGER) return false;
        // Requests whose blocks were merged into later ones leave holes in the numbers.
        this.#setWatermark(Math.max(watermark, through));
        return true;
      }
      this.#write(requests, last.block);
      return true;
    });
  }

  #readBlocks(after: number, through: number): IndexedRequest[] {
    const requests: IndexedRequest[] = [];
    let messages = 0;
    const rows = this.#truth
      .statement("SELECT id, size, data, messages FROM block WHERE id > ? AND id <= ? ORDER BY id")
      .iterate(after, through);
    for (const { id, size, data, messages: count } of rows) {
      if (!(data instanceof Uint8Array)) continue;
      const batch = readable(data, Number(size));
      requests.push(
        batch ? { block: Number(id), batch: this.#withItems(batch) } : { block: Number(id), lost: Number(count) },
      );
      messages += Number(count);
      if (messages >= CATCH_UP_MESSAGES) break;
    }
    return requests;
  }

  /** A block names only the items of messages that stand in other blocks. Those of its own are looked up. */
  #withItems(batch: PackedBatch): PackedBatch {
    const select = this.#truth.statement(`SELECT folder FROM item WHERE ${OF_MESSAGE}`);
    const messages = [...batch.itemMessages];
    const folders = [...batch.itemFolders];
    for (const id of batch.ids) {
      for (const { folder } of select.all(id)) {
        messages.push(id);
        folders.push(Number(folder));
      }
    }
    return { ...batch, itemMessages: Float64Array.from(messages), itemFolders: Uint32Array.from(folders) };
  }

  #write(requests: readonly IndexedRequest[], watermark: number): void {
    this.#documents.write(requests.flatMap(({ batch }) => batch ?? []));
    const lost = requests.reduce((sum, request) => sum + (request.lost ?? 0), 0);
    if (lost > 0) this.#index.statement("UPDATE meta SET value = value + ? WHERE name = 'lost'").run(lost);
    this.#setWatermark(watermark);
  }

  #watermark(): number {
    return this.#index.number("SELECT value FROM meta WHERE name = 'watermark'");
  }

  #setWatermark(block: number): void {
    this.#index.statement("UPDATE meta SET value = ? WHERE name = 'watermark'").run(block);
  }
}

export function packedRequest(block: number, bytes: Uint8Array): IndexedRequest {
  return { block, batch: unpackBatch(bytes) };
}

/** Where a number is missing, another process has stored the request. */
function unbrokenRuns(requests: readonly IndexedRequest[]): IndexedRequest[][] {
  const runs: IndexedRequest[][] = [];
  for (const request of requests) {
    const run = runs.at(-1);
    if (run?.at(-1)?.block === request.block - 1) run?.push(request);
    else runs.push([request]);
  }
  return runs;
}

/** One damaged block must not keep all others from being found. `verify` names it. */
function readable(data: Uint8Array, size: number): PackedBatch | undefined {
  try {
    return openBlock(data, size);
  } catch {
    return undefined;
  }
}

function openOrReplace(folder: string, truth: Database): Database {
  try {
    return open(folder, truth);
  } catch (error) {
    if (!isDamage(error)) throw error;
    remove(folder);
    return open(folder, truth);
  }
}

/** Another process may be opening it too: what is amiss is looked at again, and mended, within a transaction. */
function open(folder: string, truth: Database): Database {
  const index = new Database(indexFile(folder), { synchronous: "NORMAL" });
  if (agrees(index, truth)) return index;
  index.transaction(() => {
    if (!agrees(index, truth)) reset(index, truth);
  });
  return index;
}

/** Whether it is the index of this archive, of our format, not ahead of it, and holds as many documents as its blocks. */
function agrees(index: Database, truth: Database): boolean {
  const list = TABLES.map((table) => `'${table}'`).join();
  if (index.number(`SELECT count(*) FROM sqlite_schema WHERE name IN (${list})`) !== TABLES.length) return false;
  if (index.number("SELECT value FROM meta WHERE name = 'format'") !== FORMAT) return false;
  if (index.get("SELECT value FROM meta WHERE name = 'archive'")?.["value"] !== archiveId(truth)) return false;
  const watermark = index.number("SELECT value FROM meta WHERE name = 'watermark'");
  if (watermark > truth.number("SELECT max(id) FROM request")) return false;
  const expected = truth.number("SELECT sum(messages) FROM block WHERE id <= ?", watermark);
  const lost = index.number("SELECT value FROM meta WHERE name = 'lost'");
  return index.number("SELECT count(*) FROM text_docsize") === expected - lost;
}

function reset(index: Database, truth: Database): void {
  for (const table of TABLES) index.exec(`DROP TABLE IF EXISTS ${table}`);
  index.exec(SCHEMA);
  const insert = index.statement("INSERT INTO meta (name, value) VALUES (?, ?)");
  insert.run("format", FORMAT);
  insert.run("archive", archiveId(truth));
  insert.run("watermark", 0);
  insert.run("lost", 0);
}

function archiveId(truth: Database): string {
  return String(truth.get("SELECT value FROM meta WHERE name = 'id'")?.["value"]);
}

function remove(folder: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(indexFile(folder) + suffix, { force: true });
}
