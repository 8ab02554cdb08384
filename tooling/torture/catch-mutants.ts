import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleChild, type Mutant } from "./bundle.ts";
import { orderOfWrites } from "./order-of-writes.ts";
import { canCutPower, powerCuts } from "./power-cuts.ts";
import { randomKills } from "./random-kills.ts";
import { openRecovery } from "./recovery.ts";
import { startChild } from "./run-child.ts";
import { SCENARIOS } from "./scenarios.ts";
import { canTrace } from "./strike-by-strace.ts";
import { openStriker, strikeEverywhere } from "./strikes.ts";
import type { Torture, TortureResult } from "./torture-result.ts";

/** What is wrong with how a mutant is caught: nothing where the test for it says what it must. Undefined where this machine cannot run that test. */
export async function notCaught(mutant: Mutant, sound: string, seed: number): Promise<string[] | undefined> {
  const bundle = await bundleChild(mutant);
  const caught = await torture(bundle, mutant, sound, seed);
  if (caught === undefined) return undefined;
  if (caught.problems.some((problem) => mutant.says.test(problem))) return [];
  return [`The mutant ${mutant.name} is not caught as it must be; said is: ${caught.problems[0] ?? "nothing"}`];
}

/** What is wrong with a mutant by itself: nothing where it passes as long as nothing strikes, so that strikes are what finds it. */
export async function wrongUnstruck(mutant: Mutant, sound: string, seed: number): Promise<string[]> {
  if (mutant.caughtBy === "looking") return [];
  const { problems } = await lookAt({ bundle: await bundleChild(mutant), sound, seed });
  return problems.slice(0, 1).map((problem) => `The mutant ${mutant.name} fails without being struck: ${problem}`);
}

/** Runs the scenarios to their ends without any strike, and looks at what they left. */
async function lookAt({ bundle, sound }: Torture): Promise<TortureResult> {
  const result: TortureResult = { hits: 0, problems: [] };
  const recovery = openRecovery(bundle, sound);
  for (const scenario of Object.values(SCENARIOS)) {
    const folder = mkdtempSync(join(tmpdir(), "hansard-look-"));
    const { code, stderr } = await startChild({ bundle, folder, scenario }).ended;
    if (code !== 0) result.problems.push(`It ended with ${code}: ${stderr.trim()}`);
    result.problems.push(...(await recovery.inspect(folder, scenario)));
    result.hits += 1;
    rmSync(folder, { recursive: true });
  }
  recovery.close();
  return result;
}

async function torture(
  bundle: string,
  mutant: Mutant,
  sound: string,
  seed: number,
): Promise<TortureResult | undefined> {
  if (mutant.caughtBy === "looking") return lookAt({ bundle, sound, seed });
  if (mutant.caughtBy === "order of writes") return canTrace() ? orderOfWrites(bundle) : undefined;
  if (mutant.caughtBy === "power cuts") return canCutPower() ? powerCuts({ bundle, sound, seed }, 25) : undefined;
  if (mutant.caughtBy === "kills") return randomKills({ bundle, sound, seed }, 60);
  const striker = openStriker();
  return (
    striker &&
    strikeEverywhere({ bundle, sound, seed }, striker, { acts: ["kill"], step: 29, scenarios: ["pages"], enough: 1 })
  );
}
