import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { record } from "../reliability/record.ts";
import { ROOT } from "../workspace.ts";
import type { Row } from "./measure.ts";

/** The rows of a bench, and when and of which commit they were measured. */
export interface Measured {
  rows: Row[];
  on: string;
  commit?: string;
}

/** When the first rows were kept with their date: what was kept before has none. */
const UNDATED = "before 2026-11-30";

/** Benches may be run one by one: the row of the promise holds the last figures of each. A missed goal is recorded as missed. */
export function recordBenches(file: string, rowsOf: Record<string, Row[]>, order: string[]): void {
  const all = { ...known(file), ...dated(rowsOf) };
  writeFileSync(file, JSON.stringify(all));
  record("bench", order.flatMap((name) => linesOf(all[name])).join("<br>"));
}

export function known(file: string): Record<string, Measured> {
  const kept: Record<string, Measured | Row[]> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  return Object.fromEntries(
    Object.entries(kept).map(([name, measured]) => [
      name,
      Array.isArray(measured) ? { rows: measured, on: UNDATED } : measured,
    ]),
  );
}

export function linesOf(measured: Measured | undefined): string[] {
  if (measured === undefined) return [];
  const { rows, on, commit } = measured;
  const when = commit === undefined ? on : `${on}, ${commit}`;
  return rows.map(({ what, measured: figure, goal, ok }) => {
    const asked = [ok === false ? "**missed**" : "", goal === "" ? "" : `goal ${goal}`].filter(Boolean).join(", ");
    return `${what}: ${figure}${asked === "" ? "" : `, ${asked}`} (${when})`;
  });
}

function dated(rowsOf: Record<string, Row[]>): Record<string, Measured> {
  const on = new Date().toISOString().slice(0, 10);
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: ROOT, encoding: "utf8" }).trim();
  return Object.fromEntries(Object.entries(rowsOf).map(([name, rows]) => [name, { rows, on, commit }]));
}
