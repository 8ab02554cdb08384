import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { SettingsError } from "@hansard/core";
import type { ArchivedMessage, Journal, JournalEntry, MailArchive } from "@hansard/core/ingestion";
import { FileWriter } from "./file-writer.ts";
import { EXPORT_FORMAT, type ExportedEntry, type ExportedMessage, type ExportManifest } from "./format.ts";

export interface ExportSource {
  journal: Journal;
  archive: MailArchive;
  /** The archive's key in the configuration. */
  destination: string;
  /** Absent: all messages. */
  query?: string;
}

export interface WrittenExport extends ExportManifest {
  /** Messages whose bytes are no longer those that the archive took: they are in the export as they are now. */
  altered: string[];
}

/** Writes messages, the journal's extract and a manifest into an empty folder. Everything can be checked without Hansard. */
export async function writeExport(
  folder: string,
  source: ExportSource,
  onMessage: (count: number) => void,
): Promise<WrittenExport> {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new SettingsError(`${folder} is not empty.`, { remedy: "Name a folder that does not exist yet." });
  }
  const { messages, ids, altered } = await writeMessages(folder, source, onMessage);
  const journal = await writeJournal(folder, source, ids);
  const manifest: ExportManifest = {
    format: EXPORT_FORMAT,
    installation: source.journal.installation.id,
    destination: source.destination,
    query: source.query ?? null,
    head: journal.head,
    messages: ids.size,
    files: [messages, journal.file],
  };
  const written = await writeWhole(folder, "manifest.json", `${JSON.stringify(manifest, undefined, 2)}\n`);
  await writeWhole(folder, "manifest.sha256", `${written.sha256}\n`);
  return { ...manifest, altered };
}

async function writeMessages(folder: string, { archive, query }: ExportSource, onMessage: (count: number) => void) {
  const list = await FileWriter.open(folder, "messages.jsonl");
  const ids = new Set<string>();
  const altered: string[] = [];
  for await (const message of archive.list(query)) {
    const exported = await writeMessage(folder, archive, message);
    await list.write(`${JSON.stringify(exported)}\n`);
    ids.add(message.messageId);
    if (exported.sha256 !== message.sha256) altered.push(message.messageId);
    onMessage(ids.size);
  }
  return { messages: await list.finish(), ids, altered };
}

async function writeMessage(
  folder: string,
  archive: MailArchive,
  { messageId, messageClass, date, copies }: ArchivedMessage,
): Promise<ExportedMessage> {
  // Named by the Message-ID and not by the content, whose hash is known only when it has been written.
  const name = createHash("sha256").update(messageId).digest("hex").slice(0, 40);
  const file = await FileWriter.open(folder, `messages/${name.slice(0, 2)}/${name}.eml`);
  for await (const chunk of archive.mail(messageId)) await file.write(chunk);
  const { path, sha256, size } = await file.finish();
  return {
    messageId,
    messageClass,
    date,
    sha256,
    size,
    file: path,
    copies: copies.map(({ mailbox, folder: place }) => ({ mailbox, folder: place })),
  };
}

async function writeJournal(folder: string, { journal, query }: ExportSource, ids: Set<string>) {
  const file = await FileWriter.open(folder, "journal.jsonl");
  let head: ExportManifest["head"] = { seq: 0, hash: "0".repeat(64) };
  const intents = new Set<number>();
  for await (const entry of journal.entries()) {
    const whole = query === undefined || concerns(entry, ids, intents);
    const { seq, kind, at, bodyHash, hash } = entry;
    const exported: ExportedEntry = { seq, kind, at, body: (whole ? entry.body : undefined) ?? null, bodyHash, hash };
    await file.write(`${JSON.stringify(exported)}\n`);
    head = { seq, hash };
  }
  return { file: await file.finish(), head };
}

/** Whether an entry proves a message of a partial export. Others keep their hashes alone, which the chain needs. */
function concerns({ seq, kind, body = "" }: JournalEntry, ids: Set<string>, intents: Set<number>): boolean {
  if (kind === "intent") {
    const [, ...messages] = body.split("\n");
    if (!messages.some((line) => ids.has((JSON.parse(line) as { messageId: string }).messageId))) return false;
    intents.add(seq);
    return true;
  }
  return (
    kind === "settlement" && intents.has((JSON.parse(body.split("\n", 1)[0] ?? "{}") as { intent: number }).intent)
  );
}

async function writeWhole(folder: string, path: string, content: string): Promise<{ sha256: string }> {
  const file = await FileWriter.open(folder, path);
  await file.write(content);
  return file.finish();
}
