import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SCENARIOS } from "./scenarios.ts";
import type { TortureResult } from "./torture-result.ts";

/**
 * Follows the system calls of a run with files: after a file has got its name in the content store, its folder must be
 * synchronised before anything is written to the journal that could refer to it.
 */
export function orderOfWrites(bundle: string): TortureResult {
  const folder = mkdtempSync(join(tmpdir(), "hansard-order-"));
  const log = join(folder, "trace.log");
  spawnSync("strace", [
    "-f",
    "-qq",
    "-y",
    "-o",
    log,
    "-e",
    "trace=rename,fsync,pwrite64",
    process.execPath,
    join(bundle, "child.js"),
    join(folder, "data"),
    JSON.stringify(SCENARIOS["files"]),
  ]);
  const pending = new Map<string, string>();
  const result: TortureResult = { hits: 0, problems: [] };
  for (const line of readFileSync(log, "utf8").split("\n")) {
    const renamed =
      /rename\("[^"]*\/journal\/blobs\/incoming\/[^"]*", "([^"]*\/journal\/blobs\/[0-9a-f]{2})\/([0-9a-f]+)"/.exec(
        line,
      );
    if (renamed) {
      pending.set(renamed[1] ?? "", renamed[2] ?? "");
      result.hits += 1;
    }
    const synchronised = /fsync\(\d+<([^>]*)>/.exec(line)?.[1];
    if (synchronised !== undefined) pending.delete(synchronised);
    if (/pwrite64\(\d+<[^>]*\/journal\.db-wal>/.test(line)) {
      for (const [where, name] of pending)
        result.problems.push(
          `The journal was written before the folder ${where.slice(-2)} of the file ${name} was synchronised.`,
        );
      pending.clear();
    }
  }
  rmSync(folder, { recursive: true });
  return result;
}
