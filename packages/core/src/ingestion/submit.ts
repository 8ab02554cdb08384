import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "../connector.ts";
import { isHansardError, SettingsError } from "../errors.ts";
import type { Delivery, Destination, Outcome } from "./destination.ts";
import type { IntendedTarget, Journal, OpenDelivery, OpenIntent, Settlement } from "./journal.ts";
import type { Preparation, PreparedMessage } from "./prepare.ts";

/** Delivery to a destination cannot go on; `cause` says why. What is open stays open. */
export class DeliveryStopped extends Error {}

export interface SubmitOptions {
  preparation: Preparation;
  destination: Destination;
  journal: Journal;
  log: Logger;
  signal: AbortSignal;
  clock?: () => Date;
  onProgress?: (progress: { messages: number; copies: number }) => void;
}

interface Underway {
  message: number;
  target: number;
  /** Where it goes now, which is no longer the intended target once there proved to be no such mailbox. */
  to: IntendedTarget;
  redirected?: string;
  delivery: Delivery;
  attempts: number;
}

/** Ambiguous answers in a row after which a delivery waits for a later time. */
const AMBIGUOUS_AT_MOST = 3;
const RETRY_FIRST_MS = 30_000;
const RETRY_LONGEST_MS = 60 * 60_000;

/** Hands deliveries to the destination within its limits, and settles what became of them. */
export class Submitter {
  readonly #options: SubmitOptions;
  readonly #result: { messages: number; copies: number; quarantined: number; postponed: number };
  #deferred: { intent: number; settlements: Settlement[] } | undefined;

  constructor(
    options: SubmitOptions,
    result: { messages: number; copies: number; quarantined: number; postponed: number },
  ) {
    this.#options = options;
    this.#result = result;
  }

  /** Submits all deliveries of a fresh intent. */
  async submit(intent: number, messages: PreparedMessage[]): Promise<void> {
    const underway: Underway[] = [];
    messages.forEach((prepared, message) =>
      prepared.intended.targets.forEach((to, target) =>
        underway.push(this.#underway(intent, prepared, message, target, to, 0)),
      ),
    );
    await this.#run(intent, underway);
    this.#result.messages += messages.length;
    this.#options.onProgress?.(this.#result);
  }

  /** Finishes what an earlier run left open. What may have been stored already is looked for before it is written. */
  async resume(intent: OpenIntent, messages: (PreparedMessage | undefined)[], open: OpenDelivery[]): Promise<void> {
    const fresh: Underway[] = [];
    const uncertain: Underway[] = [];
    const lost: Settlement[] = [];
    for (const { message, target, submittedAt, attempts } of open) {
      const prepared = messages[message];
      const to = intent.messages[message]?.targets[target];
      if (!prepared || !to) {
        lost.push({
          message,
          target,
          result: {
            status: "quarantined",
            reason: "The message cannot be made again as it was intended, since its mapping changed.",
            remedy: 'Run "hansard quarantine retry".',
          },
        });
      } else {
        (submittedAt === undefined ? fresh : uncertain).push(
          this.#underway(intent.id, prepared, message, target, to, attempts),
        );
      }
    }
    if (lost.length > 0) await this.#settle(intent.id, lost);
    if (this.#options.destination.guarantee === "exactly-once") return this.#run(intent.id, [...fresh, ...uncertain]);
    const lastSubmitted = Math.max(0, ...open.map(({ submittedAt }) => submittedAt ?? 0));
    await this.#run(intent.id, [...fresh, ...(await this.#lookUp(intent.id, uncertain, lastSubmitted))]);
  }

  async #run(intent: number, underway: Underway[]): Promise<void> {
    const { destination } = this.#options;
    const { concurrency, mailboxConcurrency } = destination.limits;
    if (mailboxConcurrency === undefined) {
      for (const chunk of this.#chunks(underway)) await this.#submitChunk(intent, chunk);
      return;
    }
    const lanes = Map.groupBy(underway, ({ delivery }) => delivery.mailbox);
    await inLanes(
      [...lanes.values()].map((lane) => this.#chunks(lane)),
      concurrency,
      mailboxConcurrency,
      (chunk) => this.#submitChunk(intent, chunk),
    );
  }

  async #submitChunk(intent: number, chunk: Underway[]): Promise<void> {
    const { destination, journal, signal } = this.#options;
    if (signal.aborted) return;
    if (destination.guarantee === "at-least-once") await journal.submitted(intent, chunk, this.#now());
    const outcomes = await this.#ask(chunk);
    // From here on, since a destination may have waited out a pause of its server's before it wrote.
    const submittedAt = this.#now().getTime();
    const settlements: Settlement[] = [];
    const again: Underway[] = [];
    const uncertain: Underway[] = [];
    let stop: Error | undefined;
    chunk.forEach((item, index) => {
      const outcome = outcomes[index] ?? {
        status: "unknown",
        reason: "The destination did not say what became of it.",
      };
      if (outcome.status === "unknown") uncertain.push(item);
      else if (outcome.status === "no-mailbox" && item.redirected === undefined)
        again.push(this.#redirect(item, outcome.reason));
      else if (outcome.status === "misconfigured")
        stop ??= new SettingsError(outcome.reason, { remedy: outcome.remedy });
      else settlements.push({ message: item.message, target: item.target, result: this.#resultOf(item, outcome) });
    });
    const isDone = again.length === 0 && uncertain.length === 0 && !stop;
    if (isDone && destination.guarantee === "exactly-once") await this.#defer(intent, settlements);
    else if (settlements.length > 0) await this.#settle(intent, settlements);
    if (stop) {
      await this.#postpone(
        intent,
        [...again, ...uncertain, ...chunk.filter((_, index) => outcomes[index]?.status === "misconfigured")],
        stop.message,
      );
      throw new DeliveryStopped(stop.message, { cause: stop });
    }
    if (uncertain.length > 0) again.push(...(await this.#absent(intent, uncertain, submittedAt)));
    for (const next of this.#chunks(again)) await this.#submitChunk(intent, next);
  }

  async #ask(chunk: Underway[]): Promise<Outcome[]> {
    const { destination, signal } = this.#options;
    try {
      return await destination.submit(
        chunk.map(({ delivery }) => delivery),
        { signal },
      );
    } catch (error) {
      if (!isHansardError(error)) throw error;
      const { message, kind, remedy = "Look at the destination's log." } = error;
      if (kind === "authentication" || kind === "settings")
        return chunk.map(() => ({ status: "misconfigured", reason: message, remedy }));
      if (kind === "rate-limited" && "retryAt" in error && error.retryAt instanceof Date)
        return chunk.map(() => ({ status: "retry", reason: message, retryAt: error.retryAt as Date }));
      return chunk.map(() =>
        destination.guarantee === "exactly-once"
          ? { status: "retry", reason: message }
          : { status: "unknown", reason: message },
      );
    }
  }

  /** What is surely absent after an ambiguous answer, to be written again: at once a few times, later after that. */
  async #absent(intent: number, uncertain: Underway[], submittedAt: number): Promise<Underway[]> {
    const absent = (await this.#lookUp(intent, uncertain, submittedAt)).map((item) => ({
      ...item,
      attempts: item.attempts + 1,
    }));
    const tired = absent.filter(({ attempts }) => attempts % AMBIGUOUS_AT_MOST === 0);
    const reason = "The destination gave no clear answer several times.";
    const settlements = tired.map((item): Settlement => ({
      message: item.message,
      target: item.target,
      result: this.#resultOf(item, { status: "retry", reason }),
    }));
    if (settlements.length > 0) await this.#settle(intent, settlements);
    return absent.filter((item) => !tired.includes(item));
  }

  /**
   * After an ambiguous answer the destination may still be writing: looking at once finds nothing and duplicates. So its
   * own commit time is waited out first. Gives back what is surely absent; what is found is settled.
   */
  async #lookUp(intent: number, uncertain: Underway[], submittedAt: number): Promise<Underway[]> {
    if (uncertain.length === 0) return [];
    const { destination, signal } = this.#options;
    const waitMs = submittedAt + destination.settleMs - this.#now().getTime();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return [];
    const receipts = await destination.find(
      uncertain.map(({ delivery }) => delivery),
      { signal },
    );
    const settlements = uncertain.flatMap((item, index): Settlement[] => {
      const receipt = receipts[index];
      return receipt
        ? [
            {
              message: item.message,
              target: item.target,
              result: this.#resultOf(item, { status: "accepted", receipt }),
            },
          ]
        : [];
    });
    if (settlements.length > 0) await this.#settle(intent, settlements);
    return uncertain.filter((_, index) => receipts[index] === undefined);
  }

  #resultOf(item: Underway, outcome: Exclude<Outcome, { status: "unknown" | "misconfigured" }>): Settlement["result"] {
    if (outcome.status === "accepted") {
      const { receipt } = outcome;
      return item.redirected === undefined
        ? { status: "delivered", receipt }
        : { status: "redirected", to: item.to, receipt, reason: item.redirected };
    }
    if (outcome.status === "retry") {
      const delayMs = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** item.attempts);
      return {
        status: "retry",
        reason: outcome.reason,
        retryAt: outcome.retryAt?.getTime() ?? this.#now().getTime() + delayMs,
      };
    }
    const remedy =
      outcome.status === "refused"
        ? outcome.remedy
        : "Create the third-party data mailbox, or name another in the configuration.";
    return { status: "quarantined", reason: outcome.reason, ...(remedy === undefined ? {} : { remedy }) };
  }

  #redirect(item: Underway, reason: string): Underway {
    const { thirdPartyMailbox } = this.#options.preparation.policy;
    const to: IntendedTarget = { mailbox: thirdPartyMailbox, folder: { kind: "inbox" }, rule: "no such mailbox" };
    return { ...item, to, redirected: reason, delivery: { ...item.delivery, mailbox: to.mailbox, folder: to.folder } };
  }

  async #postpone(intent: number, items: Underway[], reason: string): Promise<void> {
    const retryAt = this.#now().getTime();
    if (items.length > 0)
      await this.#settle(
        intent,
        items.map(({ message, target }) => ({ message, target, result: { status: "retry", reason, retryAt } })),
      );
  }

  /** What the next intent may settle with itself. Whoever takes it writes it. */
  takeDeferred(): { intent: number; settlements: Settlement[] } | undefined {
    const deferred = this.#deferred;
    this.#deferred = undefined;
    return deferred;
  }

  /** Settles what no further intent has taken. */
  async settleDeferred(): Promise<void> {
    const deferred = this.takeDeferred();
    if (deferred) await this.#options.journal.settle(deferred.intent, deferred.settlements, this.#now());
  }

  /**
   * An exactly-once destination recognises what it has, so its receipts need no transaction of their own: the next
   * intent's will do. A crash in between has it submitted again and answered with the same receipts.
   */
  async #defer(intent: number, settlements: Settlement[]): Promise<void> {
    if (this.#deferred && this.#deferred.intent !== intent) await this.settleDeferred();
    this.#deferred = { intent, settlements: [...(this.#deferred?.settlements ?? []), ...settlements] };
    this.#countResults(settlements);
  }

  async #settle(intent: number, settlements: Settlement[]): Promise<void> {
    await this.settleDeferred();
    await this.#options.journal.settle(intent, settlements, this.#now());
    this.#countResults(settlements);
  }

  #countResults(settlements: Settlement[]): void {
    for (const { result } of settlements) {
      if (result.status === "retry") this.#result.postponed += 1;
      else if (result.status === "quarantined") this.#result.quarantined += 1;
      else this.#result.copies += 1;
    }
  }

  #underway(
    intent: number,
    { message, mail }: PreparedMessage,
    index: number,
    target: number,
    to: IntendedTarget,
    attempts: number,
  ): Underway {
    const delivery = { id: `${intent}.${index}.${target}`, message, mail, mailbox: to.mailbox, folder: to.folder };
    return { message: index, target, to, delivery, attempts };
  }

  #chunks(items: Underway[]): Underway[][] {
    const { batchDeliveries, batchBytes } = this.#options.destination.limits;
    const chunks: Underway[][] = [];
    let [chunk, bytes]: [Underway[], number] = [[], 0];
    for (const item of items) {
      if (chunk.length > 0 && (chunk.length >= batchDeliveries || bytes + item.delivery.mail.size > batchBytes)) {
        chunks.push(chunk);
        [chunk, bytes] = [[], 0];
      }
      chunk.push(item);
      bytes += item.delivery.mail.size;
    }
    if (chunk.length > 0) chunks.push(chunk);
    return chunks;
  }

  #now(): Date {
    return this.#options.clock?.() ?? new Date();
  }
}

/** Works through lanes fairly, one chunk of each in turn, within the limits of all and of each. */
async function inLanes<Chunk>(
  lanes: Chunk[][],
  concurrency: number,
  perLane: number,
  work: (chunk: Chunk) => Promise<void>,
): Promise<void> {
  const waiting = lanes.map((chunks) => ({ chunks, running: 0 }));
  let failure: { error: unknown } | undefined;
  async function worker(): Promise<void> {
    while (!failure) {
      const lane = waiting.find(({ chunks, running }) => chunks.length > 0 && running < perLane);
      if (!lane) return;
      waiting.push(...waiting.splice(waiting.indexOf(lane), 1));
      const chunk = lane.chunks.shift();
      if (!chunk) continue;
      lane.running += 1;
      try {
        await work(chunk);
      } catch (error) {
        failure ??= { error };
      }
      lane.running -= 1;
    }
  }
  // A worker ends when all lanes are full; those that go on take up what is left.
  await Promise.all(Array.from({ length: concurrency }, worker));
  if (failure) throw failure.error;
}
