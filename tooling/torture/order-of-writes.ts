import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SCENARIOS } from "./scenarios.ts";
import type { TortureResult } from "./torture-result.ts";

/** A call as strace shows it, with the paths of its files. One that another thread interrupted shows twice. */
interface Call {
  text: string;
  /** Whether it begins here, and whether it is done here. */
  begins: boolean;
  ends: boolean;
}

const RENAMED =
  /^rename\("([^"]*\/journal\/blobs\/incoming\/[^"]*)", "(([^"]*\/journal\/blobs)\/[0-9a-f]{2})\/([0-9a-f]+)"/;

/**
 * Follows the system calls of a run with files: a file's content must be on the disk before the file gets its name in the
 * content store, and then its folder, and that folder's own, before anything is written to the journal that could refer to it.
 */
export function orderOfWrites(bundle: string): TortureResult {
  const folder = mkdtempSync(join(tmpdir(), "hansard-order-"));
  const log = join(folder, "trace.log");
  const { status } = spawnSync("strace", [
    "-f",
    "-qq",
    "-y",
    "-o",
    log,
    "-e",
    "trace=rename,fsync,fdatasync,pwrite64",
    process.execPath,
    join(bundle, "child.js"),
    join(folder, "data"),
    JSON.stringify(SCENARIOS["files"]),
  ]);
  const result = judge(readFileSync(log, "utf8").split("\n"));
  if (status !== 0) result.problems.push(`The run ended with ${status}.`);
  if (result.hits === 0) result.problems.push("The run stored no file.");
  rmSync(folder, { recursive: true });
  return result;
}

function judge(lines: string[]): TortureResult {
  const synchronised = new Set<string>();
  /** By the folder that is to be synchronised: the file whose name is in it. */
  const pending = new Map<string, string>();
  const result: TortureResult = { hits: 0, problems: [] };
  for (const { text, begins, ends } of callsOf(lines)) {
    const [, incoming = "", own = "", all = "", name = ""] = RENAMED.exec(text) ?? [];
    if (begins && name !== "") {
      result.hits += 1;
      if (!synchronised.has(incoming))
        result.problems.push(`The file ${name} got its name before its content was synchronised.`);
      pending.set(own, name).set(all, name);
    }
    const done = /^f(?:data)?sync\(\d+<([^>]*)>/.exec(text)?.[1];
    if (ends && done !== undefined) {
      synchronised.add(done);
      pending.delete(done);
    }
    if (begins && /^pwrite64\(\d+<[^>]*\/journal\.db-wal>/.test(text)) {
      for (const [where, file] of pending)
        result.problems.push(
          `The journal was written before the folder ${where.split("/").at(-1)} of the file ${file} was synchronised.`,
        );
      pending.clear();
    }
  }
  return result;
}

function* callsOf(lines: string[]): Generator<Call> {
  const unfinished = new Map<string, string>();
  for (const line of lines) {
    const [, thread = "", text = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (text.startsWith("<... ")) {
      yield { text: unfinished.get(thread) ?? "", begins: false, ends: true };
    } else {
      const ends = !text.endsWith("<unfinished ...>");
      if (!ends) unfinished.set(thread, text);
      yield { text, begins: true, ends };
    }
  }
}
