import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { fileErrorCode } from "./durable.ts";
import { existing } from "./layout-eml.ts";
import { listMaildir } from "./layout-maildir.ts";
import { MANIFEST, type ManifestLine, NOTHING_BEFORE, lineHash, parseLine } from "./manifest.ts";

const LINE_END = 0x0a;

/** One thing that is not as it was written. */
export interface Problem {
  kind: "broken-chain" | "unreadable-line" | "missing-file" | "changed-file" | "unlisted-file" | "other-head";
  /** The file, or `line N` of the manifest. */
  place: string;
  message: string;
}

export interface Verification {
  /** Lines of the manifest that were read. */
  lines: number;
  /** Files that are as the manifest says. */
  files: number;
  /** The hash of the last line: what to keep outside, so that a cut tail is noticed too. */
  head: string;
  problems: Problem[];
}

/**
 * Compares a folder with its manifest: the chain of the lines, then each file's size and SHA-256, then whether there are
 * files that no line names. `head` is one that was kept from an earlier verification: it must still be in the chain.
 */
export async function verify(folder: string, options: { head?: string } = {}): Promise<Verification> {
  const root = resolve(folder);
  const problems: Problem[] = [];
  const { lines, head, entries, heads } = await readChain(join(root, MANIFEST), options.head, problems);
  if (options.head !== undefined && !heads) {
    problems.push({
      kind: "other-head",
      place: MANIFEST,
      message: `The line with the hash ${options.head} is not in the manifest: its end was cut off, or it was written anew.`,
    });
  }
  const present = await filesUnder(root);
  let files = 0;
  for (const entry of entries.values()) {
    const problem = await compare(entry, present.get(entry.path));
    if (problem) problems.push(problem);
    else files += 1;
    present.delete(entry.path);
  }
  for (const path of present.keys()) {
    problems.push({ kind: "unlisted-file", place: path, message: `${path} is in no line of the manifest.` });
  }
  return { lines, files, head, problems };
}

interface Chain {
  lines: number;
  head: string;
  /** Whether the head that was asked for is one of the lines. */
  heads: boolean;
  /** By path. A later line stands for the file: the earlier one announced what a crash kept from being put in place. */
  entries: Map<string, ManifestLine>;
}

async function readChain(path: string, wanted: string | undefined, problems: Problem[]): Promise<Chain> {
  const chain: Chain = { lines: 0, head: NOTHING_BEFORE, heads: wanted === NOTHING_BEFORE, entries: new Map() };
  if ((await existing(path)) === undefined) {
    problems.push({ kind: "broken-chain", place: MANIFEST, message: `${path} does not exist.` });
    return chain;
  }
  for await (const bytes of linesOf(createReadStream(path))) {
    chain.lines += 1;
    const place = `line ${chain.lines}`;
    const text = bytes.at(-1) === LINE_END ? bytes.subarray(0, -1) : bytes;
    const line = text.length < bytes.length ? parseLine(text.toString()) : undefined;
    if (!line) {
      const message =
        text.length < bytes.length
          ? `${place} of the manifest is not an entry.`
          : `${place} of the manifest has no end: a crash tore it, or its end was cut off.`;
      problems.push({ kind: "unreadable-line", place, message });
    } else {
      if (line.previous !== chain.head || line.sequence !== chain.lines) {
        problems.push({
          kind: "broken-chain",
          place,
          message: `${place} of the manifest does not follow from the line before it.`,
        });
      }
      chain.entries.set(line.path, line);
    }
    chain.head = lineHash(text);
    if (chain.head === wanted) chain.heads = true;
  }
  return chain;
}

/** Each line with its end. */
async function* linesOf(content: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const chunk of content) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(LINE_END); end !== -1; end = rest.indexOf(LINE_END)) {
      yield rest.subarray(0, end + 1);
      rest = rest.subarray(end + 1);
    }
  }
  if (rest.length > 0) yield rest;
}

async function compare(entry: ManifestLine, path: string | undefined): Promise<Problem | undefined> {
  if (path === undefined) {
    return { kind: "missing-file", place: entry.path, message: `${entry.path} (line ${entry.sequence}) is not there.` };
  }
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Uint8Array);
    size += (chunk as Uint8Array).length;
  }
  if (size === entry.size && hash.digest("hex") === entry.sha256) return undefined;
  return {
    kind: "changed-file",
    place: entry.path,
    message: `${entry.path} is not as line ${entry.sequence} describes it: its content was changed.`,
  };
}

/** Messages by the path that the manifest names them with → where they are. */
async function filesUnder(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (fileErrorCode(error) === "ENOENT") return [];
    throw error;
  });
  const maildirs = new Set<string>();
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const id = relative(root, path).split(sep).join("/");
    if (id.startsWith(".hansard/")) continue;
    if (entry.isFile() && entry.name.endsWith(".eml")) found.set(id, path);
    if (entry.isDirectory() && entry.name === "cur") maildirs.add(dirname(path));
  }
  for (const maildir of maildirs) {
    for (const [name, path] of await listMaildir(maildir)) {
      found.set([...relative(root, maildir).split(sep), basename(name)].join("/"), path);
    }
  }
  return found;
}
