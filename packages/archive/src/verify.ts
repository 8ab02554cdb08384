import { createHash } from "node:crypto";
import type { BlobStore } from "./blob-store.ts";
import { openBlock } from "./block.ts";
import type { Database, Row } from "./database.ts";
import { FIELD_SEPARATOR, type PackedBatch, fieldsOf } from "./packed-batch.ts";
import { assembleMail, blobsOf, layoutBytes, parseLayout } from "./mail-layout.ts";
import { displayNameOf } from "./person-text.ts";
import { checkIndex, checkTruth } from "./verify-rows.ts";
import { messageKey } from "./store-deliveries.ts";

export interface Verification {
  messages: number;
  items: number;
  attachments: number;
  /** A sentence for each thing that is wrong. Empty: the archive is as it was written. */
  problems: string[];
}

/** How often the index is looked at again where another process may have written in between. */
const LOOKS_AT_INDEX = 3;

/**
 * Recomputes every message's hash, and checks that the tables agree with each other. `open` gives a connection of its
 * own to the truth with the index attached and up to date: FTS5 checks a connection's memory of the index and not the
 * index where the connection has searched before.
 */
export async function verify(open: () => Promise<Database>, blobs: BlobStore): Promise<Verification> {
  const indexProblems = await verifyIndex(open);
  const database = await open();
  try {
    // One state of the archive is looked at, whatever is stored meanwhile.
    database.exec("BEGIN");
    const problems = [...checkTruth(database), ...indexProblems, ...checkAttachments(database, blobs)];
    for (const { id, messages, size } of database.statement("SELECT id, messages, size FROM block ORDER BY id").all()) {
      const block = { id: Number(id), messages: Number(messages), size: Number(size) };
      problems.push(...(await checkBlock(database, blobs, block)));
    }
    const [messages, items, attachments] = [
      countOf(database, "message"),
      countOf(database, "item"),
      countOf(database, "blob"),
    ];
    return { messages, items, attachments, problems };
  } finally {
    database.close();
  }
}

async function verifyIndex(open: () => Promise<Database>): Promise<string[]> {
  let problems: string[] = [];
  for (let look = 0; look < LOOKS_AT_INDEX; look += 1) {
    const database = await open();
    try {
      problems = checkIndex(database);
    } finally {
      database.close();
    }
    if (problems.length === 0) break;
  }
  return problems;
}

/** Around the guard that ends the use of a damaged database: what can still be read of it is what is wanted here. */
function countOf(database: Database, table: "message" | "item" | "blob"): number {
  try {
    return Number(database.statement(`SELECT count(*) AS found FROM ${table}`).get()?.["found"]);
  } catch {
    return 0;
  }
}

async function checkBlock(
  database: Database,
  blobs: BlobStore,
  { id, messages, size }: { id: number; messages: number; size: number },
): Promise<string[]> {
  let batch: PackedBatch;
  try {
    batch = openBlock(database.statement("SELECT data FROM block WHERE id = ?").get(id)?.["data"] as Uint8Array, size);
  } catch (error) {
    const names = database
      .statement("SELECT name FROM listed WHERE block = ? ORDER BY id")
      .all(id)
      .map((row) => String(row["name"]));
    return [
      `Block ${id} is damaged (${error instanceof Error ? error.message : String(error)}); its messages cannot be read: ${names.join(", ")}.`,
    ];
  }
  const problems =
    batch.ids.length === messages ? [] : [`Block ${id} holds ${batch.ids.length} messages and not ${messages}.`];
  for (const [index, message] of batch.ids.entries()) {
    const row = database.statement("SELECT * FROM listed WHERE id = ? AND block = ?").get(message, id);
    if (row === undefined) {
      problems.push(`Block ${id} holds a message (${message}) that is not listed under it.`);
      continue;
    }
    const problem = fieldsProblem(row, batch, index) ?? (await mailProblem(row, batch.data, blobs));
    if (problem !== undefined) problems.push(`The message ${String(row["name"])} ${problem}`);
  }
  return problems;
}

/** What lists show of a message must be what the mail's own block says. */
function fieldsProblem(row: Row, batch: PackedBatch, index: number): string | undefined {
  const [subject = "", , sender = ""] = fieldsOf(batch, index);
  if (Buffer.compare(messageKey(String(row["name"])), row["key"] as Uint8Array) !== 0)
    return "stands under another message's identity.";
  if (row["classId"] !== batch.classes[index] || row["class"] === null)
    return "has another class than when it was stored.";
  if (String(row["subject"]).replaceAll(FIELD_SEPARATOR, " ") !== subject)
    return "has another subject than when it was stored.";
  if (row["sender"] !== displayNameOf(sender)) return "has another sender than when it was stored.";
  return undefined;
}

async function mailProblem(row: Row, mails: Uint8Array, blobs: BlobStore): Promise<string | undefined> {
  const [start, length] = [Number(row["start"]), Number(row["length"])];
  const hash = createHash("sha256");
  try {
    const layout = row["layout"] === null ? [length] : parseLayout(String(row["layout"]));
    if (layoutBytes(layout) !== row["size"]) return `has ${layoutBytes(layout)} bytes and not ${Number(row["size"])}.`;
    for (const { sha256 } of blobsOf(layout))
      if (!isKnownBlob(blobs, sha256, layout)) return `lacks its attachment ${sha256}.`;
    for await (const chunk of assembleMail(mails.subarray(start, start + length), layout, blobs)) hash.update(chunk);
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  const found = hash.digest("hex");
  if (found === row["sha256"]) return undefined;
  return `was altered: its bytes have the SHA-256 ${found} and not ${String(row["sha256"])}.`;
}

function isKnownBlob(blobs: BlobStore, sha256: string, layout: ReturnType<typeof parseLayout>): boolean {
  return blobsOf(layout).some((blob) => blob.sha256 === sha256 && blobs.has(blob));
}

function checkAttachments(database: Database, blobs: BlobStore): string[] {
  return database
    .statement("SELECT sha256, size FROM blob ORDER BY sha256")
    .all()
    .map((row) => ({ sha256: String(row["sha256"]), size: Number(row["size"]) }))
    .filter((blob) => !blobs.has(blob))
    .map(
      ({ sha256, size }) =>
        `The attachment ${sha256} (${size} bytes) is missing or has another length: ${blobs.path({ sha256 })}.`,
    );
}
