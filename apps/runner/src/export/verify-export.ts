import { createHash } from "node:crypto";
import { createReadStream, existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { SettingsError } from "@hansard/core";
import { z } from "zod";
import { announcements } from "./announcements.ts";
import { ExportedEntry, ExportedMessage, ExportManifest, isBefore, LISTED_FILES, mailFile } from "./format.ts";
import { JournalReplay } from "./journal-replay.ts";
import { linesOf } from "./lines.ts";
import { mailFields } from "./mail-fields.ts";

export interface ExportVerification {
  entries: number;
  messages: number;
  /** The hash of the last entry. */
  head: string;
  problems: string[];
  /** What the export does not hold by its own word, and what therefore nobody can check offline. */
  announcements: string[];
}

/**
 * Proves an export without the installation that wrote it: every file is as listed, the journal's chain holds, and every
 * message is the one that the journal says was delivered. An anchored head also proves that no tail was cut.
 */
export async function verifyExport(folder: string, anchoredHead?: string): Promise<ExportVerification> {
  if (!existsSync(folder))
    throw new SettingsError(`There is no export at ${folder}.`, {
      remedy: "Name the folder that hansard export wrote.",
    });
  const problems: string[] = [];
  const manifest = readManifest(folder, problems);
  if (!manifest) return { entries: 0, messages: 0, head: "", problems, announcements: [] };
  await checkFiles(folder, manifest, problems);
  const replay = new JournalReplay(manifest, problems);
  await eachLine(folder, "journal.jsonl", ExportedEntry, problems, (entry) => replay.entry(entry));
  replay.end(anchoredHead);
  const messages: ExportedMessage[] = [];
  await eachLine(folder, "messages.jsonl", ExportedMessage, problems, (message) => messages.push(message));
  if (messages.length !== manifest.messages)
    problems.push(`The manifest announces ${manifest.messages} messages and messages.jsonl lists ${messages.length}.`);
  await checkMessages(folder, messages, replay, problems);
  guarded(problems, "What the journal tells", () => replay.finish());
  return {
    entries: replay.entries,
    messages: messages.length,
    head: replay.head,
    problems,
    announcements: announcements(manifest, messages.length, replay),
  };
}

async function checkMessages(
  folder: string,
  messages: ExportedMessage[],
  replay: JournalReplay,
  problems: string[],
): Promise<void> {
  const files = new Set(["manifest.json", "manifest.sha256", ...LISTED_FILES]);
  for (const [index, message] of messages.entries()) {
    const previous = messages[index - 1];
    if (previous && !isBefore(previous, message))
      problems.push(`${message.messageId} is not in its place: the list is by date, and of one second by Message-ID.`);
    const { messageId, file: path, sha256, size } = message;
    if (path !== mailFile(messageId)) problems.push(`${path} is not the file of ${messageId}.`);
    files.add(path);
    if (await checkFile(folder, { path, sha256, size }, problems)) await checkFields(folder, message, problems);
    guarded(problems, `The message ${messageId}`, () => replay.message(message));
  }
  for (const path of filesIn(folder)) if (!files.has(path)) problems.push(`${path} is not part of the export.`);
}

/** What the list says of a mail must be what the mail says itself. */
async function checkFields(
  folder: string,
  { messageId, file, date, messageClass }: ExportedMessage,
  problems: string[],
): Promise<void> {
  const fields = await mailFields(join(folder, file));
  if (fields.date !== date)
    problems.push(`The list dates ${messageId} ${date}, and the mail itself ${fields.date ?? "has no such date"}.`);
  // A field of a mail cannot hold DEL: its picture stands for it.
  if (fields.messageClass !== messageClass.replaceAll("\u007F", "\u2421"))
    problems.push(
      `The list gives ${messageId} the class ${messageClass}, and the mail itself ${fields.messageClass ?? "has none"}.`,
    );
}

function readManifest(folder: string, problems: string[]): ExportManifest | undefined {
  try {
    const text = readFileSync(join(folder, "manifest.json"));
    const digest = createHash("sha256").update(text).digest("hex");
    if (readFileSync(join(folder, "manifest.sha256"), "utf8") !== `${digest}\n`)
      problems.push("manifest.json is not what manifest.sha256 says.");
    const said: unknown = JSON.parse(text.toString());
    if (`${JSON.stringify(said, undefined, 2)}\n` !== text.toString())
      problems.push("manifest.json is not written as an export writes it.");
    return ExportManifest.parse(said);
  } catch (error) {
    problems.push(`The manifest cannot be read: ${reasonOf(error)}`);
    return undefined;
  }
}

async function checkFiles(folder: string, { files }: ExportManifest, problems: string[]): Promise<void> {
  if (files.map(({ path }) => path).join("\n") !== LISTED_FILES.join("\n"))
    problems.push(`The manifest does not list ${LISTED_FILES.join(" and ")} and nothing else, in this order.`);
  for (const file of files) await checkFile(folder, file, problems);
}

async function checkFile(
  folder: string,
  { path, sha256, size }: { path: string; sha256: string; size: number },
  problems: string[],
): Promise<boolean> {
  const full = join(folder, path);
  if (path.split("/").includes("..") || !existsSync(full) || !lstatSync(full).isFile()) {
    problems.push(`${path} is missing.`);
    return false;
  }
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of createReadStream(full)) {
    hash.update(chunk);
    length += chunk.length;
  }
  if (length === size && hash.digest("hex") === sha256) return true;
  problems.push(`${path} is not what was exported: its hash or size differs.`);
  return false;
}

async function eachLine<Line>(
  folder: string,
  path: string,
  schema: z.ZodType<Line>,
  problems: string[],
  take: (line: Line) => unknown,
): Promise<void> {
  if (!existsSync(join(folder, path))) return;
  let number = 0;
  for await (const line of linesOf(join(folder, path))) {
    number += 1;
    try {
      const said: unknown = JSON.parse(line);
      // A field that is said twice would be read in two ways.
      if (JSON.stringify(said) !== line)
        problems.push(`${path}, line ${number} is not written as an export writes it.`);
      take(schema.parse(said));
    } catch (error) {
      problems.push(`${path}, line ${number} cannot be read: ${reasonOf(error)}`);
    }
  }
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

/** What was tampered with may be of any shape: it is a problem, and never a failure of the program. */
function guarded(problems: string[], what: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    problems.push(`${what} cannot be held against the journal: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
  return error instanceof Error ? error.message : String(error);
}
