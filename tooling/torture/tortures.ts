import { basename } from "node:path";
import { bundleChild } from "./bundle.ts";
import { notCaught, wrongUnstruck } from "./catch-mutants.ts";
import { DELIVERIES, type LongRun, runDeliveries, runSeeds, SEEDS } from "./long-runs.ts";
import { MUTANTS } from "./mutants.ts";
import { orderOfWrites } from "./order-of-writes.ts";
import { canCutPower, powerCuts } from "./power-cuts.ts";
import { randomKills } from "./random-kills.ts";
import { canTrace } from "./strike-by-strace.ts";
import type { Act, Striker } from "./strike.ts";
import { openStriker, strikeEverywhere, type StrikesResult } from "./strikes.ts";
import { digestOf, openTally } from "./tally.ts";
import type { Torture, TortureResult } from "./torture-result.ts";

export interface TortureOptions {
  kills: number;
  cuts: number;
  step: number;
  scenarios?: string[];
  jobs: number;
  seeds: number;
  slice: number;
  seed: number;
  onProgress: (line: string) => void;
}

export interface Outcome extends TortureResult {
  /** What it has shown, where there is no problem. */
  shown: string;
}

type RunTorture = (options: TortureOptions) => Promise<Outcome | undefined>;

/** Each by its name, which is that of the promise it shows. Nothing comes of one that this machine cannot run. */
export const TORTURES: Record<string, RunTorture> = {
  order: takeOrder,
  kills: killAtRandom,
  power: cutPower,
  mutants: catchMutants,
  writes: killAtWrites,
  faults: failDisk,
  ...Object.fromEntries(DELIVERIES.map((run): [string, RunTorture] => [run.id, () => deliverThroughFaults(run)])),
  ...Object.fromEntries(SEEDS.map((run): [string, RunTorture] => [run.id, (options) => actOutSeeds(run, options)])),
};

async function takeOrder(): Promise<Outcome | undefined> {
  if (!canTrace()) return undefined;
  const result = orderOfWrites(await bundleChild());
  const shown = `${result.hits} files stored, each synchronised before it got its name, and both folders before the journal refers to it`;
  return { ...result, shown };
}

async function killAtRandom(options: TortureOptions): Promise<Outcome | undefined> {
  const result = await randomKills(await soundTorture(options), options.kills);
  return { ...result, shown: `${result.hits} kills at random moments: ${NOTHING_LOST}` };
}

async function cutPower(options: TortureOptions): Promise<Outcome | undefined> {
  if (!canCutPower()) return undefined;
  const result = await powerCuts(await soundTorture(options), options.cuts);
  const shown = `${result.hits} power cuts: all that was promised was on the disk, 0 doubled, verified`;
  return { ...result, shown };
}

/** Each mutant must be caught; one that is not is a problem of the tests. */
async function catchMutants(options: TortureOptions): Promise<Outcome | undefined> {
  const { sound, seed, onProgress } = await soundTorture(options);
  const problems: string[] = [];
  let hits = 0;
  for (const mutant of MUTANTS) {
    const notHere = [`The mutant ${mutant.name} cannot be tried on this machine.`];
    const wrong = (await notCaught(mutant, sound, seed)) ?? notHere;
    wrong.push(...(await wrongUnstruck(mutant, sound, seed)));
    onProgress?.(
      wrong.length === 0 ? `caught: ${mutant.fault}` : `NOT CAUGHT: ${mutant.fault}\n    ${wrong.join("\n    ")}`,
    );
    problems.push(...wrong);
    if (wrong.length === 0) hits += 1;
  }
  return {
    hits,
    problems,
    shown: `${hits} of ${MUTANTS.length} deliberate faults caught, each by what must catch it, and none but for the strikes`,
  };
}

function killAtWrites(options: TortureOptions): Promise<Outcome | undefined> {
  return strikeWith(
    "writes",
    ["kill"],
    options,
    (struck, every) => `kills, at ${every} system call that writes${struck}`,
  );
}

function failDisk(options: TortureOptions): Promise<Outcome | undefined> {
  return strikeWith("faults", ["EIO", "ENOSPC", "half"], options, (struck, every, striker) => {
    const short = striker.lacks.includes("half")
      ? "no write cut short, for want of a C compiler"
      : "each write cut short";
    return `faults (EIO and ENOSPC at ${every} write, synchronisation and change of a name; ${short})${struck}: it went on rightly or ended with a clear error`;
  });
}

async function strikeWith(
  id: string,
  acts: Act[],
  options: TortureOptions,
  tell: (struck: string, every: string, striker: Striker) => string,
): Promise<Outcome | undefined> {
  const striker = openStriker();
  if (striker === undefined) return undefined;
  const torture = await soundTorture(options);
  const code = `${basename(torture.sound)} ${digestOf(["tooling/torture"])} ${options.seed} ${options.step} ${striker.lacks.join()}`;
  const tally = openTally<StrikesResult>(id, code);
  const result = await strikeEverywhere(torture, striker, { ...options, acts, tally });
  const threads = Object.entries(result.threads).map(([thread, hits]) => `${thread} ${hits}`);
  const every = options.step === 1 ? "every" : `one in ${options.step} of every`;
  const what = tell(` of every thread (${threads.join(", ")})`, every, striker);
  const missed =
    result.missed === 0 ? "" : ` (${result.missed} more were there in the run that was counted, and in no later one)`;
  return { ...result, shown: `${result.hits} ${what}${missed}, in five scenarios: ${NOTHING_LOST}` };
}

async function deliverThroughFaults(run: LongRun): Promise<Outcome> {
  const { hits, problems, shown } = await runDeliveries(run);
  return { hits, problems, shown: shown.join("; ") };
}

async function actOutSeeds(run: LongRun, options: TortureOptions): Promise<Outcome> {
  const result = await runSeeds(run, options);
  const shown = `${result.hits} seeds of random histories, with faults and restarts: what was archived equals what happened`;
  return { ...result, shown };
}

const NOTHING_LOST = "0 lost, 0 doubled, verified";

async function soundTorture({ seed, onProgress }: TortureOptions): Promise<Torture> {
  const sound = await bundleChild();
  return { bundle: sound, sound, seed, onProgress };
}
