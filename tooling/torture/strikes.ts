import { accessSync, constants, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRecovery, type Recovery } from "./recovery.ts";
import { startChild } from "./run-child.ts";
import { installing, type Scenario, SCENARIOS } from "./scenarios.ts";
import { strikeByPreload } from "./strike-by-preload.ts";
import { strikeByStrace } from "./strike-by-strace.ts";
import type { Act, Point, Striker } from "./strike.ts";
import type { Tally } from "./tally.ts";
import type { Torture, TortureResult } from "./torture-result.ts";

export interface StrikesOptions {
  acts: Act[];
  /** Every how many points one is struck; 1 strikes all of them. */
  step: number;
  scenarios?: string[];
  /** How many points are struck side by side. */
  jobs?: number;
  /** After how many problems it is clear that something is wrong. */
  enough?: number;
  /** Remembers what was struck, where a run may go on after it was ended. */
  tally?: Tally<StrikesResult>;
}

export interface StrikesResult extends TortureResult {
  /** How many points each thread was struck at. */
  threads: Record<string, number>;
  /** How many points there were in the run that was counted, and in no later one: threads share their work differently each time. */
  missed: number;
}

/** The best that this machine can do: undefined where it can do none. */
export function openStriker(): Striker | undefined {
  return strikeByPreload() ?? strikeByStrace();
}

/** Strikes the program at the calls by which each of its threads changes what is on disk, a run for each, and looks what it lost. */
export async function strikeEverywhere(
  torture: Torture,
  striker: Striker,
  { acts, step, scenarios = Object.keys(SCENARIOS), jobs = 1, enough = 20, tally }: StrikesOptions,
): Promise<StrikesResult> {
  const total: StrikesResult = { hits: 0, problems: [], threads: {}, missed: 0 };
  for (const name of scenarios) {
    const scenario = SCENARIOS[name];
    if (scenario === undefined) throw new Error(`There is no scenario "${name}"; there are ${Object.keys(SCENARIOS)}.`);
    for (const act of acts) {
      const strike = () => strikeScenario(torture, striker, { name, scenario, act, step, jobs, enough });
      const result = await (tally ? tally.once(`${name}, ${act}`, strike) : strike());
      add(total, result);
      const threads = Object.entries(result.threads).map(([thread, hits]) => `${thread} ${hits}`);
      torture.onProgress?.(`${name}, ${act}: struck ${result.hits} times (${threads.join(", ")})`);
      if (total.problems.length >= enough) return total;
    }
  }
  return total;
}

/** A point that a run does not come to may be there in the next. */
const ATTEMPTS = 3;

function add(total: StrikesResult, { hits, problems, threads, missed }: StrikesResult): void {
  total.hits += hits;
  total.missed += missed;
  total.problems.push(...problems);
  for (const [thread, own] of Object.entries(threads)) total.threads[thread] = (total.threads[thread] ?? 0) + own;
}

interface Piece {
  name: string;
  scenario: Scenario;
  act: Act;
  step: number;
  jobs: number;
  enough: number;
}

async function strikeScenario(
  { bundle, sound, seed }: Torture,
  striker: Striker,
  { name, scenario, act, step, jobs, enough }: Piece,
): Promise<StrikesResult> {
  const result: StrikesResult = { hits: 0, problems: [], threads: {}, missed: 0 };
  if (striker.lacks.includes(act)) return result;
  const folder = mkdtempSync(join(scratch(), "hansard-strikes-"));
  const template = join(folder, "template");
  if (scenario.installed) await install(bundle, template, scenario);
  const counts = await striker.count({ bundle, folder: fresh("count"), scenario }, act);
  const points = [...counts].flatMap(([thread, calls]) =>
    Array.from({ length: calls }, (_, index): Point => ({ thread, call: index + 1 })),
  );
  const chosen = points.filter((_, index) => (index + seed + act.length) % step === 0).values();
  await Promise.all(Array.from({ length: jobs }, (_, lane) => strikeAll(String(lane))));
  rmSync(folder, { recursive: true });
  return result;

  /** Each lane has a recovery of its own, and takes the next point that no other has taken. */
  async function strikeAll(lane: string): Promise<void> {
    const recovery = openRecovery(bundle, sound);
    for (const point of chosen) {
      if (result.problems.length >= enough) break;
      let reached = false;
      for (let attempt = 0; attempt < ATTEMPTS && !reached; attempt += 1)
        reached = await strikeAt(lane, point, recovery);
      if (!reached) result.missed += 1;
      if (reached && step === 1 && point.call === counts.get(point.thread)) await strikeBeyond(lane, point, recovery);
    }
    recovery.close();
  }

  /** A run may make a few calls more than the one that was counted. */
  async function strikeBeyond(lane: string, { thread, call }: Point, recovery: Recovery): Promise<void> {
    for (let next = call + 1; await strikeAt(lane, { thread, call: next }, recovery); next += 1);
  }

  async function strikeAt(lane: string, { thread, call }: Point, recovery: Recovery): Promise<boolean> {
    const run = { bundle, folder: fresh(lane), scenario };
    const { struck, code, stderr, promised } = await striker.strike(run, act, { thread, call });
    const place = `${name}, ${act} at call ${call} of ${thread}`;
    const clear = code === 0 || (act === "kill" && struck) || stderr.includes("hansard failed and ended: ");
    if (!clear)
      result.problems.push(`${place}: it ended with ${code} and without a clear error: ${stderr.trim().slice(0, 300)}`);
    if (code !== 0 && !struck) result.problems.push(`${place}: it failed without having been struck: ${stderr.trim()}`);
    // What came to its end in spite of the fault must be right as it is.
    const wrong = code === 0 ? [] : await recovery.finish(run.folder, scenario, promised);
    wrong.push(...(await recovery.inspect(run.folder, scenario)));
    result.problems.push(...wrong.map((problem) => `${place}: ${problem}`));
    rmSync(run.folder, { recursive: true });
    if (!struck) return false;
    result.hits += 1;
    result.threads[thread] = (result.threads[thread] ?? 0) + 1;
    return true;
  }

  function fresh(lane: string): string {
    const path = join(folder, lane);
    if (scenario.installed) cpSync(template, path, { recursive: true });
    return path;
  }
}

/** A killed process leaves to the next one all that it wrote, on a disk or not; where memory can hold files, they cost less. */
function scratch(): string {
  try {
    accessSync("/dev/shm", constants.W_OK);
    return "/dev/shm";
  } catch {
    return tmpdir();
  }
}

async function install(bundle: string, folder: string, scenario: Scenario): Promise<void> {
  const { code, stderr } = await startChild({ bundle, folder, scenario: installing(scenario) }).ended;
  if (code !== 0) throw new Error(`The scenario cannot be installed: ${stderr}`);
}
