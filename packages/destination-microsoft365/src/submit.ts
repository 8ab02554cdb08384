import { isHansardError } from "@hansard/core";
import { type Delivery, type Outcome, type Receipt, outcomeOfSignIn } from "@hansard/core/ingestion";
import type { Cloud } from "./clouds.ts";
import { write, type Work, type Written } from "./deliver.ts";
import { GraphFailure, outcomeOf } from "./failure.ts";
import type { Ledger } from "./ledger.ts";
import { isKept, purgeStaged } from "./purge.ts";
import { differencesOf, isInSample } from "./read-back.ts";

export interface Submission extends Work {
  cloud: Cloud;
  ledger: Ledger;
  /** Whether the Purges of mailboxes were seen to keep something in this run. Who comes second waits for the answer. */
  keeping: Map<string, Promise<boolean>>;
}

const AT_ONCE = 4;

/** Delivers, and says of each what became of it, in their order. */
export async function submit(deliveries: Delivery[], work: Submission, signal: AbortSignal): Promise<Outcome[]> {
  const outcomes: (Outcome | undefined)[] = [];
  const staged: { index: number; delivery: Delivery; receipt: Receipt }[] = [];
  await eachOf(deliveries, async (delivery, index) => {
    const result = await writeOne(delivery, work, signal);
    if ("status" in result) outcomes[index] = result;
    else if ("staged" in result) staged.push({ index, delivery, receipt: result.staged });
    else outcomes[index] = await checked(delivery, result.receipt, work, signal);
  });
  for (const [mailbox, group] of Map.groupBy(staged, ({ delivery }) => delivery.mailbox)) {
    const results = await purgeStaged(
      mailbox,
      group.map(({ receipt }) => receipt),
      work,
      signal,
    );
    for (const [position, { index, delivery }] of group.entries()) {
      const result = results[position];
      if (result === undefined || result instanceof GraphFailure)
        outcomes[index] = result === undefined ? undefined : outcomeOf(result.failure);
      else outcomes[index] = await purged(delivery, result, work, signal);
    }
  }
  return deliveries.map(
    (_, index) => outcomes[index] ?? { status: "unknown", reason: "Nothing is known of this delivery." },
  );
}

async function writeOne(delivery: Delivery, work: Submission, signal: AbortSignal): Promise<Outcome | Written> {
  const refused = delivery.folder.kind === "purges" ? purgesRefusal(delivery.mailbox, work) : undefined;
  if (refused !== undefined) return refused;
  if (signal.aborted) return { status: "retry", reason: "The run ended before this message was sent." };
  try {
    return await write(delivery, work, signal);
  } catch (error) {
    if (error instanceof GraphFailure) return outcomeOf(error.failure);
    if (isHansardError(error)) return outcomeOfSignIn(error);
    // The journal's store could not give an attachment: it is this message's misfortune alone.
    return {
      status: "refused",
      reason: error instanceof Error ? error.message : String(error),
      remedy: "Verify the journal with `hansard verify`.",
    };
  }
}

/** Purges keeps only what a hold keeps: without proof of one nothing goes there. */
function purgesRefusal(mailbox: string, { cloud, holds }: Submission): Outcome | undefined {
  if (!cloud.hasPermanentDelete) {
    return {
      status: "misconfigured",
      reason:
        "Recoverable Items/Purges cannot be reached in this cloud: Graph's permanentDelete exists in the global one only.",
      remedy: "Set the destination's `folder` to a visible folder or to the inbox.",
    };
  }
  const doubt = holds.doubt(mailbox);
  return doubt && { status: "no-hold", ...doubt };
}

/** A share of what was stored is read back: Exchange may make something else of it than was sent. */
async function checked(delivery: Delivery, receipt: Receipt, work: Submission, signal: AbortSignal): Promise<Outcome> {
  const { settings, log } = work.context;
  if (!isInSample(delivery.message.id, settings.readBackShare)) return { status: "accepted", receipt };
  const differences = await differencesOf(delivery, receipt.itemId, work, signal).catch((error: unknown) => {
    log.warn("A message could not be read back.", { mailbox: delivery.mailbox, reason: String(error) });
    return [];
  });
  if (differences.length === 0) return { status: "accepted", receipt };
  const reason = `Exchange stored something else than was sent to ${delivery.mailbox}: ${differences.join(", ")}.`;
  return {
    status: "misconfigured",
    reason,
    remedy: "Run `hansard check` with `probeMailbox` set, and try another `messageFlags` or `classPrefix`.",
  };
}

/** The first into each mailbox, and a share of the others, is looked for in Purges. */
async function purged(delivery: Delivery, receipt: Receipt, work: Submission, signal: AbortSignal): Promise<Outcome> {
  const { mailbox, message } = delivery;
  const { keeping, holds, ledger, context } = work;
  const first = keeping.get(mailbox);
  const isSeen = first !== undefined && (await first);
  if (isSeen && !isInSample(message.id, context.settings.readBackShare)) return { status: "accepted", receipt };
  const kept = isKept(mailbox, receipt.itemId, work, signal).catch(() => true);
  if (!isSeen) keeping.set(mailbox, kept);
  if (await kept) {
    ledger.keep({ mailbox, itemId: receipt.itemId, at: Date.now() });
    return checked(delivery, receipt, work, signal);
  }
  return { status: "no-hold", ...holds.lost(mailbox) };
}

async function eachOf<Item>(items: Item[], work: (item: Item, index: number) => Promise<void>): Promise<void> {
  const waiting = items.entries();
  async function worker(): Promise<void> {
    for (const [index, item] of waiting) await work(item, index);
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
}
