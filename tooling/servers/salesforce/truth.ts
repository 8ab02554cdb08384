import type { Value } from "./soql.ts";

/** What only the comparison of ids or the reading of recent posts can find. */
export type Finding = "walk" | "sweep";

/** What happened, as it happened, independent of what any interface shows of it. */
export interface Truth {
  /** Every fact, each once: `kind` and its particulars. */
  facts: Map<string, Finding>;
  add(found: Finding, kind: string, ...particulars: (Value | undefined)[]): void;
}

export function createTruth(): Truth {
  const facts = new Map<string, Finding>();
  return {
    facts,
    add(found, ...parts) {
      facts.set(fact(...parts), found);
    },
  };
}

/** One fact as text, of whatever JSON it is made. */
export function fact(...parts: unknown[]): string {
  return JSON.stringify(parts.map((part) => part ?? null));
}
