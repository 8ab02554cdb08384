import { createHash } from "node:crypto";
import { createReadStream, existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { SettingsError } from "@hansard/core";
import { z } from "zod";
import { ExportedEntry, ExportedMessage, ExportManifest } from "./format.ts";
import { JournalReplay } from "./journal-replay.ts";
import { linesOf } from "./lines.ts";

export interface ExportVerification {
  entries: number;
  messages: number;
  /** The hash of the last entry. */
  head: string;
  problems: string[];
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
  if (!manifest) return { entries: 0, messages: 0, head: "", problems };
  await checkFiles(folder, manifest, problems);
  const replay = new JournalReplay(manifest, problems);
  await eachLine(folder, "journal.jsonl", ExportedEntry, problems, (entry) => replay.entry(entry));
  replay.end(anchoredHead);
  const files = new Set(["manifest.json", "manifest.sha256", ...manifest.files.map(({ path }) => path)]);
  const messages: ExportedMessage[] = [];
  await eachLine(folder, "messages.jsonl", ExportedMessage, problems, (message) => messages.push(message));
  for (const message of messages) {
    if (files.has(message.file)) problems.push(`${message.file} is listed twice.`);
    files.add(message.file);
    await checkFile(folder, { path: message.file, sha256: message.sha256, size: message.size }, problems);
    guarded(problems, `The message ${message.messageId}`, () => replay.message(message));
  }
  if (messages.length !== manifest.messages)
    problems.push(`The manifest announces ${manifest.messages} messages and messages.jsonl lists ${messages.length}.`);
  replay.missing();
  for (const path of filesIn(folder)) if (!files.has(path)) problems.push(`${path} is not part of the export.`);
  return { entries: replay.entries, messages: messages.length, head: replay.head, problems };
}

function readManifest(folder: string, problems: string[]): ExportManifest | undefined {
  try {
    const text = readFileSync(join(folder, "manifest.json"));
    const digest = createHash("sha256").update(text).digest("hex");
    if (readFileSync(join(folder, "manifest.sha256"), "utf8") !== `${digest}\n`)
      problems.push("manifest.json is not what manifest.sha256 says.");
    return ExportManifest.parse(JSON.parse(text.toString()));
  } catch (error) {
    problems.push(`The manifest cannot be read: ${reasonOf(error)}`);
    return undefined;
  }
}

async function checkFiles(folder: string, { files }: ExportManifest, problems: string[]): Promise<void> {
  for (const required of ["journal.jsonl", "messages.jsonl"]) {
    if (files.filter(({ path }) => path === required).length !== 1)
      problems.push(`The manifest does not list ${required} once.`);
  }
  for (const file of files) await checkFile(folder, file, problems);
}

async function checkFile(
  folder: string,
  { path, sha256, size }: { path: string; sha256: string; size: number },
  problems: string[],
): Promise<void> {
  const full = join(folder, path);
  if (path.split("/").includes("..") || !existsSync(full) || !lstatSync(full).isFile()) {
    problems.push(`${path} is missing.`);
    return;
  }
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of createReadStream(full)) {
    hash.update(chunk);
    length += chunk.length;
  }
  if (length !== size || hash.digest("hex") !== sha256)
    problems.push(`${path} is not what was exported: its hash or size differs.`);
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
      take(schema.parse(JSON.parse(line)));
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
