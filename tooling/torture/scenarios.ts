import type { Grouping } from "@hansard/core/ingestion";
import type { ScenarioSettings } from "./scenario-connector.ts";

export interface Scenario {
  /** Whether it begins with a journal and an archive that are empty, rather than with nothing at all. */
  installed: boolean;
  settings: ScenarioSettings;
  /** How many partitions are read side by side; their pages may share a transaction. */
  concurrency: number;
  grouping: Grouping;
  batchEvents: number;
  /** Whether it goes on with the quarantine's retry and rerouting, after the mapping and the people map were mended. */
  mends: boolean;
}

const PLAIN: ScenarioSettings = {
  seed: 1,
  partitions: 2,
  events: 24,
  pageEvents: 8,
  files: false,
  unmappableEvery: 0,
  strangers: false,
};

/** What is tortured: each exercises other transactions and other writes. Small, since each is run once for every call that writes. */
export const SCENARIOS: Record<string, Scenario> = {
  pages: { installed: false, settings: PLAIN, concurrency: 2, grouping: "event", batchEvents: 16, mends: false },
  files: {
    installed: true,
    settings: { ...PLAIN, events: 9, pageEvents: 5, files: true },
    concurrency: 1,
    grouping: "event",
    batchEvents: 6,
    mends: false,
  },
  live: {
    installed: true,
    settings: { ...PLAIN, partitions: 1, events: 6, pageEvents: 1 },
    concurrency: 1,
    grouping: "event",
    batchEvents: 1,
    mends: false,
  },
  transcripts: {
    installed: true,
    settings: PLAIN,
    concurrency: 1,
    grouping: "conversation-day",
    batchEvents: 16,
    mends: false,
  },
  mending: {
    installed: true,
    settings: { ...PLAIN, events: 14, unmappableEvery: 7, strangers: true },
    concurrency: 2,
    grouping: "event",
    batchEvents: 10,
    mends: true,
  },
};

/** What runs before a scenario that meets journal and archive made already: the making of them is struck once, in `pages`. */
export function installing(scenario: Scenario): Scenario {
  return { ...scenario, settings: { ...scenario.settings, events: 0 }, mends: false };
}
