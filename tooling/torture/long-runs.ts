import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runTests } from "../reliability/run-tests.ts";
import { ROOT } from "../workspace.ts";
import { digestOf, openTally } from "./tally.ts";
import type { TortureResult } from "./torture-result.ts";

export interface LongRun {
  /** The promise that it shows. */
  id: string;
  tests: string[];
  /** What it puts to the test. */
  sources: string[];
}

/** For each connector, tests that act out random histories at a server of ours and compare what was archived with what happened. */
export const SEEDS: LongRun[] = [
  {
    id: "seeds-slack",
    tests: ["connectors/slack/live.test.ts", "connectors/slack/socket.test.ts"],
    sources: ["connectors/slack", "packages/core/src", "packages/testkit/src", "tooling/servers/slack"],
  },
  {
    id: "seeds-twitter",
    tests: ["connectors/twitter/capture.test.ts"],
    sources: ["connectors/twitter", "packages/core/src", "packages/testkit/src", "tooling/servers/x"],
  },
  {
    id: "seeds-chatter",
    tests: ["connectors/salesforce-chatter/capture.test.ts"],
    sources: [
      "connectors/salesforce-chatter",
      "packages/core/src",
      "packages/testkit/src",
      "tooling/servers/salesforce",
    ],
  },
  {
    id: "seeds-bloomberg",
    tests: ["tooling/servers/bloomberg/seeds.test.ts"],
    sources: [
      "connectors/bloomberg",
      "packages/core/src",
      "packages/testkit/src",
      "packages/file-drop/src",
      "tooling/servers/bloomberg",
    ],
  },
];

const DELIVERY = ["packages/core/src", "packages/journal/src", "packages/archive/src", "packages/ingestion-server/src"];

/** Deliveries to a server on which every fault happens to one request in twenty. */
export const DELIVERIES: LongRun[] = [
  {
    id: "deliveries-graph",
    tests: ["packages/ingestion-server/src/delivery-faults.test.ts"],
    sources: [...DELIVERY, "packages/destination-microsoft365/src"],
  },
  {
    id: "deliveries-ews",
    tests: ["packages/ingestion-server/src/ews-faults.test.ts"],
    sources: [...DELIVERY, "packages/destination-exchange/src"],
  },
  {
    id: "deliveries-restart",
    tests: ["packages/ingestion-server/src/delivery-restart.test.ts"],
    sources: [...DELIVERY, "packages/destination-microsoft365/src", "packages/destination-exchange/src"],
  },
];

/** Runs a connector's histories 1 to `seeds`, in slices that a run that was ended need not do again. */
export async function runSeeds(
  { id, tests, sources }: LongRun,
  { seeds, slice, onProgress }: { seeds: number; slice: number; onProgress?: (line: string) => void },
): Promise<TortureResult> {
  const tally = openTally<TortureResult>(id, digestOf(sources));
  const total: TortureResult = { hits: 0, problems: [] };
  const size = tests.every(countsFromFirst) ? slice : seeds;
  for (let first = 1; first <= seeds && total.problems.length === 0; first += size) {
    const count = Math.min(size, seeds - first + 1);
    const { hits, problems } = await tally.once(`${first} to ${first + count - 1}`, async () => {
      const run = runTests(tests, { HANSARD_SEEDS: String(count), HANSARD_FIRST_SEED: String(first) });
      return { hits: count, problems: run.problems };
    });
    total.hits += hits;
    total.problems.push(...problems);
    onProgress?.(`${id}: ${total.hits} of ${seeds} seeds`);
  }
  return total;
}

/** A slice that does not begin at 1 means something only to tests that run as many seeds as are asked for from where they are told. */
function countsFromFirst(test: string): boolean {
  return /seed < (FIRST\w*) \+ SEEDS;|FIRST \+ index/.test(readFileSync(join(ROOT, test), "utf8"));
}

/** Runs the long form of a destination's tests. What was shown is what the tests are called. */
export async function runDeliveries({ id, tests, sources }: LongRun): Promise<TortureResult & { shown: string[] }> {
  const tally = openTally<TortureResult & { shown: string[] }>(id, digestOf(sources));
  return tally.once("all", async () => {
    const { passed, problems } = runTests(tests, { HANSARD_TORTURE: "1" }, ["--testNamePattern", "every fault"]);
    return { hits: passed.length, problems, shown: passed };
  });
}
