import type { Connector } from "@hansard/core";
import type { FixtureFile } from "./fixture.ts";
import type { ConformanceSource } from "./options.ts";
import type { Reference } from "./reference.ts";

/** What the cases of one connector share. */
export interface Suite {
  connector: Connector;
  source: ConformanceSource;
  fixtures: FixtureFile[];
  /** A read without disturbance, made once, which others are compared with. */
  reference: () => Promise<Reference>;
}

export interface Case {
  id: string;
  name: string;
  timeoutMs?: number;
  run: () => void | Promise<void>;
}

/** Says that the connector does not conform. */
export function must(condition: boolean, sentence: string | (() => string)): asserts condition {
  if (!condition) throw new Error(typeof sentence === "string" ? sentence : sentence());
}

/** Some names for a sentence, without flooding it. */
export function listed(names: Iterable<string>, most = 8): string {
  const all = [...names];
  const shown = all
    .slice(0, most)
    .map((name) => `"${name}"`)
    .join(", ");
  return all.length > most ? `${shown} and ${all.length - most} more` : shown;
}
