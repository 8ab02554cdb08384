import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ARCHIVE_EXPORT, assertAllArchived, type BulkRun } from "./archive-run.ts";
import { generateExport } from "./generate-export.ts";
import { atMost, isThere, type Row } from "./measure.ts";

/** Synchronous writes for each message in bulk, counted by the system. */
export async function countSyncs(work: string, messages: number): Promise<Row[]> {
  if (!isThere("strace"))
    return [{ what: "synchronous writes (strace is not installed)", measured: "-", goal: "≤ 1 / 500", ok: undefined }];
  const slackExport = await generateExport(work, { messages });
  const log = join(work, "syncs.log");
  rmSync(log, { force: true });
  const traced = [process.execPath, ARCHIVE_EXPORT, slackExport, join(work, "syncs")];
  const { status, stdout, stderr } = spawnSync(
    "strace",
    ["-f", "-qq", "-o", log, "-e", "trace=fsync,fdatasync", ...traced],
    { encoding: "utf8", maxBuffer: 1 << 28 },
  );
  if (status !== 0) throw new Error(`strace, or what it traced, ended with ${status}: ${stderr}`);
  assertAllArchived(JSON.parse(stdout) as BulkRun, messages);
  const syncs = readFileSync(log, "utf8").match(/f(data)?sync\(/g)?.length ?? 0;
  // Durable without a single one: then strace has not seen the threads.
  if (syncs === 0) throw new Error(`strace has seen no synchronous write in ${log}.`);
  return [
    atMost(
      "messages in bulk for one synchronous write, as its reciprocal times 500",
      (syncs / messages) * 500,
      1,
      `${syncs} for ${messages}`,
    ),
  ];
}
