import { setTimeout as sleep } from "node:timers/promises";
import type { Destination } from "./destination.ts";
import type { Settlements } from "./submit-settlements.ts";
import { settlementOf, type Underway } from "./submit-underway.ts";

/** Ambiguous answers in a row after which a delivery waits for a later time. */
const AMBIGUOUS_AT_MOST = 3;

/** What looking deliveries up needs. */
export interface LookUp {
  destination: Destination;
  settlements: Settlements;
  signal: AbortSignal;
  now: () => Date;
}

/**
 * After an ambiguous answer the destination may still be writing: looking at once finds nothing and duplicates. So its
 * own commit time is waited out first. Gives back what is surely absent; what is found is settled.
 */
export async function lookUp(
  intent: number,
  uncertain: Underway[],
  submittedAt: number,
  { destination, settlements, signal, now }: LookUp,
): Promise<Underway[]> {
  if (uncertain.length === 0) return [];
  const waitMs = submittedAt + destination.settleMs - now().getTime();
  if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  if (signal.aborted) return [];
  const receipts = await destination.find(
    uncertain.map(({ delivery }) => delivery),
    { signal },
  );
  const found = uncertain.flatMap((item, index) => {
    const receipt = receipts[index];
    return receipt ? [settlementOf(item, { status: "accepted", receipt }, now())] : [];
  });
  await settlements.settle(intent, found);
  return uncertain.filter((_, index) => receipts[index] === undefined);
}

/** What is surely absent after an ambiguous answer, to be written again: at once a few times, later after that. */
export async function absentOf(
  intent: number,
  uncertain: Underway[],
  submittedAt: number,
  work: LookUp,
): Promise<Underway[]> {
  const absent = (await lookUp(intent, uncertain, submittedAt, work)).map((item) => ({
    ...item,
    attempts: item.attempts + 1,
  }));
  const tired = absent.filter(({ attempts }) => attempts % AMBIGUOUS_AT_MOST === 0);
  const reason = "The destination gave no clear answer several times.";
  await work.settlements.settle(
    intent,
    tired.map((item) => settlementOf(item, { status: "retry", reason }, work.now())),
  );
  return absent.filter((item) => !tired.includes(item));
}
