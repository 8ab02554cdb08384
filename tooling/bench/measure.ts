import { type SpawnSyncOptions, spawnSync } from "node:child_process";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * As docs/running.md advises for large runs: Node would let the young generation alone grow to 130 MB, and its collector's
 * four helpers would compete with our threads for two cores.
 */
export const LARGE_RUNS = ["--max-semi-space-size=8", "--v8-pool-size=1"];

/** What a child program that prints JSON says. */
export function child<Result>(script: string, words: string[], nodeOptions: string[] = []): Result {
  return JSON.parse(printed(script, words, nodeOptions)) as Result;
}

/** The same of one that prints a line of JSON for each thing that it measured. It may say by its exit code that one is too low. */
export function childLines<Result>(script: string, words: string[], nodeOptions: string[] = []): Result[] {
  return printed(script, words, nodeOptions, [0, 1])
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Result);
}

function printed(script: string, words: string[], nodeOptions: string[], codes: number[] = [0]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeOptions, script, ...words], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (status === null || !codes.includes(status) || stdout === "") throw new Error(`${script} failed: ${stderr}`);
  return stdout;
}

/** A bench of which the work was not done, or not all of it, must not pass. */
export function assertDone(what: string, done: number, asked: number): void {
  if (done !== asked)
    throw new Error(
      `${what}: ${done.toLocaleString("en-US")}, and ${asked.toLocaleString("en-US")} were asked for. What was measured is not the work.`,
    );
}

/** How long a command takes, in seconds. */
export function timed(command: string, words: string[], options: SpawnSyncOptions = {}): number {
  const start = performance.now();
  const { status, stderr, error } = spawnSync(command, words, { ...options, encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? String(stderr)}`);
  return (performance.now() - start) / 1000;
}

export function isThere(command: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

export function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** Processor time that this process has taken so far, in microseconds. */
export function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** The bytes of a folder's files that lie on the disk. */
export function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).reduce(
    (sum, entry) => sum + (entry.isFile() ? lstatSync(join(entry.parentPath, entry.name)).size : 0),
    0,
  );
}

/** A measured figure beside what is asked of it. */
export interface Row {
  what: string;
  measured: string;
  goal: string;
  ok: boolean | undefined;
}

export function atLeast(what: string, ratio: number, goal: number, absolute: string): Row {
  return {
    what,
    measured: `${ratio.toFixed(2)}${absolute ? ` (${absolute})` : ""}`,
    goal: `≥ ${goal}`,
    ok: ratio >= goal,
  };
}

export function atMost(what: string, value: number, goal: number, absolute: string, unit = ""): Row {
  return {
    what,
    measured: `${value.toFixed(2)}${unit}${absolute ? ` (${absolute})` : ""}`,
    goal: `≤ ${goal}${unit}`,
    ok: value <= goal,
  };
}

export function rate(messages: number, seconds: number): string {
  return `${Math.round(messages / seconds).toLocaleString("en-US")}/s`;
}
