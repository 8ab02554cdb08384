import { beforeAll, describe, expect, test } from "vitest";
import { bundleChild } from "./bundle.ts";
import { tortureMutant } from "./catch-mutants.ts";
import { canTrace, diskFaults, killsAtWrites, randomKills, type Torture } from "./kills.ts";
import { MUTANTS } from "./mutants.ts";
import { orderOfWrites } from "./order-of-writes.ts";
import { canCutPower, powerCuts } from "./power-cuts.ts";

// A seeded slice of the torture; `npm run torture` does all of it.
const SEED = 20261123;
const tracing = canTrace();
const power = canCutPower();
let torture: Torture;

beforeAll(async () => {
  const sound = await bundleChild();
  torture = { bundle: sound, sound, seed: SEED };
});

describe("a slice of the torture", () => {
  test("kill -9 at random moments under load: nothing lost, nothing doubled", async () => {
    expect((await randomKills(torture, 20)).problems).toEqual([]);
  }, 300_000);

  test.skipIf(!tracing)(
    "kill -9 at system calls that write (needs strace)",
    async () => {
      const { hits, problems } = await killsAtWrites(torture, 110);
      expect(problems).toEqual([]);
      expect(hits).toBeGreaterThan(15);
    },
    300_000,
  );

  test.skipIf(!tracing)(
    "writes and synchronisations that fail: a clear error, and afterwards nothing lost (needs strace)",
    async () => {
      const { hits, problems } = await diskFaults(torture, 180);
      expect(problems).toEqual([]);
      expect(hits).toBeGreaterThan(10);
    },
    300_000,
  );

  test.skipIf(!power)(
    "power cuts: what was promised is on the disk (needs root and loop devices)",
    async () => {
      expect((await powerCuts(torture, 4)).problems).toEqual([]);
    },
    300_000,
  );

  test.skipIf(!tracing)("a file's folder is synchronised before a row refers to the file (needs strace)", () => {
    const { hits, problems } = orderOfWrites(torture.bundle);
    expect(problems).toEqual([]);
    expect(hits).toBeGreaterThan(0);
  });
});

describe("the torture can fail: it catches", () => {
  test.each(
    MUTANTS.filter(
      ({ caughtBy }) =>
        (caughtBy !== "power cuts" || power) && (!["order of writes", "kills at writes"].includes(caughtBy) || tracing),
    ),
  )(
    "$name",
    async (mutant) => {
      const result = await tortureMutant(mutant, torture.sound, SEED);
      expect(result?.problems.length).toBeGreaterThan(0);
    },
    300_000,
  );
});
