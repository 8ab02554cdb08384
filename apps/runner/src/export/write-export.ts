import { existsSync, readdirSync } from "node:fs";
import { SettingsError } from "@hansard/core";
import type { ArchivedMessage, Journal, MailArchive } from "@hansard/core/ingestion";
import { FileWriter } from "./file-writer.ts";
import {
  EXPORT_FORMAT,
  type ExportedEntry,
  type ExportedMessage,
  type ExportManifest,
  isBefore,
  mailFile,
} from "./format.ts";
import { ProofOfPart } from "./proof-of-part.ts";
import { SortedLines } from "./sorted-lines.ts";

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
  if ((await source.archive.count("")) === 0) await refuseUnknown(source.journal, source.destination);
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
  // Mails are read in the order in which they lie together, and listed in one that a verifier knows too.
  const lines = await SortedLines.open(folder);
  const ids = new Set<string>();
  const altered: string[] = [];
  for await (const message of archive.list(query)) {
    const exported = await writeMessage(folder, archive, message);
    await lines.add(exported, `${JSON.stringify(exported)}\n`);
    ids.add(message.messageId);
    if (exported.sha256 !== message.sha256) altered.push(message.messageId);
    onMessage(ids.size);
  }
  await lines.writeTo(list, isBefore);
  return { messages: await list.finish(), ids, altered };
}

async function writeMessage(
  folder: string,
  archive: MailArchive,
  { messageId, messageClass, date, copies }: ArchivedMessage,
): Promise<ExportedMessage> {
  const file = await FileWriter.open(folder, mailFile(messageId));
  for await (const chunk of archive.mail(messageId)) await file.write(chunk);
  const { path, sha256, size } = await file.finish();
  return {
    messageId,
    messageClass,
    // The mail has whole seconds: what the mail does not say, nobody could check.
    date: `${date.slice(0, "2026-11-22T09:30:00".length)}Z`,
    sha256,
    size,
    file: path,
    copies: copies
      .map(({ mailbox, folder: place }) => ({ mailbox, folder: place }))
      .sort((one, other) => Buffer.compare(Buffer.from(one.mailbox), Buffer.from(other.mailbox))),
  };
}

async function writeJournal(folder: string, { journal, destination, query }: ExportSource, ids: Set<string>) {
  const file = await FileWriter.open(folder, "journal.jsonl");
  let head: ExportManifest["head"] = { seq: 0, hash: "0".repeat(64) };
  const proof = new ProofOfPart(destination, ids);
  for await (const entry of journal.entries()) {
    const isShown = query === undefined || proof.needs(entry);
    const { seq, kind, at, bodyHash, hash } = entry;
    const exported: ExportedEntry = { seq, kind, at, body: (isShown ? entry.body : undefined) ?? null, bodyHash, hash };
    await file.write(`${JSON.stringify(exported)}\n`);
    head = { seq, hash };
  }
  return { file: await file.finish(), head };
}

/** Where something was delivered, but never here: such an export would look like one whose messages were taken out. */
async function refuseUnknown(journal: Journal, destination: string): Promise<void> {
  const others = new Set<string>();
  for await (const { kind, body } of journal.entries()) {
    if (kind !== "intent" || body === undefined) continue;
    const header = JSON.parse(body.split("\n", 1)[0] ?? "{}") as { destination: string };
    if (header.destination === destination) return;
    others.add(header.destination);
  }
  if (others.size === 0) return;
  throw new SettingsError(`Nothing was ever delivered to ${destination}, only to ${[...others].join(", ")}.`, {
    remedy: 'Run "hansard run" first.',
  });
}

async function writeWhole(folder: string, path: string, content: string): Promise<{ sha256: string }> {
  const file = await FileWriter.open(folder, path);
  await file.write(content);
  return file.finish();
}
