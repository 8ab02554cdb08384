import { setTimeout as sleep } from "node:timers/promises";
import { deliver, type DeliverResult, ParkedCount } from "@hansard/core/ingestion";
import type { Installation, OpenSource } from "../installation.ts";
import { plural, type Progress } from "../output.ts";
import { explained, type Problem } from "../problem.ts";

/** Deliveries of sources to destinations, by their ids. */
export type Delivered = { id: string; delivery: Record<string, Problem<DeliverResult>> }[];

/** So long a run waits in all for mailboxes that have to rest; the next run takes up what is left. */
const WAIT_AT_MOST_MS = 15 * 60_000;
/** So many times in a row waiting may bring nothing: on a busy machine, another may have taken what was promised. */
const IN_VAIN_AT_MOST = 3;

/** Delivers what the journal has of a source and a destination has not; while it is `capturing`, what comes as well. */
export async function deliverSource(
  installation: Installation,
  source: OpenSource,
  id: string,
  signal: AbortSignal,
  progress: Progress,
  capturing?: Promise<unknown>,
): Promise<Problem<DeliverResult>> {
  const { journal, log } = installation;
  const open = await installation.destination(id);
  const { stopped, ...result } = await deliver({
    preparation: await installation.preparation(source, open),
    destinationId: id,
    destination: open.destination,
    journal,
    grouping: source.configuration.grouping,
    log,
    signal,
    ...(capturing && { capturing }),
    onProgress: ({ messages, copies }) =>
      progress.show(
        `${source.id} → ${id}: ${plural(messages, "message")} delivered, ${plural(copies, "copy", "copies")}`,
      ),
  });
  if (result.messages > 0) await open.destination.maintain?.();
  progress.end();
  return { ...result, stopped: stopped === undefined ? [] : [explained(stopped)] };
}

/** Goes on with what had to wait, such as for a mailbox whose allowance was used up, as long as waiting helps. */
export async function deliverWaiting(
  installation: Installation,
  sources: Delivered,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const until = Date.now() + WAIT_AT_MOST_MS;
  let waiting = sources.flatMap(({ id, delivery }) =>
    Object.entries(delivery).map(([destination, result]) => ({
      id,
      destination,
      last: result,
      result,
      delivery,
      // Of a destination that took nothing from the first, waiting expects nothing.
      inVain: result.copies > 0 ? 0 : IN_VAIN_AT_MOST,
    })),
  );
  while (!signal.aborted) {
    waiting = waiting.filter(
      ({ last, inVain }) => last.postponed > 0 && last.stopped.length === 0 && inVain < IN_VAIN_AT_MOST,
    );
    const dueAt = await earliestDue(installation, waiting);
    if (dueAt === undefined || dueAt > until) return;
    progress.show(`waiting for mailboxes that rest until ${new Date(dueAt).toLocaleTimeString()}`);
    await sleep(Math.max(0, dueAt - Date.now()), undefined, { signal }).catch(() => undefined);
    for (const one of waiting) {
      const source = await installation.source(one.id);
      one.last = await deliverSource(installation, source, one.destination, signal, progress);
      one.inVain = one.last.copies > 0 ? 0 : one.inVain + 1;
      one.result = one.delivery[one.destination] = sum(one.result, one.last);
    }
  }
}

async function earliestDue(
  { journal }: Installation,
  waiting: { id: string; destination: string }[],
): Promise<number | undefined> {
  const open = await Promise.all(waiting.map(({ id, destination }) => journal.openIntents(id, destination)));
  const times = open.flat().flatMap(({ deliveries }) => deliveries.flatMap(({ retryAt }) => retryAt ?? []));
  return times.reduce<number | undefined>(
    (least, time) => (least === undefined || time < least ? time : least),
    undefined,
  );
}

function sum(before: Problem<DeliverResult>, last: Problem<DeliverResult>): Problem<DeliverResult> {
  const parked = new ParkedCount();
  for (const one of [...before.parked, ...last.parked]) parked.add(one);
  return {
    messages: before.messages + last.messages,
    copies: before.copies + last.copies,
    quarantined: before.quarantined + last.quarantined,
    postponed: last.postponed,
    ...(last.postponedWhy !== undefined && { postponedWhy: last.postponedWhy }),
    parked: parked.copies,
    stopped: last.stopped,
  };
}
