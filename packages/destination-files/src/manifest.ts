import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SettingsError } from "@hansard/core";
import { z } from "zod";
import { type Permissions, makeFolder, syncFolder } from "./durable.ts";

/** The manifest's place under the destination's folder. */
export const MANIFEST = join(".hansard", "manifest.jsonl");
/** What the first line names as the hash of the line before it. */
export const NOTHING_BEFORE = "0".repeat(64);
const TAIL_BYTES = 4 * 1024 * 1024;

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** One line of the manifest. See the README for the format. */
export const ManifestLine = z.strictObject({
  /** 1 for the first line. */
  sequence: z.int().positive(),
  /** SHA-256 of the line before, without its line end. */
  previous: Sha256,
  /** Under the destination's folder, with `/`. For a Maildir without `new` or `cur` and without flags. */
  path: z.string().min(1),
  /** Of the file, in bytes. */
  size: z.int().nonnegative(),
  sha256: Sha256,
  messageId: z.string(),
  messageClass: z.string(),
  mailbox: z.string(),
  /** The message's date. */
  date: z.string(),
  /** When the line was written: ISO 8601 in UTC. */
  writtenAt: z.string(),
});
export type ManifestLine = z.infer<typeof ManifestLine>;
export type ManifestEntry = Omit<ManifestLine, "sequence" | "previous" | "writtenAt">;

/** SHA-256 of a line without its line end, as the next line names it. */
export function lineHash(line: string | Uint8Array): string {
  return createHash("sha256").update(line).digest("hex");
}

/** The open manifest: it is appended to and never changed. Appends wait for each other. */
export class Manifest {
  readonly path: string;
  /** The newest lines that stood there when it was opened: the files of the last of them may not exist yet. */
  readonly tail: ManifestLine[];
  #file: FileHandle;
  #sequence: number;
  #previous: string;
  #queue: Promise<void> = Promise.resolve();
  #broken: unknown;

  private constructor(path: string, file: FileHandle, tail: ManifestLine[], previous: string) {
    this.path = path;
    this.tail = tail;
    this.#file = file;
    this.#sequence = tail.at(-1)?.sequence ?? 0;
    this.#previous = previous;
  }

  /** Opens the manifest under `root`. A last line that was torn by a crash is cut off: its file was never put in place. */
  static async open(root: string, permissions: Permissions): Promise<Manifest> {
    const path = join(root, MANIFEST);
    await makeFolder(dirname(path), permissions);
    const file = await open(path, "a+", permissions.file);
    try {
      await syncFolder(dirname(path));
      const { lines, previous } = await mendAndReadTail(file, path);
      return new Manifest(path, file, lines, previous);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Appends a line for each entry and has them on the disk before it returns. After a failure it takes nothing more. */
  append(entries: ManifestEntry[]): Promise<void> {
    const appended = this.#queue.then(() => this.#append(entries));
    this.#queue = appended.catch(() => undefined);
    return appended;
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#file.close();
  }

  async #append(entries: ManifestEntry[]): Promise<void> {
    if (this.#broken !== undefined) {
      throw new Error(`The manifest ${this.path} could not be written earlier, so nothing is added to it.`, {
        cause: this.#broken,
      });
    }
    let [sequence, previous, text] = [this.#sequence, this.#previous, ""];
    const writtenAt = new Date().toISOString();
    for (const entry of entries) {
      sequence += 1;
      const line = JSON.stringify({ sequence, previous, ...entry, writtenAt } satisfies ManifestLine);
      previous = lineHash(line);
      text += `${line}\n`;
    }
    try {
      await this.#file.writeFile(text);
      await this.#file.datasync();
    } catch (error) {
      // What is on the disk is not known now, and a second fsync would not tell: the next opening mends it.
      this.#broken = error;
      throw error;
    }
    [this.#sequence, this.#previous] = [sequence, previous];
  }
}

async function mendAndReadTail(file: FileHandle, path: string): Promise<{ lines: ManifestLine[]; previous: string }> {
  const { size } = await file.stat();
  const start = Math.max(0, size - TAIL_BYTES);
  const bytes = Buffer.alloc(size - start);
  await readFully(file, bytes, start);
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end === 0 && start > 0) throw damaged(path, "its last line has no end");
  if (end < bytes.length) {
    await file.truncate(start + end);
    await file.sync();
  }
  const first = start === 0 ? 0 : bytes.indexOf(0x0a) + 1;
  const texts = bytes.subarray(first, end).toString().split("\n").slice(0, -1);
  let previous = start === 0 ? NOTHING_BEFORE : undefined;
  const lines = texts.map((text) => {
    const line = parseLine(text);
    if (line === undefined)
      throw damaged(path, `the line that begins with ${JSON.stringify(text.slice(0, 40))} cannot be read`);
    if (previous !== undefined && line.previous !== previous)
      throw damaged(path, `line ${line.sequence} does not follow from the line before it`);
    previous = lineHash(text);
    return line;
  });
  return { lines, previous: previous ?? NOTHING_BEFORE };
}

/** A line of the manifest, or undefined where the text is not one. */
export function parseLine(text: string): ManifestLine | undefined {
  try {
    return ManifestLine.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

async function readFully(file: FileHandle, bytes: Buffer, start: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
    if (bytesRead === 0) return;
    at += bytesRead;
  }
}

function damaged(path: string, what: string): SettingsError {
  return new SettingsError(`The manifest ${path} is damaged: ${what}.`, {
    remedy:
      "Restore the folder from a copy, or begin a new folder and keep this one as it is. `verify` lists what is wrong.",
  });
}
