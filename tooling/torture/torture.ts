import { parseArgs } from "node:util";
import { record } from "../reliability/record.ts";
import { bundleChild } from "./bundle.ts";
import { tortureMutant } from "./catch-mutants.ts";
import { canTrace, diskFaults, killsAtWrites, randomKills, type TortureResult } from "./kills.ts";
import { MUTANTS } from "./mutants.ts";
import { orderOfWrites } from "./order-of-writes.ts";
import { canCutPower, powerCuts } from "./power-cuts.ts";

// npm run torture -- [--only kills,writes,faults,power,order,mutants] [--kills 1000] [--cuts 100] [--step 1] [--seed N] [--write]
const { values } = parseArgs({
  options: {
    only: { type: "string", default: "order,kills,power,mutants,writes,faults" },
    kills: { type: "string", default: "1000" },
    cuts: { type: "string", default: "100" },
    step: { type: "string", default: "1" },
    seed: { type: "string", default: "20261123" },
    write: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const sound = await bundleChild();
const torture = { bundle: sound, sound, seed, onProgress: (line: string) => process.stderr.write(`  ${line}\n`) };
let failed = false;

const TORTURES: Record<string, () => Promise<TortureResult | undefined>> = {
  order: async () => (canTrace() ? orderOfWrites(sound) : undefined),
  kills: () => randomKills(torture, Number(values.kills)),
  power: async () => (canCutPower() ? powerCuts(torture, Number(values.cuts)) : undefined),
  writes: async () => (canTrace() ? killsAtWrites(torture, Number(values.step)) : undefined),
  faults: async () => (canTrace() ? diskFaults(torture, Number(values.step)) : undefined),
  mutants: catchMutants,
};

const DONE: Record<string, (hits: number) => string> = {
  order: (hits) => `${hits} files stored, each folder synchronised before the journal refers to the file`,
  kills: (hits) => `${hits} kills at random moments: 0 lost, 0 doubled, verified`,
  power: (hits) => `${hits} power cuts: all that was promised was on the disk, 0 doubled, verified`,
  writes: (hits) =>
    `${hits} kills, at ${values.step === "1" ? "every" : `every ${values.step}th`} system call that writes, in five scenarios: 0 lost, 0 doubled, verified`,
  faults: (hits) =>
    `${hits} failed writes and synchronisations (EIO, ENOSPC) in five scenarios: a clear error, then 0 lost, 0 doubled, verified`,
  mutants: (hits) => `${hits} of ${MUTANTS.length} deliberate faults caught`,
};

for (const name of values.only.split(",")) {
  process.stderr.write(`${name} …\n`);
  const result = await TORTURES[name]?.();
  if (!result) {
    console.log(`${name}: cannot be run on this machine`);
    continue;
  }
  const line =
    result.problems.length === 0
      ? (DONE[name]?.(result.hits) ?? "")
      : `${result.problems.length} problems after ${result.hits} hits`;
  console.log(`${name}: ${line}`);
  for (const problem of result.problems.slice(0, 10)) console.log(`  ${problem}`);
  failed ||= result.problems.length > 0;
  if (values.write && result.problems.length === 0) record(name, line, seed);
}
process.exitCode = failed ? 1 : 0;

/** Each mutant must be caught; one that is not is a problem of the tests. */
async function catchMutants(): Promise<TortureResult> {
  const total: TortureResult = { hits: 0, problems: [] };
  for (const mutant of MUTANTS) {
    const result = await tortureMutant(mutant, sound, seed);
    const caught = (result?.problems.length ?? 0) > 0;
    console.log(
      `  ${caught ? "caught" : "NOT CAUGHT"}: ${mutant.fault}${caught ? `\n    ${result?.problems[0]}` : ""}`,
    );
    if (caught) total.hits += 1;
    else total.problems.push(`The mutant ${mutant.name} was not caught.`);
  }
  return total;
}
