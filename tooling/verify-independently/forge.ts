import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A number from 0, below `length`. */
export function pick(length: number, random: () => number): number {
  return Math.floor(random() * length);
}

export function oneOf<Item>(items: readonly Item[], random: () => number): Item {
  const item = items[pick(items.length, random)];
  if (item === undefined) throw new Error("There is nothing to choose from.");
  return item;
}

export function linesIn(folder: string, path: string): string[] {
  return readFileSync(join(folder, path), "utf8").trimEnd().split("\n").filter(Boolean);
}

export interface Manifest {
  destination: string;
  query: string | null;
  head: { seq: number; hash: string };
  messages: number;
  files: { path: string; sha256: string; size: number }[];
}

/** Changes the lines of a listed file and has the manifest agree with the result, as somebody who forges would. */
export function editLines(folder: string, path: string, edit: (lines: string[]) => unknown): string {
  const lines = linesIn(folder, path);
  edit(lines);
  const content = lines.length > 0 ? `${lines.join("\n")}\n` : "";
  writeFileSync(join(folder, path), content);
  editManifest(folder, (manifest) => {
    const listed = manifest.files.find((candidate) => candidate.path === path);
    Object.assign(listed ?? {}, describe(content));
    if (path === "messages.jsonl") manifest.messages = lines.length;
    const last = path === "journal.jsonl" ? JSON.parse(lines.at(-1) ?? "{}") : undefined;
    if (last) manifest.head = { seq: last.seq, hash: last.hash };
  });
  return path;
}

/** Changes the manifest, and its hash with it. */
export function editManifest(folder: string, edit: (manifest: Manifest) => void): void {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as Manifest;
  edit(manifest);
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  writeFileSync(join(folder, "manifest.json"), text);
  writeFileSync(join(folder, "manifest.sha256"), `${describe(text).sha256}\n`);
}

export function describe(content: string): { sha256: string; size: number } {
  return { sha256: createHash("sha256").update(content).digest("hex"), size: Buffer.byteLength(content) };
}

export function swap(lines: unknown[], at: number): void {
  [lines[at], lines[at + 1]] = [lines[at + 1], lines[at]];
}

export function repeat(lines: string[], at: number): void {
  lines.splice(at, 0, lines[at] ?? "");
}
