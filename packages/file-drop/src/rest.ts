import { setTimeout as sleep } from "node:timers/promises";
import type { Drop, DropEntry, Listing } from "./drop.ts";
import type { LedgerBook } from "./ledger.ts";
import { isUnfinishedName } from "./names.ts";
import type { CompletionSettings } from "./settings.ts";

export interface Resting {
  drop: Drop;
  ledger: LedgerBook;
  completion: CompletionSettings;
  startedAt: Date;
  signal: AbortSignal;
}

/** Longer waits are left to the next run: two runs that see the same are as good as one that waits. */
const MAX_WAIT_MS = 120_000;

/** Lists until what can come to rest within a bearable time has, and notes in the ledger what was seen. */
export async function listAtRest(resting: Resting): Promise<Listing> {
  const stableForMs = resting.completion.stableForSeconds * 1000;
  const first = await resting.drop.list();
  const waitMs = observe(resting, first, resting.startedAt.getTime());
  if (waitMs === 0 || stableForMs > MAX_WAIT_MS) return first;
  await sleep(waitMs, undefined, { signal: resting.signal });
  const second = await resting.drop.list();
  observe(resting, second, resting.startedAt.getTime() + waitMs);
  return second;
}

/** Whether a file had the same size and time twice, far enough apart, and its marker is there where one is asked for. */
export function isAtRest(
  { ledger, completion, startedAt }: Omit<Resting, "drop" | "signal">,
  listing: Listing,
  { path }: DropEntry,
): boolean {
  const known = ledger.get(path);
  if (!known || isUnfinishedName(path)) return false;
  if (completion.marker && !listing.entries.some((entry) => entry.path === `${path}.done`)) return false;
  const seenForMs = Math.max(Date.parse(known.listed), startedAt.getTime()) - Date.parse(known.since);
  return known.state !== "seen" || seenForMs >= completion.stableForSeconds * 1000;
}

/** Notes what was seen, and returns how long it takes until the youngest of it has been seen long enough. */
function observe({ ledger, completion }: Resting, { entries }: Listing, nowMs: number): number {
  const now = new Date(nowMs).toISOString();
  const stableForMs = completion.stableForSeconds * 1000;
  let waitMs = 0;
  for (const { path, size, mtimeMs } of entries) {
    const known = ledger.get(path);
    if (known && known.size === size && known.mtimeMs === mtimeMs && known.state !== "awaited") {
      known.listed = now;
      if (known.state === "seen") waitMs = Math.max(waitMs, Date.parse(known.since) + stableForMs - nowMs);
      continue;
    }
    ledger.set(path, { ...known, path, state: "seen", size, mtimeMs, since: now, listed: now });
    waitMs = Math.max(waitMs, stableForMs);
  }
  return waitMs;
}
