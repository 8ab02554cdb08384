import { randomUUID } from "node:crypto";
import type { Receipt } from "@hansard/core/ingestion";
import { compressBlock } from "./block.ts";
import type { Database } from "./database.ts";
import type { Directory } from "./directory.ts";
import { OF_MESSAGE } from "./item-writer.ts";
import { type PackedBatch, WITHDRAWN, packBatch } from "./packed-batch.ts";
import { type IndexableRequest, messageOfItem } from "./store-deliveries.ts";

/**
 * Takes items out of their folders. It is written down that they were there and when they went, so that the same
 * delivery submitted again does not bring them back. Gives what the index has to know, or undefined where none was there.
 */
export function withdraw(
  truth: Database,
  directory: Directory,
  copies: readonly { mailbox: string; receipt: Receipt }[],
): IndexableRequest | undefined {
  return truth.transaction(() => {
    const gone = copies.flatMap(({ mailbox, receipt }) =>
      takeOut(truth, directory, mailbox.toLowerCase(), receipt.itemId),
    );
    if (gone.length === 0) return undefined;
    const request = truth.number("SELECT coalesce(max(id), 0) + 1 FROM request");
    const batch: PackedBatch = {
      ids: new Float64Array(0),
      classes: new Uint32Array(0),
      starts: new Uint32Array(0),
      ends: new Uint32Array(0),
      data: new Uint8Array(0),
      itemMessages: Float64Array.from(gone, ({ message }) => message),
      itemFolders: Uint32Array.from(gone, ({ folder }) => folder + WITHDRAWN),
    };
    const { size, data } = compressBlock(batch);
    truth.statement("INSERT INTO block (id, messages, size, data) VALUES (?, 0, ?, ?)").run(request, size, data);
    truth
      .statement("INSERT INTO request (id, correlation, time, messages, items) VALUES (?, ?, ?, 0, 0)")
      .run(request, randomUUID(), Date.now());
    return { id: request, messages: 0, batch: packBatch(batch) };
  });
}

function takeOut(
  truth: Database,
  directory: Directory,
  address: string,
  itemId: string,
): { message: number; folder: number }[] {
  const mailbox = directory.find(address);
  const message = mailbox === undefined ? undefined : messageOfItem(itemId, mailbox.id);
  if (mailbox === undefined || message === undefined) return [];
  const row = truth.get(`SELECT folder FROM item WHERE ${OF_MESSAGE} AND mailbox = ?`, message, mailbox.id);
  if (row === undefined) return [];
  truth
    .statement(
      `INSERT INTO withdrawn SELECT message, mailbox, folder, request, ? FROM item WHERE ${OF_MESSAGE} AND mailbox = ?`,
    )
    .run(Date.now(), message, mailbox.id);
  truth.statement(`DELETE FROM item WHERE ${OF_MESSAGE} AND mailbox = ?`).run(message, mailbox.id);
  return [{ message, folder: Number(row["folder"]) }];
}
