import type { Logger } from "../connector.ts";
import { isHansardError } from "../errors.ts";
import type { Destination, Receipt } from "./destination.ts";
import { atRest, inLanes, type Rest } from "./submit-lanes.ts";
import type { Settlements } from "./submit-settlements.ts";
import { settlementOf, type Underway } from "./submit-underway.ts";

/** Ambiguous answers in a row after which a delivery waits for a later time. */
const AMBIGUOUS_AT_MOST = 3;

/** What looking deliveries up needs. */
export interface LookUp {
  destination: Destination;
  settlements: Settlements;
  log: Logger;
  signal: AbortSignal;
  now: () => Date;
  onFound: (item: Underway, receipt: Receipt) => void;
}

/**
 * After an ambiguous answer the destination may still be writing: looking at once finds nothing and duplicates. So its
 * own commit time is waited out first. Gives back what is surely absent; what is found is settled, and where the
 * destination cannot say, the deliveries to that mailbox stay open.
 */
export async function lookUp(
  intent: number,
  uncertain: Underway[],
  submittedAt: number,
  work: LookUp,
  rest: Rest = atRest,
): Promise<Underway[]> {
  const { destination, settlements, signal, now, onFound } = work;
  if (uncertain.length === 0) return [];
  const waitMs = submittedAt + destination.settleMs - now().getTime();
  if (waitMs > 0) await rest(waitMs, signal);
  if (signal.aborted) return [];
  const { concurrency, mailboxConcurrency } = destination.limits;
  const groups =
    mailboxConcurrency === undefined
      ? [uncertain]
      : [...Map.groupBy(uncertain, ({ delivery }) => delivery.mailbox).values()];
  const absent: Underway[] = [];
  await inLanes(
    groups.map((group) => [group]),
    concurrency,
    1,
    async (group) => {
      const receipts = await receiptsOf(group, work);
      const found = group.flatMap((item, index) => {
        const receipt = receipts?.[index];
        if (!receipt) return [];
        onFound(item, receipt);
        return [settlementOf(item, { status: "accepted", receipt }, now())];
      });
      await settlements.settle(intent, found);
      if (receipts) absent.push(...group.filter((_, index) => receipts[index] === undefined));
    },
  );
  return absent;
}

/** Undefined where the destination cannot say now, whyever. A sign-in or a setting that is wrong is nothing that passes. */
async function receiptsOf(
  group: Underway[],
  { destination, settlements, log, signal }: LookUp,
): Promise<(Receipt | undefined)[] | undefined> {
  try {
    return await destination.find(
      group.map(({ delivery }) => delivery),
      { signal },
    );
  } catch (error) {
    // The run is ending: whatever the search was interrupted with, the next run looks again.
    if (signal.aborted) {
      settlements.leaveOpen(group.length, "The run ended before it was seen whether the message had arrived.");
      return undefined;
    }
    if (isHansardError(error, "authentication") || isHansardError(error, "settings")) throw error;
    const reason = messageOf(error);
    settlements.leaveOpen(group.length, reason);
    log.warn("It cannot be said what became of deliveries; they are looked for again in the next run.", {
      deliveries: group.length,
      reason,
    });
    return undefined;
  }
}

/** What is surely absent after an ambiguous answer, to be written again: at once a few times, later after that. */
export async function absentOf(
  intent: number,
  uncertain: Underway[],
  submittedAt: number,
  work: LookUp,
  rest: Rest,
): Promise<Underway[]> {
  const absent = (await lookUp(intent, uncertain, submittedAt, work, rest)).map((item) => ({
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

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
