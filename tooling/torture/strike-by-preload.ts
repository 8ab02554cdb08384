import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../workspace.ts";
import { startChild } from "./run-child.ts";
import type { Act, Point, Run, Striker } from "./strike.ts";

/** Which calls an act can strike: writes, synchronisations, and those that change names and lengths. */
const KINDS: Record<Act, string> = { kill: "wsn", stop: "wsn", EIO: "wsn", ENOSPC: "wsn", half: "w", byte: "w" };
/** A run takes less than a second. */
const HUNG_MS = 60_000;

/**
 * Strikes with writing-calls.c, loaded into the process before anything else. It sees every thread's calls, counts each
 * thread's by themselves, and costs next to nothing. Undefined where nothing compiles C. `wrapper` goes before the program.
 */
export function strikeByPreload(wrapper: string[] = []): Striker | undefined {
  if (compiled() === undefined) return undefined;

  async function run({ bundle, folder, scenario }: Run, act: Act, point?: Point) {
    const log = `${folder}.calls`;
    const environment = strikeEnvironment({ folder, act, log, ...(point && { point }) });
    const { process, ended } = startChild({ bundle, folder, scenario, wrapper, environment });
    let hung = "";
    const timer = setTimeout(() => {
      hung = `It hung for ${HUNG_MS / 1000} s and was killed.`;
      process.kill("SIGKILL");
    }, HUNG_MS);
    const { stderr, ...end } = await ended;
    clearTimeout(timer);
    const calls = existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(0, -1) : [];
    rmSync(log, { force: true });
    return { ...end, stderr: `${hung}${stderr}`, calls };
  }

  return {
    lacks: [],
    async count(options, act) {
      const { calls, code, stderr } = await run(options, act);
      if (code !== 0 || calls.length === 0) throw new Error(`The scenario does not run (${code}): ${stderr}`);
      const counts = Map.groupBy(calls, (line) => line.split("\t")[0] ?? "");
      return new Map([...counts].map(([thread, own]) => [thread, own.length]));
    },
    async strike(options, act, point) {
      const { calls, ...end } = await run(options, act, point);
      return { ...end, struck: calls.length > 0 };
    },
  };
}

/** What has a program that writes to `folder` struck, once for it is in `log`; without a point, `log` gets all calls. */
export function strikeEnvironment({
  folder,
  act,
  point = { thread: "", call: 0 },
  log,
}: {
  folder: string;
  act: Act;
  point?: Point;
  log: string;
}): Record<string, string> {
  return {
    LD_PRELOAD: compiled() ?? "",
    HANSARD_STRIKE_FOLDER: folder,
    HANSARD_STRIKE_CALLS: KINDS[act],
    HANSARD_STRIKE_THREAD: point.thread,
    HANSARD_STRIKE_AT: String(point.call),
    HANSARD_STRIKE_ACT: act.toLowerCase(),
    HANSARD_STRIKE_LOG: log,
  };
}

/** The library, compiled once for each version of its source. */
function compiled(): string | undefined {
  if (process.platform !== "linux") return undefined;
  const source = join(ROOT, "tooling", "torture", "writing-calls.c");
  const folder = join(ROOT, ".cache", "torture");
  const digest = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12);
  const library = join(folder, `writing-calls-${digest}.so`);
  if (existsSync(library)) return library;
  mkdirSync(folder, { recursive: true });
  const incoming = `${library}.${process.pid}`;
  const options = ["-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-pthread"];
  const { status, stderr, error } = spawnSync("cc", [...options, "-o", incoming, source], { encoding: "utf8" });
  // Not there, or there without the headers of the C library.
  if (error !== undefined || /fatal error: [\w/]+\.h/.test(stderr)) return undefined;
  if (status !== 0) throw new Error(`tooling/torture/writing-calls.c does not compile: ${stderr}`);
  renameSync(incoming, library);
  return library;
}
