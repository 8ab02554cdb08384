import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Puts one thing wrong with an export, and says what. The manifest is made to fit where a forger would. */
export type Mutation = (folder: string, random: () => number) => string;

/** Every way to forge that a random choice is made from. */
export const MUTATIONS: Record<string, Mutation> = {
  "a flipped bit": flipBit,
  "a removed journal entry": (folder, random) =>
    editLines(folder, "journal.jsonl", (lines) => lines.splice(pick(lines.length - 1, random), 1)),
  "two journal entries swapped": (folder, random) =>
    editLines(folder, "journal.jsonl", (lines) => swap(lines, pick(lines.length - 1, random))),
  "a repeated journal entry": (folder, random) =>
    editLines(folder, "journal.jsonl", (lines) => repeat(lines, pick(lines.length, random))),
  "a changed time": (folder, random) =>
    editLines(folder, "journal.jsonl", (lines) => changeTime(lines, pick(lines.length, random))),
  "a removed message": removeMessage,
  "a message listed twice": (folder, random) =>
    editLines(folder, "messages.jsonl", (lines) => repeat(lines, pick(lines.length, random)), 1),
  "two messages' files swapped": swapFiles,
  "a changed message hash": (folder, random) =>
    editLines(folder, "messages.jsonl", (lines) => changeDigest(lines, pick(lines.length, random))),
};

/** Removes entries from the journal's end and mends all that refers to it: only an anchored head can tell. */
export function cutTail(folder: string, random: () => number): string {
  return editLines(folder, "journal.jsonl", (lines) => lines.splice(lines.length - 1 - pick(lines.length - 1, random)));
}

function flipBit(folder: string, random: () => number): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const file = files[pick(files.length, random)] ?? "";
  const bytes = readFileSync(file);
  const position = pick(bytes.length, random);
  bytes[position] = (bytes[position] ?? 0) ^ (1 << pick(8, random));
  writeFileSync(file, bytes);
  return `bit of byte ${position} of ${file}`;
}

function removeMessage(folder: string, random: () => number): string {
  let file = "";
  editLines(
    folder,
    "messages.jsonl",
    (lines) => {
      const [removed = "{}"] = lines.splice(pick(lines.length, random), 1);
      file = (JSON.parse(removed) as { file: string }).file;
    },
    -1,
  );
  rmSync(join(folder, file));
  return file;
}

function swapFiles(folder: string, random: () => number): string {
  const lines = readFileSync(join(folder, "messages.jsonl"), "utf8").trimEnd().split("\n");
  const at = pick(lines.length - 1, random);
  const [first, second] = [lines[at], lines[at + 1]].map((line) =>
    join(folder, (JSON.parse(line ?? "{}") as { file: string }).file),
  );
  renameSync(first ?? "", `${first}.swap`);
  renameSync(second ?? "", first ?? "");
  renameSync(`${first}.swap`, second ?? "");
  return `${first} and ${second}`;
}

/** Changes the lines of a listed file and has the manifest agree with the result, as somebody who forges would. */
function editLines(folder: string, path: string, edit: (lines: string[]) => unknown, messages = 0): string {
  const file = join(folder, path);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  edit(lines);
  const content = lines.length > 0 ? `${lines.join("\n")}\n` : "";
  writeFileSync(file, content);
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const listed = manifest.files.find((candidate: { path: string }) => candidate.path === path);
  listed.sha256 = createHash("sha256").update(content).digest("hex");
  listed.size = Buffer.byteLength(content);
  manifest.messages += messages;
  const last = path === "journal.jsonl" ? JSON.parse(lines.at(-1) ?? "{}") : undefined;
  if (last) manifest.head = { seq: last.seq, hash: last.hash };
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  writeFileSync(join(folder, "manifest.json"), text);
  writeFileSync(join(folder, "manifest.sha256"), `${createHash("sha256").update(text).digest("hex")}\n`);
  return path;
}

function swap(lines: string[], at: number): void {
  [lines[at], lines[at + 1]] = [lines[at + 1] ?? "", lines[at] ?? ""];
}

function repeat(lines: string[], at: number): void {
  lines.splice(at, 0, lines[at] ?? "");
}

function changeTime(lines: string[], at: number): void {
  const entry = JSON.parse(lines[at] ?? "{}");
  lines[at] = JSON.stringify({ ...entry, at: entry.at + 1 });
}

function changeDigest(lines: string[], at: number): void {
  const message = JSON.parse(lines[at] ?? "{}");
  lines[at] = JSON.stringify({
    ...message,
    sha256: message.sha256.replace(/^./, (digit: string) => (digit === "0" ? "1" : "0")),
  });
}

function pick(length: number, random: () => number): number {
  return Math.floor(random() * length);
}
