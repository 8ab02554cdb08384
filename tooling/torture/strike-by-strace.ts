import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { startChild } from "./run-child.ts";
import type { Act, Run, Striker } from "./strike.ts";

const SYNCHRONISATIONS = ["fsync", "fdatasync"];
const NAMES = ["ftruncate", "rename", "unlink", "mkdir", "link"];
const CALLS: Record<Act, string[]> = {
  kill: ["pwrite64", "write", ...SYNCHRONISATIONS, ...NAMES],
  EIO: ["pwrite64", ...SYNCHRONISATIONS, ...NAMES],
  ENOSPC: ["pwrite64", ...SYNCHRONISATIONS, ...NAMES],
  stop: [],
  half: [],
  byte: [],
};

/**
 * Strikes with strace, where nothing compiles C. It counts each thread's calls but strikes whichever thread is first to reach
 * the number, so a call of a thread that another always overtakes is not struck; and it cannot write a part.
 */
export function strikeByStrace(): Striker | undefined {
  if (!canTrace()) return undefined;
  return {
    lacks: ["stop", "half", "byte"],
    async count(run, act) {
      const lines = await traced(run, [`trace=${CALLS[act].join(",")}`]);
      const threads = Map.groupBy(lines.log.matchAll(/^\d+ +[a-z0-9]+(?=\()/gm), ([match]) => match.replace(/ +/, " "));
      const most = new Map<string, number>();
      for (const [key, calls] of threads) {
        const name = key.split(" ")[1] ?? "";
        most.set(name, Math.max(most.get(name) ?? 0, calls.length));
      }
      return most;
    },
    async strike(run, act, { thread: call, call: number }) {
      const how = act === "kill" ? "signal=SIGKILL" : `error=${act}`;
      const { log, ...end } = await traced(run, [`trace=${call}`, `inject=${call}:${how}:when=${number}`]);
      return { ...end, struck: end.code === 137 || log.includes("(INJECTED)") };
    },
  };
}

export function canTrace(): boolean {
  return spawnSync("strace", ["-qq", "-e", "trace=none", "true"]).status === 0;
}

async function traced({ bundle, folder, scenario }: Run, expressions: string[]) {
  const file = `${folder}.trace`;
  const wrapper = ["strace", "-f", "-qq", "-o", file, ...expressions.flatMap((expression) => ["-e", expression])];
  const end = await startChild({ bundle, folder, scenario, wrapper }).ended;
  const log = readFileSync(file, "utf8");
  rmSync(file);
  return { ...end, log };
}
