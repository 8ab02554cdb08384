import { isHansardError } from "@hansard/core";
import type { DeliverResult } from "@hansard/core/ingestion";
import { commandName, plural, shown } from "./output.ts";

/** A result in which what stopped the work is said in sentences. */
export type Problem<Result> = Omit<Result, "stopped"> & {
  stopped: { where?: string; reason: string; remedy?: string }[];
};

export function explained(error: unknown): { reason: string; remedy?: string } {
  if (!isHansardError(error)) return { reason: error instanceof Error ? error.message : String(error) };
  return error.remedy === undefined ? { reason: error.message } : { reason: error.message, remedy: error.remedy };
}

/** What did not come to its end, by a delivery's source and destination. */
export interface Unfinished {
  where: string;
  reason: string;
  remedy?: string;
}

/** Nothing where all was delivered. */
export function unfinished(where: string, result: DeliverResult): Unfinished[] {
  const { quarantined, postponed, stopped } = result;
  const refused = `${plural(quarantined, "delivery", "deliveries")} went to quarantine`;
  return [
    ...(quarantined > 0 ? [{ where, reason: refused, remedy: `"${commandName()} quarantine list" says why.` }] : []),
    ...(postponed > 0 && stopped === undefined ? [{ where, reason: postponedLine(result) }] : []),
    ...(stopped === undefined ? [] : [{ where, ...explained(stopped) }]),
  ];
}

export function unfinishedLine({ where, reason, remedy }: Unfinished): string {
  return `${where}: ${shown(reason)}${remedy ? ` ${remedy}` : ""}`;
}

/** What waits for a later run. Several deliveries may wait for several reasons, of which the first is told. */
export function postponedLine({ postponed, postponedWhy }: Pick<DeliverResult, "postponed" | "postponedWhy">): string {
  const what = `${plural(postponed, "delivery", "deliveries")} will be tried again`;
  if (postponedWhy === undefined) return what;
  return `${what}. ${postponed > 1 ? "The first waits for this reason: " : ""}${shown(postponedWhy)}`;
}
