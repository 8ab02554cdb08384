import type { Gap } from "@hansard/core";
import { dueDays, ledgerEntries, type LedgerBook, missingDayGap } from "@hansard/file-drop";
import type { Checkpoint, Settings } from "../schema.ts";
import { parseName } from "./names.ts";

/** Days as `mail:2020-03-13`. */
export interface Coverage {
  covered: Set<string>;
  /** Days whose gap is open. */
  missing: Set<string>;
}

const DAYS_LOOKED_BACK = 400;

export function checkpointOf(ledger: LedgerBook, { covered, missing }: Coverage): Checkpoint {
  return {
    version: 1,
    files: ledgerEntries(ledger),
    missingDays: [...missing].sort(),
    coveredDays: [...covered].sort(),
  };
}

/** Compares the days that came with those that had to, and says which holes opened and which closed. */
export function coverDays({
  settings: { expect },
  ledger,
  coverage,
  now,
}: {
  settings: Settings;
  ledger: LedgerBook;
  coverage: Coverage;
  now: Date;
}): { gaps: Gap[]; closed: string[] } {
  if (!expect) return { gaps: [], closed: [] };
  const oldest = new Date(now.getTime() - DAYS_LOOKED_BACK * 86_400_000).toISOString().slice(0, 10);
  for (const { path, state } of ledger.values()) {
    const name = state === "awaited" ? undefined : parseName(path);
    if (name) coverage.covered.add(`${name.kind}:${name.day}`);
  }
  const since = expect.since > oldest ? expect.since : oldest;
  for (const day of coverage.covered) if (day.slice(day.indexOf(":") + 1) < since) coverage.covered.delete(day);
  const due = dueDays({ ...expect, since }, now).flatMap((day) => expect.files.map((kind) => `${kind}:${day}`));
  const missing = due.filter((day) => !coverage.covered.has(day));
  const opened = missing.filter((day) => !coverage.missing.has(day));
  const shut = [...coverage.missing].filter(
    (day) => !missing.includes(day) && day.slice(day.indexOf(":") + 1) >= since,
  );
  for (const day of opened) coverage.missing.add(day);
  for (const day of shut) coverage.missing.delete(day);
  return { gaps: opened.map(gapOf), closed: shut.map((day) => gapOf(day).id) };
}

function gapOf(day: string): Gap {
  const [kind = "", date = ""] = day.split(":");
  return missingDayGap(date, kind);
}
