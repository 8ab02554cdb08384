import { fold, normalizeAddress } from "./address.ts";
import type { PeopleEntry, Problem } from "./people-entry.ts";

/** The entries of all files, for look-up. */
export interface FileIndex {
  problems: Problem[];
  find(source: string, id: string, address: string | undefined): PeopleEntry | undefined;
}

/**
 * Indexes entries by id and by address, for one source or for all. An id is found in its own case first, and in any case
 * where only one mailbox can be meant: some sources have ids that differ in nothing but case.
 */
export function indexEntries(entries: PeopleEntry[]): FileIndex {
  const ids = new Map<string, PeopleEntry>();
  const foldedIds = new Map<string, PeopleEntry | "ambiguous">();
  const addresses = new Map<string, PeopleEntry>();
  const problems: Problem[] = [];

  for (const entry of entries) {
    const source = fold(entry.source ?? "");
    // An id may be the very address that the source knows.
    const idAsAddress = entry.id === undefined ? undefined : normalizeAddress(entry.id);
    const known = new Set([entry.address, idAsAddress].filter((address) => address !== undefined));
    for (const address of known) add(addresses, keyOf(source, address), entry, `the address "${address}"`);
    if (entry.id === undefined) continue;
    if (idAsAddress === undefined) add(ids, keyOf(source, exactly(entry.id)), entry, `the id "${entry.id}"`);
    else ids.set(keyOf(source, exactly(entry.id)), entry);
    const folded = keyOf(source, fold(entry.id));
    const other = foldedIds.get(folded);
    foldedIds.set(
      folded,
      other === undefined || (other !== "ambiguous" && other.mailbox === entry.mailbox)
        ? (other ?? entry)
        : "ambiguous",
    );
  }

  function add(index: Map<string, PeopleEntry>, key: string, entry: PeopleEntry, what: string): void {
    const other = index.get(key);
    if (other && other.mailbox !== entry.mailbox) {
      problems.push(
        `${entry.place}: ${what} has the mailbox ${entry.mailbox}, and already ${other.mailbox} at ${other.place}. Keep one of the two lines.`,
      );
    } else if (!other) index.set(key, entry);
  }

  function find(source: string, id: string, address: string | undefined): PeopleEntry | undefined {
    return findIn(fold(source), id, address) ?? findIn("", id, address);
  }

  function findIn(source: string, id: string, address: string | undefined): PeopleEntry | undefined {
    const exact = ids.get(keyOf(source, exactly(id)));
    if (exact) return exact;
    const folded = foldedIds.get(keyOf(source, fold(id)));
    if (folded !== undefined && folded !== "ambiguous") return folded;
    return address === undefined ? undefined : addresses.get(keyOf(source, address));
  }

  return { problems, find };
}

function exactly(id: string): string {
  return id.trim().normalize("NFC");
}

function keyOf(source: string, key: string): string {
  return `${source}\u0000${key}`;
}
