import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { editLines, editManifest, linesIn, pick, repeat, swap } from "./forge.ts";
import { LIST_MUTATIONS, removeMessages } from "./mutate-list.ts";

/** Puts one thing wrong with an export, and says what. The manifest is made to fit where a forger would. */
export type Mutation = (folder: string, random: () => number) => string;

/** Every way to forge an export, whole or partial, that a random choice is made from. */
const ANY: Record<string, Mutation> = {
  "a flipped bit": flipBit,
  "a removed journal entry": (folder, random) =>
    editLines(folder, "journal.jsonl", (lines) => lines.splice(pick(lines.length - 1, random), 1)),
  "two journal entries swapped": (folder, random) =>
    editLines(folder, "journal.jsonl", (lines) => swap(lines, pick(lines.length - 1, random))),
  "a repeated journal entry": (folder, random) =>
    editLines(folder, "journal.jsonl", (lines) => repeat(lines, pick(lines.length, random))),
  "a changed time": (folder, random) =>
    editLines(folder, "journal.jsonl", (lines) => changeTime(lines, pick(lines.length, random))),
  ...LIST_MUTATIONS,
};

/** Of a part nobody can say offline what is missing from it: these are for a whole export, or pass a part off as one. */
export const MUTATIONS: { whole: Record<string, Mutation>; partial: Record<string, Mutation> } = {
  whole: {
    ...ANY,
    "a removed message": (folder, random) => removeMessages(folder, 1, random),
    "the body of an entry on deliveries removed": (folder, random) =>
      editLines(folder, "journal.jsonl", (lines) => removeBodies(lines, random)),
    "five messages removed, and the export made out to be partial": (folder, random) => {
      editManifest(folder, (manifest) => (manifest.query = "number1"));
      return removeMessages(folder, 5, random);
    },
  },
  partial: {
    ...ANY,
    "all messages removed": (folder, random) => removeMessages(folder, Number.POSITIVE_INFINITY, random),
    "made out to be whole": (folder) => {
      editManifest(folder, (manifest) => (manifest.query = null));
      return "the query";
    },
  },
};

/** Removes entries from the journal's end and mends all that refers to it: only an anchored head can tell. */
export function cutTail(folder: string, random: () => number): string {
  return editLines(folder, "journal.jsonl", (lines) => lines.splice(lines.length - 1 - pick(lines.length - 1, random)));
}

/** Removes the bodies of all entries of some kinds. */
export function removeAllBodies(folder: string, kinds: string[]): void {
  editLines(folder, "journal.jsonl", (lines) => {
    for (const [at, line] of lines.entries()) {
      const entry = JSON.parse(line) as { kind: string };
      if (kinds.includes(entry.kind)) lines[at] = JSON.stringify({ ...entry, body: null });
    }
  });
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

function changeTime(lines: string[], at: number): void {
  const entry = JSON.parse(lines[at] ?? "{}");
  lines[at] = JSON.stringify({ ...entry, at: entry.at + 1 });
}

function removeBodies(lines: string[], random: () => number): void {
  const entries = lines.map((line) => JSON.parse(line) as { kind: string });
  const candidates = entries.flatMap(({ kind }, at) => (kind === "page" ? [] : [at]));
  const at = candidates[pick(candidates.length, random)] ?? 0;
  lines[at] = JSON.stringify({ ...entries[at], body: null });
}

/** How many journal entries of a kind there are. */
export function entriesOf(folder: string, kind: string): number {
  return linesIn(folder, "journal.jsonl").filter((line) => (JSON.parse(line) as { kind: string }).kind === kind).length;
}
