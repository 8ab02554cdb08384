import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { spawnSync } from "node:child_process";
import { randomFrom } from "../bench/random.ts";
import { type Ended, finish, inspect, startChild } from "./run-child.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";

export interface Torture {
  /** Where the tortured program and the sound one that inspects lie. They differ only for a mutant. */
  bundle: string;
  sound: string;
  seed: number;
  onProgress?: (line: string) => void;
}

/** How many times it was hit, and what went wrong. */
export interface TortureResult {
  hits: number;
  problems: string[];
}

/** Enough work that a random moment falls into every kind of transaction. */
const LOAD: Scenario = {
  settings: {
    seed: 7,
    partitions: 2,
    events: 1_500,
    pageEvents: 50,
    files: true,
    unmappableEvery: 0,
    strangers: false,
  },
  grouping: "event",
  batchEvents: 60,
  mends: false,
};

/** Kills the program at random moments under load, starts it again, and in the end looks for what is lost or doubled. */
export async function randomKills({ bundle, sound, seed, onProgress }: Torture, kills: number): Promise<TortureResult> {
  const random = randomFrom(seed);
  const problems: string[] = [];
  let hits = 0;
  for (let round = 0; hits < kills && problems.length === 0; round += 1) {
    const folder = mkdtempSync(join(tmpdir(), "hansard-kill-"));
    const scenario = { ...LOAD, settings: { ...LOAD.settings, seed: seed + round } };
    for (let ended = false; !ended && hits < kills;) {
      const before = eventsIn(folder);
      const { process, ended: over, promised } = startChild(bundle, folder, scenario);
      const timer = setTimeout(() => process.kill("SIGKILL"), 60 + Math.floor(random() * 500));
      const { code } = await over;
      clearTimeout(timer);
      ended = code === 0;
      if (code === 137) hits += 1;
      if (eventsIn(folder) < before + promised())
        problems.push(`Round ${round}: ${before + promised()} events were promised and ${eventsIn(folder)} are there.`);
    }
    problems.push(...(await finish(bundle, folder, scenario)), ...inspect(sound, folder, scenario).problems);
    rmSync(folder, { recursive: true });
    onProgress?.(`${hits} of ${kills} random kills`);
  }
  return { hits, problems };
}

/** After so many it is clear that something is wrong. */
const ENOUGH_PROBLEMS = 20;

/** The system calls that change what is on disk. */
const WRITES = ["pwrite64", "write", "fsync", "fdatasync", "ftruncate", "rename", "unlink", "mkdir", "link"];

/** Kills the program at its n-th system call of each kind that writes: of all n, or of every `step`-th. */
export async function killsAtWrites(
  { bundle, sound, seed, onProgress }: Torture,
  step: number,
  only?: string,
): Promise<TortureResult> {
  const result: TortureResult = { hits: 0, problems: [] };
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    if (only !== undefined && name !== only) continue;
    for (const [call, count] of Object.entries(countCalls(bundle, scenario))) {
      for (let n = 1 + ((seed + call.length) % step); n <= count; n += step) {
        const folder = mkdtempSync(join(tmpdir(), "hansard-kill-"));
        const { code } = await injected(bundle, folder, scenario, `${call}:signal=SIGKILL:when=${n}`);
        if (code !== 0) result.hits += 1;
        const wrong = [...(await finish(bundle, folder, scenario)), ...inspect(sound, folder, scenario).problems];
        result.problems.push(...wrong.map((problem) => `${name}, killed at ${call} ${n}: ${problem}`));
        rmSync(folder, { recursive: true });
        if (result.problems.length > ENOUGH_PROBLEMS) return result;
      }
      onProgress?.(`${name}: killed at up to ${count} of ${call}`);
    }
  }
  return result;
}

/** Has the n-th write or synchronisation fail, as a failing or full disk does. */
export async function diskFaults({ bundle, sound, seed, onProgress }: Torture, step: number): Promise<TortureResult> {
  const result: TortureResult = { hits: 0, problems: [] };
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    const calls = countCalls(bundle, scenario);
    for (const call of ["pwrite64", "fsync", "fdatasync"]) {
      for (const error of call === "pwrite64" ? ["EIO", "ENOSPC"] : ["EIO"]) {
        for (let n = 1 + ((seed + error.length) % step); n <= (calls[call] ?? 0); n += step) {
          const folder = mkdtempSync(join(tmpdir(), "hansard-fault-"));
          const { code, stderr } = await injected(bundle, folder, scenario, `${call}:error=${error}:when=${n}`);
          const place = `${name}, ${error} at ${call} ${n}`;
          if (code !== 0) result.hits += 1;
          if (code !== 0 && !stderr.includes("hansard failed and ended: "))
            result.problems.push(`${place}: it ended with ${code} and without a clear error: ${stderr.slice(0, 300)}`);
          const wrong = [...(await finish(bundle, folder, scenario)), ...inspect(sound, folder, scenario).problems];
          result.problems.push(...wrong.map((problem) => `${place}: ${problem}`));
          rmSync(folder, { recursive: true });
        }
      }
    }
    onProgress?.(`${name}: disk faults`);
  }
  return result;
}

export function canTrace(): boolean {
  return spawnSync("strace", ["-qq", "-e", "trace=none", "true"]).status === 0;
}

/** The largest number of calls of each kind that one thread makes: strace counts by thread. */
function countCalls(bundle: string, scenario: Scenario): Record<string, number> {
  const folder = mkdtempSync(join(tmpdir(), "hansard-count-"));
  const log = join(folder, "trace.log");
  spawnSync("strace", [
    "-f",
    "-qq",
    "-o",
    log,
    "-e",
    `trace=${WRITES.join(",")}`,
    process.execPath,
    join(bundle, "child.js"),
    join(folder, "data"),
    JSON.stringify(scenario),
  ]);
  const byThread = new Map<string, number>();
  for (const [, thread, call] of readFileSync(log, "utf8").matchAll(/^(\d+) +([a-z0-9]+)\(/gm))
    byThread.set(`${call} ${thread}`, (byThread.get(`${call} ${thread}`) ?? 0) + 1);
  const counts: Record<string, number> = {};
  for (const [key, count] of byThread) {
    const [call = ""] = key.split(" ");
    counts[call] = Math.max(counts[call] ?? 0, count);
  }
  rmSync(folder, { recursive: true });
  return counts;
}

function injected(bundle: string, folder: string, scenario: Scenario, injection: string): Promise<Ended> {
  const [call = ""] = injection.split(":");
  return startChild(bundle, folder, scenario, [
    "strace",
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    `trace=${call}`,
    "-e",
    `inject=${injection}`,
  ]).ended;
}

/** How many events the journal holds, after the recovery that opening it does. */
export function eventsIn(folder: string): number {
  try {
    const database = new DatabaseSync(join(folder, "journal", "journal.db"));
    const row = database.prepare("SELECT count(*) AS count FROM event").get();
    database.close();
    return Number(row?.["count"]);
  } catch {
    // Killed before it had made its tables.
    return 0;
  }
}
