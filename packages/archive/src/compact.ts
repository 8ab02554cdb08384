import { compressBlock, openBlock } from "./block.ts";
import type { Database } from "./database.ts";
import { packBatch } from "./packed-batch.ts";

export interface Compaction {
  blocksBefore: number;
  blocksAfter: number;
  bytesBefore: number;
  bytesAfter: number;
}

interface Small {
  id: number;
  head: number;
  size: number;
}

/** A block below this size gains from company, and none grows beyond this much by it. */
const SMALL_BYTES = 1024 * 1024;
const MERGED_BYTES = 4 * 1024 * 1024;

/**
 * Merges neighbouring small blocks, each group in one transaction. The index must hold them all: the merged block takes
 * the number of the last, and lower ones are gone.
 */
export function compact(truth: Database): Compaction {
  const [blocksBefore, bytesBefore] = totals(truth);
  for (const group of groups(truth)) truth.transaction(() => merge(truth, group));
  const [blocksAfter, bytesAfter] = totals(truth);
  return { blocksBefore, blocksAfter, bytesBefore, bytesAfter };
}

function totals(truth: Database): [number, number] {
  return [truth.number("SELECT count(*) FROM block"), truth.number("SELECT sum(length(data)) FROM block")];
}

function groups(truth: Database): Small[][] {
  const found: Small[][] = [];
  let group: Small[] = [];
  let bytes = 0;
  for (const row of truth.all("SELECT id, head, size FROM block ORDER BY id")) {
    const block = { id: Number(row["id"]), head: Number(row["head"]), size: Number(row["size"]) };
    if (block.size >= SMALL_BYTES || bytes + block.size > MERGED_BYTES) {
      found.push(group);
      [group, bytes] = [[], 0];
    }
    if (block.size >= SMALL_BYTES) continue;
    group.push(block);
    bytes += block.size;
  }
  found.push(group);
  return found.filter(({ length }) => length > 1);
}

function merge(truth: Database, group: Small[]): void {
  const last = group.at(-1);
  if (last === undefined) return;
  const select = truth.statement("SELECT data FROM block WHERE id = ?");
  const opened = group.map(({ id, head, size }) => {
    const data = select.get(id)?.["data"];
    if (!(data instanceof Uint8Array)) throw new Error(`Block ${id} vanished while it was being merged.`);
    return openBlock(data, head, size);
  });
  const move = truth.statement("UPDATE message SET block = ?, start = start + ? WHERE id = ?");
  let start = 0;
  let textStart = 0;
  const ends: number[] = [];
  for (const { batch, mails } of opened) {
    for (const id of batch.ids) move.run(last.id, start, id);
    for (const end of batch.ends) ends.push(textStart + end);
    start += mails.length;
    textStart += batch.text.length;
  }
  const head = packBatch({
    ids: Float64Array.from(opened.flatMap(({ batch }) => [...batch.ids])),
    classes: Uint32Array.from(opened.flatMap(({ batch }) => [...batch.classes])),
    ends: Uint32Array.from(ends),
    text: Buffer.concat(opened.map(({ batch }) => batch.text)),
    itemMessages: Float64Array.from(opened.flatMap(({ batch }) => [...batch.itemMessages])),
    itemFolders: Uint32Array.from(opened.flatMap(({ batch }) => [...batch.itemFolders])),
  });
  const { size, data } = compressBlock(head, Buffer.concat(opened.map(({ mails }) => mails)));
  for (const { id } of group) truth.statement("DELETE FROM block WHERE id = ?").run(id);
  truth
    .statement("INSERT INTO block (id, messages, head, size, data) VALUES (?, ?, ?, ?, ?)")
    .run(last.id, ends.length, head.length, size, data);
}
