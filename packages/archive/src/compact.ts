import { compressBlock, openBlock } from "./block.ts";
import type { Database } from "./database.ts";

export interface Compaction {
  blocksBefore: number;
  blocksAfter: number;
  bytesBefore: number;
  bytesAfter: number;
}

interface Small {
  id: number;
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
  for (const row of truth.all("SELECT id, size FROM block ORDER BY id")) {
    const block = { id: Number(row["id"]), size: Number(row["size"]) };
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
  const opened = group.map(({ id, size }) => {
    const data = select.get(id)?.["data"];
    if (!(data instanceof Uint8Array)) throw new Error(`Block ${id} vanished while it was being merged.`);
    return openBlock(data, size);
  });
  const move = truth.statement("UPDATE message SET block = ?, start = start + ? WHERE id = ?");
  let shift = 0;
  const shifted = opened.map(({ ids, starts, ends, data }) => {
    const by = shift;
    for (const id of ids) move.run(last.id, by, id);
    shift += data.length;
    return { starts: starts.map((start) => start + by), ends: ends.map((end) => end + by) };
  });
  const merged = {
    ids: Float64Array.from(opened.flatMap(({ ids }) => [...ids])),
    classes: Uint32Array.from(opened.flatMap(({ classes }) => [...classes])),
    starts: Uint32Array.from(shifted.flatMap(({ starts }) => [...starts])),
    ends: Uint32Array.from(shifted.flatMap(({ ends }) => [...ends])),
    data: Buffer.concat(opened.map(({ data }) => data)),
    itemMessages: Float64Array.from(opened.flatMap(({ itemMessages }) => [...itemMessages])),
    itemFolders: Uint32Array.from(opened.flatMap(({ itemFolders }) => [...itemFolders])),
  };
  const { size, data } = compressBlock(merged);
  for (const { id } of group) truth.statement("DELETE FROM block WHERE id = ?").run(id);
  truth
    .statement("INSERT INTO block (id, messages, size, data) VALUES (?, ?, ?, ?)")
    .run(last.id, merged.ids.length, size, data);
}
