import type { BlobStore } from "./blob-store.ts";
import type { Blocks } from "./block.ts";
import type { Database } from "./database.ts";
import { type Layout, assembleMail, parseLayout } from "./mail-layout.ts";

/** Where a message's bytes are. */
export interface MailPlace {
  block: number;
  start: number;
  length: number;
  layout: Layout;
}

export function findMail(truth: Database, message: number): MailPlace | undefined {
  const row = truth.get("SELECT block, start, length, layout FROM message WHERE id = ?", message);
  if (row === undefined) return undefined;
  const length = Number(row["length"]);
  const layout = row["layout"] === null ? [length] : parseLayout(String(row["layout"]));
  return { block: Number(row["block"]), start: Number(row["start"]), length, layout };
}

/** The mail's bytes, as they came. */
export function readMail(
  blocks: Blocks,
  blobs: BlobStore,
  { block, start, length, layout }: MailPlace,
): AsyncIterable<Uint8Array> {
  const { data } = blocks.read(block);
  return assembleMail(data.subarray(start, start + length), layout, blobs);
}
