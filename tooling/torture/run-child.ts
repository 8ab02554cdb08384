import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Scenario } from "./scenarios.ts";

export interface Ended {
  /** 0 where it came to its end; 137 where it was killed. */
  code: number;
  stderr: string;
  /** How many events it had promised to be durable. */
  promised: number;
}

/** Starts the tortured program; `wrapper` goes before the command, such as strace with what it injects. */
export function startChild(
  bundle: string,
  folder: string,
  scenario: Scenario,
  wrapper: string[] = [],
): { process: ChildProcess; ended: Promise<Ended>; promised: () => number } {
  const [command = "", ...rest] = [
    ...wrapper,
    process.execPath,
    join(bundle, "child.js"),
    folder,
    JSON.stringify(scenario),
  ];
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NODE_OPTIONS: "" } });
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk));
  const promised = () => Number([...stdout.matchAll(/captured (\d+)\n/g)].at(-1)?.[1] ?? 0);
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => resolve({ code: signal ? 137 : (code ?? 1), stderr, promised: promised() }));
  });
  return { process: child, ended, promised };
}

/** Runs it to its end, whatever state the folder is in. */
export async function finish(bundle: string, folder: string, scenario: Scenario): Promise<string[]> {
  const { code, stderr } = await startChild(bundle, folder, scenario).ended;
  return code === 0 ? [] : [`It did not come to its end (${code}): ${stderr.trim()}`];
}

/** What is wrong with a folder, found by a sound program whatever wrote it. */
export function inspect(
  sound: string,
  folder: string,
  scenario: Scenario,
  ended = true,
): { problems: string[]; events: number } {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [join(sound, "inspect.js"), folder, JSON.stringify(scenario), ended ? "ended" : "open"],
    { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
  if (status !== 0)
    return { problems: [`It cannot be inspected: ${stderr.trim().split("\n").slice(0, 6).join(" ")}`], events: 0 };
  return JSON.parse(stdout);
}
