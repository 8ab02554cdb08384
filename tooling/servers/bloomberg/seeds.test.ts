import { expect, test } from "vitest";
import { differencesOf } from "./seeds.ts";

const SEEDS = Number(process.env["HANSARD_SEEDS"] ?? 200);

test(
  `what is read of ${SEEDS} random drops equals what was written, event for event`,
  { timeout: SEEDS * 1000 },
  async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      expect(await differencesOf(seed), `seed ${seed}`).toEqual([]);
    }
  },
);
