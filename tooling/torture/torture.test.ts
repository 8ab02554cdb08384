import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../workspace.ts";
import { bundleChild, mutated } from "./bundle.ts";
import { notCaught } from "./catch-mutants.ts";
import { MUTANTS } from "./mutants.ts";
import { orderOfWrites } from "./order-of-writes.ts";
import { canCutPower, powerCuts } from "./power-cuts.ts";
import { randomKills } from "./random-kills.ts";
import { SCENARIOS } from "./scenarios.ts";
import { strikeByPreload } from "./strike-by-preload.ts";
import { canTrace } from "./strike-by-strace.ts";
import { openStriker, strikeEverywhere } from "./strikes.ts";
import type { Torture } from "./torture-result.ts";

// A seeded slice of the torture; `npm run torture` does all of it.
const SEED = 20261123;
const tracing = canTrace();
const power = canCutPower();
const striker = openStriker();
const preload = strikeByPreload();
const CHANGING_CALLS = [
  "write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile,splice,fallocate",
  "fsync,fdatasync,sync_file_range,msync,ftruncate,truncate",
  "rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat",
].join();
let torture: Torture;

beforeAll(async () => {
  const sound = await bundleChild();
  torture = { bundle: sound, sound, seed: SEED };
});

describe("a slice of the torture", () => {
  test("kill -9 at random moments under load: nothing lost, nothing doubled", async () => {
    expect((await randomKills(torture, 20)).problems).toEqual([]);
  }, 300_000);

  test.skipIf(striker === undefined)(
    "kill -9 at system calls that write (needs a C compiler or strace)",
    async (context) => {
      if (striker === undefined) return context.skip();
      const { hits, problems } = await strikeEverywhere(torture, striker, { acts: ["kill"], step: 130 });
      expect(problems).toEqual([]);
      expect(hits).toBeGreaterThan(15);
    },
    300_000,
  );

  test.skipIf(striker === undefined)(
    "writes and synchronisations that fail: it goes on rightly or ends with a clear error, and afterwards nothing is lost (needs a C compiler or strace)",
    async (context) => {
      if (striker === undefined) return context.skip();
      const { hits, problems } = await strikeEverywhere(torture, striker, { acts: ["EIO", "ENOSPC"], step: 400 });
      expect(problems).toEqual([]);
      expect(hits).toBeGreaterThan(10);
    },
    300_000,
  );

  test.skipIf(preload === undefined)(
    "writes that write only half of their bytes, or one: nothing is lost (needs a C compiler)",
    async (context) => {
      if (preload === undefined) return context.skip();
      const { hits, problems } = await strikeEverywhere(torture, preload, { acts: ["half", "byte"], step: 400 });
      expect(problems).toEqual([]);
      expect(hits).toBeGreaterThan(10);
    },
    300_000,
  );

  test.skipIf(preload === undefined || !tracing)(
    "every call that changes the folder is there to be struck: what strace sees is counted (needs a C compiler and strace)",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "hansard-seen-"));
      const [data, trace] = [join(folder, "data"), join(folder, "trace")];
      const strace = ["strace", "-f", "-qq", "-y", "-o", trace, "-e", `trace=${CHANGING_CALLS}`];
      const scenario = SCENARIOS["files"];
      if (scenario === undefined) throw new Error("The scenario is gone.");
      const counts = await strikeByPreload(strace)?.count({ bundle: torture.bundle, folder: data, scenario }, "kill");
      const lines = readFileSync(trace, "utf8").split("\n");
      const seen = lines.filter((line) => line.includes(`<${data}`) || line.includes(`"${data}`));
      const onData = seen.filter((line) => !line.includes(`${data}.calls`));
      expect([...(counts ?? [])].reduce((sum, [, calls]) => sum + calls, 0)).toBe(onData.length);
      expect([...(counts?.keys() ?? [])].sort()).toEqual(["index-worker", "main", "pool", "store-worker"]);
      rmSync(folder, { recursive: true });
    },
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
        (caughtBy !== "power cuts" || power) &&
        (caughtBy !== "order of writes" || tracing) &&
        (caughtBy !== "kills at writes" || striker !== undefined),
    ),
  )(
    "$name",
    async (mutant) => {
      expect(await notCaught(mutant, torture.sound, SEED)).toEqual([]);
    },
    300_000,
  );
});

test.each(MUTANTS)("the mutant $name fits the code as it is", (mutant) => {
  const source = readFileSync(join(ROOT, mutant.file), "utf8");
  expect(mutated(source, mutant)).not.toBe(source);
});
