import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Scenario } from "./scenarios.ts";

export interface Ended {
  /** 0 where it came to its end; 137 where it was killed. */
  code: number;
  stderr: string;
  /** How many events it had promised to be durable. */
  promised: number;
}

export interface StartOptions {
  bundle: string;
  folder: string;
  scenario: Scenario;
  /** Goes before the command, such as strace with what it injects. */
  wrapper?: string[];
  environment?: Record<string, string>;
}

/** Starts the tortured program. */
export function startChild({ bundle, folder, scenario, wrapper = [], environment = {} }: StartOptions): {
  process: ChildProcess;
  /** Its code is loaded and its work begins, or it has ended already. */
  started: Promise<unknown>;
  ended: Promise<Ended>;
  promised: () => number;
} {
  const [command = "", ...rest] = [
    ...wrapper,
    process.execPath,
    join(bundle, "child.js"),
    folder,
    JSON.stringify(scenario),
  ];
  const child = spawn(command, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_OPTIONS: "", NODE_COMPILE_CACHE: join(bundle, "compiled"), ...environment },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk));
  const promised = () => Number([...stdout.matchAll(/captured (\d+)\n/g)].at(-1)?.[1] ?? 0);
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => resolve({ code: signal ? 137 : (code ?? 1), stderr, promised: promised() }));
  });
  const started = Promise.race([ended, new Promise((resolve) => child.stdout?.once("data", resolve))]);
  return { process: child, started, ended, promised };
}
