import { bundleChild, type Mutant } from "./bundle.ts";
import { orderOfWrites } from "./order-of-writes.ts";
import { canCutPower, powerCuts } from "./power-cuts.ts";
import { randomKills } from "./random-kills.ts";
import { canTrace } from "./strike-by-strace.ts";
import { openStriker, strikeEverywhere } from "./strikes.ts";
import type { TortureResult } from "./torture-result.ts";

/** Puts a mutant to the test that must catch it. Undefined where this machine cannot run that test. */
export async function tortureMutant(mutant: Mutant, sound: string, seed: number): Promise<TortureResult | undefined> {
  const bundle = await bundleChild(mutant);
  if (mutant.caughtBy === "order of writes") return canTrace() ? orderOfWrites(bundle) : undefined;
  if (mutant.caughtBy === "power cuts") return canCutPower() ? powerCuts({ bundle, sound, seed }, 25) : undefined;
  if (mutant.caughtBy === "kills") return randomKills({ bundle, sound, seed }, 60);
  const striker = openStriker();
  return (
    striker && strikeEverywhere({ bundle, sound, seed }, striker, { acts: ["kill"], step: 13, scenarios: ["pages"] })
  );
}
