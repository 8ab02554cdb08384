import { expect, test } from "vitest";
import { differencesOf } from "./seeds.ts";

const SEEDS = Number(process.env["HANSARD_SEEDS"] ?? 200);
const FIRST = Number(process.env["HANSARD_FIRST_SEED"] ?? process.env["HANSARD_SEED_FROM"] ?? 1);
/** Most of a seed's time goes by in waiting for the disk. */
const AT_ONCE = 8;

test(
  `what is read of ${SEEDS} random drops equals what was written, event for event`,
  { timeout: SEEDS * 1000 },
  async () => {
    const seeds = allSeeds();
    async function takeSeeds(): Promise<void> {
      for (const seed of seeds) expect(await differencesOf(seed), `seed ${seed}`).toEqual([]);
    }
    await Promise.all(Array.from({ length: AT_ONCE }, takeSeeds));
  },
);

function* allSeeds(): Generator<number> {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) yield seed;
}
