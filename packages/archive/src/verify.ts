import { createHash } from "node:crypto";
import type { BlobStore } from "./blob-store.ts";
import { openBlock } from "./block.ts";
import type { Database, Row } from "./database.ts";
import { FIELD_SEPARATOR, type PackedBatch, fieldsOf } from "./packed-batch.ts";
import { assembleMail, blobsOf, layoutBytes, parseLayout } from "./mail-layout.ts";
import { displayNameOf } from "./person-text.ts";
import { messageKey } from "./store-deliveries.ts";

export interface Verification {
  messages: number;
  items: number;
  attachments: number;
  /** A sentence for each thing that is wrong. Empty: the archive is as it was written. */
  problems: string[];
}

/** Recomputes every message's hash, and checks that the tables agree with each other. `database` has the index attached. */
export async function verify(database: Database, blobs: BlobStore): Promise<Verification> {
  const problems = [...checkRows(database), ...checkAttachments(database, blobs)];
  for (const { id, messages, size } of database.statement("SELECT id, messages, size FROM block ORDER BY id").all()) {
    problems.push(
      ...(await checkBlock(database, blobs, {
        id: Number(id),
        messages: Number(messages),
        size: Number(size),
      })),
    );
  }
  return {
    messages: countOf(database, "message"),
    items: countOf(database, "item"),
    attachments: countOf(database, "blob"),
    problems,
  };
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

/** Each query gives a name for every row that should not be. */
const ROW_CHECKS: [sql: string, sentence: (name: string) => string][] = [
  [
    "SELECT integrity_check AS name FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    (name) => `The database file is damaged: ${name}.`,
  ],
  [
    "SELECT message AS name FROM item WHERE NOT EXISTS (SELECT 1 FROM message WHERE id = item.message)",
    (name) => `An item refers to the message ${name}, which is not there.`,
  ],
  [
    "SELECT name FROM listed AS message WHERE NOT EXISTS (SELECT 1 FROM item WHERE item.message = message.id) AND NOT EXISTS (SELECT 1 FROM withdrawn WHERE withdrawn.message = message.id)",
    (name) => `The message ${name} is in no mailbox.`,
  ],
  [
    "SELECT name FROM listed AS message WHERE NOT EXISTS (SELECT 1 FROM block WHERE id = message.block)",
    (name) => `The message ${name} lies in a block that is not there.`,
  ],
  [
    "SELECT name FROM listed WHERE floor(id / 256.0) - floor(date / 1000.0) NOT BETWEEN 0 AND (SELECT value FROM main.meta WHERE name = 'spill')",
    (name) => `The message ${name} has another date than when it was stored.`,
  ],
  [
    "SELECT message || ' of mailbox ' || item.mailbox AS name FROM item LEFT JOIN folder ON folder.id = item.folder WHERE folder.mailbox IS NOT item.mailbox",
    (name) => `The item ${name} lies in a folder of another mailbox or of none.`,
  ],
  [
    "SELECT message || ' of mailbox ' || mailbox AS name FROM item WHERE NOT EXISTS (SELECT 1 FROM request WHERE id = item.request)",
    (name) => `The item ${name} came by no known request.`,
  ],
  [
    "SELECT folder || ' of mailbox ' || mailbox AS name FROM item WHERE NOT EXISTS (SELECT 1 FROM holding WHERE folder = item.folder AND message = item.message)",
    (name) => `An item in folder ${name} is not in the index. Make the index anew.`,
  ],
  [
    "SELECT correlation AS name FROM request LEFT JOIN (SELECT request, count(*) AS found FROM (SELECT request FROM item UNION ALL SELECT request FROM withdrawn) GROUP BY request) ON request = id WHERE items <> coalesce(found, 0)",
    (name) => `The request ${name} brought another number of items than are there.`,
  ],
  [
    "SELECT count(*) AS name FROM holding HAVING count(*) <> (SELECT count(*) FROM item)",
    (name) => `The index knows ${name} items, which is not their number. Make the index anew.`,
  ],
  [
    "SELECT count(*) AS name FROM text_docsize HAVING count(*) <> (SELECT count(*) FROM message)",
    (name) => `The index knows ${name} messages, which is not their number. Make the index anew.`,
  ],
];

function checkRows(database: Database): string[] {
  const problems: string[] = [];
  for (const [sql, sentence] of ROW_CHECKS) {
    try {
      // A damaged table may have a million rows that are wrong in one way.
      for (const row of database.statement(`${sql} LIMIT 1000`).all()) problems.push(sentence(String(row["name"])));
    } catch (error) {
      problems.push(`A table cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
    }
  }
  return problems;
}
