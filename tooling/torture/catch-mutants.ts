import { bundleChild, type Mutant } from "./bundle.ts";
import { canTrace, killsAtWrites, randomKills, type TortureResult } from "./kills.ts";
import { orderOfWrites } from "./order-of-writes.ts";
import { canCutPower, powerCuts } from "./power-cuts.ts";

/** Puts a mutant to the test that must catch it. Undefined where this machine cannot run that test. */
export async function tortureMutant(mutant: Mutant, sound: string, seed: number): Promise<TortureResult | undefined> {
  const bundle = await bundleChild(mutant);
  if (mutant.caughtBy === "order of writes") return orderOfWrites(bundle);
  if (mutant.caughtBy === "power cuts") return canCutPower() ? powerCuts({ bundle, sound, seed }, 25) : undefined;
  if (mutant.caughtBy === "kills at writes")
    return canTrace() ? killsAtWrites({ bundle, sound, seed }, 13, "pages") : undefined;
  return randomKills({ bundle, sound, seed }, 60);
}
