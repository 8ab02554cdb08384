import { parseArgs } from "node:util";
import { record } from "../reliability/record.ts";
import { type Outcome, TORTURES } from "./tortures.ts";

// npm run torture -- [--only kills,writes,faults,power,order,mutants,deliveries,seeds] [--kills 1000] [--cuts 100]
//   [--step 1] [--scenarios pages,files] [--jobs 1] [--seeds 5000] [--slice 500] [--seed N] [--write]
// What a run of writes, faults, deliveries or seeds has done stays done while the code is the same: end it, and start it again.
// "seeds" means all whose names begin so; "seeds-slack" is one of them.
const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(TORTURES).join(",") },
    kills: { type: "string", default: "1000" },
    cuts: { type: "string", default: "100" },
    step: { type: "string", default: "1" },
    scenarios: { type: "string" },
    jobs: { type: "string", default: "1" },
    seeds: { type: "string", default: "5000" },
    slice: { type: "string", default: "500" },
    seed: { type: "string", default: "20261123" },
    write: { type: "boolean", default: false },
  },
});
const options = {
  kills: Number(values.kills),
  cuts: Number(values.cuts),
  step: Number(values.step),
  ...(values.scenarios !== undefined && { scenarios: values.scenarios.split(",") }),
  jobs: Number(values.jobs),
  seeds: Number(values.seeds),
  slice: Number(values.slice),
  seed: Number(values.seed),
  onProgress: (line: string) => process.stderr.write(`  ${line}\n`),
};

/** The others count their seeds from 1. */
const SEEDED = new Set(["kills", "power", "mutants", "writes", "faults"]);

for (const name of values.only.split(",").flatMap(namesOf)) {
  process.stderr.write(`${name} …\n`);
  const outcome = await TORTURES[name]?.(options);
  if (outcome === undefined) console.log(`${name}: cannot be run on this machine`);
  else report(name, outcome);
}

function namesOf(given: string): string[] {
  const names = Object.keys(TORTURES).filter((name) => name === given || name.startsWith(`${given}-`));
  if (names.length === 0)
    throw new Error(`There is no torture "${given}"; there are ${Object.keys(TORTURES).join(", ")}.`);
  return names;
}

function report(name: string, { hits, problems, shown }: Outcome): void {
  const failed = problems.length > 0;
  console.log(`${name}: ${failed ? `${problems.length} problems after ${hits} hits` : shown}`);
  for (const problem of problems.slice(0, 10)) console.log(`  ${problem}`);
  if (failed) process.exitCode = 1;
  // A part of the scenarios is not what the row promises.
  else if (values.write && values.scenarios === undefined)
    record(name, shown, SEEDED.has(name) ? options.seed : undefined);
}
