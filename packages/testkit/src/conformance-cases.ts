import type { Connector } from "@hansard/core";
import { crashCases } from "./cases/crashes.ts";
import { definitionCases } from "./cases/definition.ts";
import { fixtureCases } from "./cases/fixtures.ts";
import { httpCases } from "./cases/http-faults.ts";
import { mappingCases } from "./cases/mapping.ts";
import { memoryCases } from "./cases/memory.ts";
import { readingCases } from "./cases/reading.ts";
import { resumingCases } from "./cases/resuming.ts";
import { secretCases } from "./cases/secrets.ts";
import { loadFixtures } from "./fixture.ts";
import type { ConformanceOptions, RunningServer, Waiver } from "./options.ts";
import { openReference } from "./reference.ts";
import type { Case, Suite } from "./suite.ts";

/** One thing that a connector must do. */
export interface ConformanceCase {
  /** Stable: waivers and `docs/specification.md` name it. */
  id: string;
  /** What must hold, as a sentence. */
  name: string;
  timeoutMs: number;
  /** Rejects with a sentence that says what does not hold, and where. */
  run: () => Promise<void>;
}

const TIMEOUT_MS = 60_000;

/** The suite as data, for other test runners, and for the suite's own test. */
export function conformanceCases<Server extends RunningServer = RunningServer>(
  connector: Connector,
  options: ConformanceOptions<Server>,
): ConformanceCase[] {
  const { source, fixtures, waivers = [] } = options as unknown as ConformanceOptions;
  const suite: Suite = {
    connector,
    source,
    fixtures: loadFixtures(fixtures),
    reference: openReference(connector, source),
  };
  const cases = [
    definitionCases,
    fixtureCases,
    mappingCases,
    readingCases,
    resumingCases,
    crashCases,
    httpCases,
    secretCases,
    memoryCases,
  ].flatMap((collect) => collect(suite));
  return [...cases.map((one) => waived(one, waivers)), waiversCase(cases, waivers)];
}

/** A case that is waived must fail: once it passes, the excuse has become untrue. */
function waived({ id, name, timeoutMs = TIMEOUT_MS, run }: Case, waivers: Waiver[]): ConformanceCase {
  const waiver = waivers.find((candidate) => candidate.case === id);
  if (!waiver) return { id, name, timeoutMs, run: async () => run() };
  return {
    id,
    name: `waived, since ${waiver.reason.replace(/\.$/, "")} (${name})`,
    timeoutMs,
    async run() {
      try {
        await run();
      } catch {
        return;
      }
      throw new Error(`The waiver of "${id}" is stale: the case passes. Delete the waiver.`);
    },
  };
}

function waiversCase(cases: Case[], waivers: Waiver[]): ConformanceCase {
  return {
    id: "waivers",
    name: "every waiver names a case and gives its reason",
    timeoutMs: TIMEOUT_MS,
    async run() {
      const known = new Set(cases.map(({ id }) => id));
      const wrong = waivers.filter((waiver) => !known.has(waiver.case) || waiver.reason.trim().length < 20);
      if (wrong.length === 0) return;
      const names = wrong.map((waiver) => `"${waiver.case}"`).join(", ");
      throw new Error(`These waivers name no case of the suite, or give no reason in words: ${names}.`);
    },
  };
}
