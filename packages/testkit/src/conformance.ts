import type { Connector } from "@hansard/core";
import { describe, test } from "vitest";
import { conformanceCases } from "./conformance-cases.ts";
import type { ConformanceOptions, RunningServer } from "./options.ts";

/** Registers the conformance suite for a connector with vitest. */
export function conformance<Server extends RunningServer = RunningServer>(
  connector: Connector,
  options: ConformanceOptions<Server>,
): void {
  describe(`${connector.id} conforms`, () => {
    for (const { id, name, timeoutMs, run } of conformanceCases(connector, options)) {
      test(`${name} [${id}]`, run, timeoutMs);
    }
  });
}
