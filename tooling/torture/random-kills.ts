import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { randomFrom } from "../random.ts";
import { openRecovery } from "./recovery.ts";
import { startChild } from "./run-child.ts";
import type { Scenario } from "./scenarios.ts";
import type { Torture, TortureResult } from "./torture-result.ts";

/** Enough work that a random moment falls into every kind of transaction. */
const LOAD: Scenario = {
  installed: false,
  settings: {
    seed: 7,
    partitions: 2,
    events: 1_500,
    pageEvents: 50,
    files: true,
    unmappableEvery: 0,
    strangers: false,
  },
  concurrency: 1,
  grouping: "event",
  batchEvents: 60,
  mends: false,
};

/** Kills the program at random moments under load, starts it again, and in the end looks for what is lost or doubled. */
export async function randomKills({ bundle, sound, seed, onProgress }: Torture, kills: number): Promise<TortureResult> {
  const random = randomFrom(seed);
  const recovery = openRecovery(bundle, sound);
  const problems: string[] = [];
  let hits = 0;
  for (let round = 0; hits < kills && problems.length === 0; round += 1) {
    const folder = mkdtempSync(join(tmpdir(), "hansard-kill-"));
    const scenario = { ...LOAD, settings: { ...LOAD.settings, seed: seed + round } };
    for (let ended = false; !ended && hits < kills && problems.length === 0;) {
      const before = eventsIn(folder);
      const { process, started, ended: over, promised } = startChild({ bundle, folder, scenario });
      await started;
      const timer = setTimeout(() => process.kill("SIGKILL"), Math.floor(random() * 500));
      const { code } = await over;
      clearTimeout(timer);
      ended = code === 0;
      if (code === 137) hits += 1;
      if (eventsIn(folder) < before + promised())
        problems.push(`Round ${round}: ${before + promised()} events were promised and ${eventsIn(folder)} are there.`);
    }
    problems.push(...(await recovery.finish(folder, scenario)), ...(await recovery.inspect(folder, scenario)));
    rmSync(folder, { recursive: true });
    onProgress?.(`${hits} of ${kills} random kills`);
  }
  recovery.close();
  return { hits, problems };
}

/** How many events the journal holds, after the recovery that opening it does. */
export function eventsIn(folder: string): number {
  try {
    const database = new DatabaseSync(join(folder, "journal", "journal.db"));
    const row = database.prepare("SELECT count(*) AS count FROM event").get();
    database.close();
    return Number(row?.["count"]);
  } catch {
    // Killed before it had made its tables.
    return 0;
  }
}
