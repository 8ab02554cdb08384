import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import type { BlobStore } from "./blob-store.ts";
import type { Blocks } from "./block.ts";
import type { Database } from "./database.ts";
import { copiesOf, findIds } from "./search.ts";
import { findMail, readMail } from "./stored-mail.ts";
import { syncFolder } from "./truth.ts";

/** What to export: the hits of a query, all of one mailbox, or everything. */
export type Selection = { query: string } | { mailbox: string } | "everything";

/** One line of `manifest.jsonl`. */
export interface ManifestEntry {
  /** The Message-ID. */
  id: string;
  sha256: string;
  size: number;
  messageClass: string;
  date: string;
  copies: { mailbox: string; folder: string }[];
  /** Relative to the manifest. */
  file: string;
}

export interface Exported {
  messages: number;
  bytes: number;
  manifest: string;
}

/**
 * Writes messages as EML files, and a manifest with a line for each. The oldest come first, and of one time by their
 * Message-ID, so that two archives of the same messages give the same manifest.
 */
export async function exportMessages(
  shelves: { database: Database; blocks: Blocks; blobs: BlobStore },
  selection: Selection,
  folder: string,
): Promise<Exported> {
  const { database, blocks, blobs } = shelves;
  mkdirSync(folder, { recursive: true });
  const folders = new Set([folder]);
  const paths = new Map<number, Map<number, string>>();
  let [messages, bytes] = [0, 0];
  async function* lines(): AsyncIterable<Uint8Array> {
    for (const message of inOrder(database, selection)) {
      const entry = entryOf(database, message, paths);
      const place = findMail(database, message);
      if (place === undefined) throw new Error(`The message ${entry.id} is listed but not there. Run verify.`);
      const directory = join(folder, ...entry.file.split("/").slice(0, -1));
      if (!folders.has(directory)) for (const made of makeFolders(folder, entry.file)) folders.add(made);
      await writeWhole(join(folder, entry.file), readMail(blocks, blobs, place));
      [messages, bytes] = [messages + 1, bytes + entry.size];
      yield Buffer.from(`${JSON.stringify(entry)}\n`);
    }
    // The manifest must not name a file whose folder's entry a power cut could still take.
    for (const made of folders) syncFolder(made);
  }
  const manifest = join(folder, "manifest.jsonl");
  await writeWhole(manifest, lines());
  syncFolder(folder);
  return { messages, bytes, manifest };
}

function entryOf(database: Database, message: number, paths: Map<number, Map<number, string>>): ManifestEntry {
  const row = database.get("SELECT name, sha256, size, date, class FROM listed WHERE id = ?", message);
  const date = new Date(Number(row?.["date"])).toISOString();
  const sha256 = String(row?.["sha256"]);
  return {
    id: String(row?.["name"]),
    sha256,
    size: Number(row?.["size"]),
    messageClass: String(row?.["class"]),
    date,
    copies: copiesOf(database, message, paths).map(({ mailbox, folder }) => ({ mailbox, folder })),
    file: ["messages", date.slice(0, -14).replaceAll("-", "/"), `${sha256}.eml`].join("/"),
  };
}

function inOrder(database: Database, selection: Selection): Iterable<number> {
  const query =
    selection === "everything" ? "" : "query" in selection ? selection.query : `mailbox:"${selection.mailbox}"`;
  const ids = Float64Array.from(findIds(database, query));
  const dates = ids.map((id) => Number(database.get("SELECT date FROM message WHERE id = ?", id)?.["date"]));
  const order = Uint32Array.from(ids.keys()).sort((one, other) => {
    const difference = (dates[one] ?? 0) - (dates[other] ?? 0);
    return difference === 0 ? compareNames(database, ids[one] ?? 0, ids[other] ?? 0) : difference;
  });
  return order.values().map((index) => ids[index] ?? 0);
}

function compareNames(database: Database, one: number, other: number): number {
  const [first, second] = [one, other].map((id) =>
    String(database.get("SELECT name FROM listed WHERE id = ?", id)?.["name"]),
  );
  return first === second ? 0 : String(first) < String(second) ? -1 : 1;
}

/** Makes the folders that lead to a file, and gives them all. */
function makeFolders(root: string, file: string): string[] {
  const parts = file.split("/").slice(0, -1);
  mkdirSync(join(root, ...parts), { recursive: true });
  return parts.map((_, index) => join(root, ...parts.slice(0, index + 1)));
}

/** Under its name a file is whole or not there at all. */
async function writeWhole(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  const file = await open(temporary, "wx");
  try {
    for await (const chunk of content) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
