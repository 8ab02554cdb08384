import type { Grouping } from "@hansard/core/ingestion";
import type { ScenarioSettings } from "./scenario-connector.ts";

export interface Scenario {
  settings: ScenarioSettings;
  grouping: Grouping;
  batchEvents: number;
  /** Whether it goes on with the quarantine's retry and rerouting, after the mapping and the people map were mended. */
  mends: boolean;
}

const PLAIN: ScenarioSettings = {
  seed: 1,
  partitions: 2,
  events: 40,
  pageEvents: 10,
  files: false,
  unmappableEvery: 0,
  strangers: false,
};

/** What is tortured: each exercises other transactions and other writes. */
export const SCENARIOS: Record<string, Scenario> = {
  pages: { settings: PLAIN, grouping: "event", batchEvents: 16, mends: false },
  files: { settings: { ...PLAIN, events: 16, files: true }, grouping: "event", batchEvents: 8, mends: false },
  live: {
    settings: { ...PLAIN, partitions: 1, events: 8, pageEvents: 1 },
    grouping: "event",
    batchEvents: 1,
    mends: false,
  },
  transcripts: { settings: PLAIN, grouping: "conversation-day", batchEvents: 16, mends: false },
  mending: {
    settings: { ...PLAIN, events: 20, unmappableEvery: 7, strangers: true },
    grouping: "event",
    batchEvents: 10,
    mends: true,
  },
};
