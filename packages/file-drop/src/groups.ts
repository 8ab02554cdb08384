import type { FileDescription } from "./batch.ts";
import type { DropEntry, Listing } from "./drop.ts";
import type { LedgerBook } from "./ledger.ts";
import { isUnfinishedName } from "./names.ts";

/** Files that are handed over together. */
export interface Group {
  name: string;
  order: string;
  /** In the caller's order. */
  entries: DropEntry[];
  /** Paths that are named by a manifest and not there. */
  awaited: string[];
}

export interface Grouping {
  describe(path: string): FileDescription | "manifest" | "ignored" | undefined;
  ledger: LedgerBook;
}

/** Sorts what is listed and what is awaited into the caller's groups, in the caller's order. */
export function groupsOf({ describe, ledger }: Grouping, { entries }: Listing): Group[] {
  const groups = new Map<string, Group>();
  const orders = new Map<DropEntry, string>();
  for (const entry of entries) {
    const described = describe(entry.path);
    if (typeof described !== "object" || isUnfinishedName(entry.path)) continue;
    orders.set(entry, described.order);
    groupOf(groups, described).entries.push(entry);
  }
  for (const { path, state } of ledger.values()) {
    const described = state === "awaited" ? describe(path) : undefined;
    if (typeof described === "object") groupOf(groups, described).awaited.push(path);
  }
  for (const group of groups.values()) {
    group.entries.sort((a, b) => compare(orders.get(a) ?? "", orders.get(b) ?? "") || compare(a.path, b.path));
  }
  return [...groups.values()].sort((a, b) => compare(a.order, b.order) || compare(a.name, b.name));
}

function groupOf(groups: Map<string, Group>, { group, order }: FileDescription): Group {
  const found = groups.get(group) ?? { name: group, order, entries: [], awaited: [] };
  if (order < found.order) found.order = order;
  groups.set(group, found);
  return found;
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
