import type { Logger } from "../connector.ts";
import { isHansardError, SettingsError } from "../errors.ts";
import type { Destination, Outcome } from "./destination.ts";
import type { Journal, OpenDelivery, OpenIntent, Settlement } from "./journal.ts";
import type { Preparation, PreparedMessage } from "./prepare.ts";
import { atRest, inChunks, inLanes, lanesOf, type Rest } from "./submit-lanes.ts";
import { absentOf, lookUp, type LookUp, messageOf } from "./submit-look-up.ts";
import { type Deferred, Settlements, type SubmitResult } from "./submit-settlements.ts";
import { Redirects, type StoredBefore } from "./submit-redirects.ts";
import { settlementOf, type Underway, underwayOf, underwayOfAll } from "./submit-underway.ts";

/** Delivery to a destination cannot go on; `cause` says why. What is open stays open. */
export class DeliveryStopped extends Error {}

/** Why delivery to a destination cannot go on. What concerns more than that, such as a journal that cannot write, is thrown on. */
export function stopOf(error: unknown): unknown {
  if (error instanceof DeliveryStopped) return error.cause;
  if (isHansardError(error)) return error;
  throw error;
}

export interface SubmitOptions {
  preparation: Preparation;
  destination: Destination;
  journal: Journal;
  log: Logger;
  signal: AbortSignal;
  clock?: () => Date;
  onProgress?: (progress: { messages: number; copies: number }) => void;
}

/** What of an intent is to be submitted. */
interface Load {
  fresh: Underway[];
  /** What may have been stored already, last submitted at `submittedAt`: it is looked for before it is written. */
  doubtful?: Underway[];
  submittedAt?: number;
}

/** The outcomes of a chunk, sorted by what is to be done next. */
interface Sorted {
  settlements: Settlement[];
  /** To be submitted elsewhere, unless an earlier run has done so. */
  redirected: Underway[];
  uncertain: Underway[];
  misconfigured: Underway[];
  stop?: Error;
}

/** Hands deliveries to the destination within its limits, and settles what became of them. */
export class Submitter {
  readonly #options: SubmitOptions;
  readonly #result: SubmitResult;
  readonly #settlements: Settlements;
  readonly #lookUp: LookUp;
  readonly #redirects: Redirects;

  constructor(options: SubmitOptions, result: SubmitResult) {
    const { preparation, destination, journal, log, signal } = options;
    const now = (): Date => this.#now();
    this.#options = options;
    this.#result = result;
    this.#settlements = new Settlements(journal, result, now);
    this.#redirects = new Redirects(preparation.policy.thirdPartyMailbox, log);
    this.#lookUp = {
      destination,
      settlements: this.#settlements,
      log,
      signal,
      now,
      onFound: (item, receipt) => this.#redirects.settled(item, { status: "accepted", receipt }),
    };
  }

  /** Submits all deliveries of a fresh intent. What may have been stored before it is looked for before it is written. */
  async submit(intent: number, messages: PreparedMessage[], before: StoredBefore = "nothing"): Promise<void> {
    this.#settlements.begin((message, target) => messages[message]?.intended.targets[target]);
    const all = underwayOfAll(intent, messages);
    const mayBeThere = before === "anywhere" && this.#options.destination.guarantee === "at-least-once";
    await this.#run(intent, mayBeThere ? { fresh: [], doubtful: all, submittedAt: 0 } : { fresh: all }, before);
    this.#result.messages += messages.length;
    this.#options.onProgress?.(this.#result);
  }

  /** Finishes what an earlier run left open. What may have been stored already is looked for before it is written. */
  async resume(intent: OpenIntent, messages: (PreparedMessage | undefined)[], open: OpenDelivery[]): Promise<void> {
    const targetOf = (message: number, target: number) => intent.messages[message]?.targets[target];
    this.#settlements.begin(targetOf);
    const fresh: Underway[] = [];
    const uncertain: Underway[] = [];
    const lost: Settlement[] = [];
    for (const { id, message, target, submittedAt, attempts } of open) {
      const prepared = messages[message];
      const to = targetOf(message, target);
      if (!prepared || !to) {
        const reason = "The message cannot be made again as it was intended, since its mapping changed.";
        const remedy = 'Run "hansard quarantine retry".';
        lost.push({ message, target, result: { status: "quarantined", reason, remedy } });
      } else {
        const item = underwayOf(id, prepared, { message, target }, to, attempts);
        // Since it was tried, a copy for somebody else may have been parked where it goes.
        const mayBeParked = attempts > 0 && this.#redirects.isParking(to);
        (submittedAt === undefined && !mayBeParked ? fresh : uncertain).push(item);
      }
    }
    await this.#settlements.settle(intent.id, lost);
    if (this.#options.destination.guarantee === "exactly-once")
      return this.#run(intent.id, { fresh: [...fresh, ...uncertain] }, "parked");
    const submittedAt = Math.max(0, ...open.map((delivery) => delivery.submittedAt ?? 0));
    await this.#run(intent.id, { fresh, doubtful: uncertain, submittedAt }, "parked");
  }

  /** What the next intent may settle with itself. Whoever takes it writes it. */
  takeDeferred(): Deferred | undefined {
    return this.#settlements.takeDeferred();
  }

  /** Settles what no further intent has taken. */
  settleDeferred(): Promise<void> {
    return this.#settlements.settleDeferred();
  }

  async #run(intent: number, load: Load, before: StoredBefore): Promise<void> {
    this.#redirects.begin(before, [...load.fresh, ...(load.doubtful ?? [])]);
    try {
      await this.#submitAll(intent, load);
    } catch (error) {
      const { first, others } = this.#redirects.take();
      this.#settlements.leaveOpen(first.length + others.length, messageOf(error));
      throw error;
    }
    const { first, others } = this.#redirects.take();
    await this.#submitAll(intent, { fresh: first });
    const now = this.#now();
    await this.#settlements.settle(
      intent,
      others.map((item) => this.#redirects.served(item, now)),
    );
  }

  async #submitAll(intent: number, { fresh, doubtful = [], submittedAt = 0 }: Load): Promise<void> {
    const { limits } = this.#options.destination;
    if (limits.mailboxConcurrency === undefined) {
      const absent = await lookUp(intent, doubtful, submittedAt, this.#lookUp);
      for (const chunk of inChunks([...fresh, ...absent], limits))
        await this.#submitChunk(intent, chunk, submittedAt, atRest);
      return;
    }
    await inLanes(
      lanesOf(fresh, doubtful, limits),
      limits.concurrency,
      limits.mailboxConcurrency,
      async ({ items, isDoubtful }, rest) => {
        const absent = isDoubtful ? await lookUp(intent, items, submittedAt, this.#lookUp, rest) : items;
        if (absent.length > 0) await this.#submitChunk(intent, absent, submittedAt, rest);
      },
    );
  }

  /** An earlier run may have parked at `before` what this chunk is to park. */
  async #submitChunk(intent: number, chunk: Underway[], before: number, rest: Rest): Promise<void> {
    const { destination, journal, signal } = this.#options;
    if (signal.aborted) return;
    if (destination.guarantee === "at-least-once") await journal.submitted(intent, chunk, this.#now());
    const outcomes = await this.#ask(chunk);
    // From here on, since a destination may have waited out a pause of its server's before it wrote.
    const submittedAt = this.#now().getTime();
    const { settlements, redirected, uncertain, misconfigured, stop } = this.#sorted(chunk, outcomes);
    const isDone = redirected.length + uncertain.length === 0 && !stop;
    if (isDone && destination.guarantee === "exactly-once") await this.#settlements.defer(intent, settlements);
    else await this.#settlements.settle(intent, settlements);
    if (stop) {
      // What a wrong set-up stopped may have been stored all the same: it stays submitted, so that the next run looks first.
      const open = destination.guarantee === "at-least-once" ? misconfigured.splice(0) : [];
      this.#settlements.leaveOpen(uncertain.length + open.length, stop.message);
      await this.#postpone(intent, [...redirected, ...misconfigured], stop.message);
      throw new DeliveryStopped(stop.message, { cause: stop });
    }
    const again = await absentOf(intent, uncertain, submittedAt, this.#lookUp, rest);
    this.#redirects.wait(await lookUp(intent, redirected, before, this.#lookUp, rest));
    for (const next of inChunks(again, destination.limits)) await this.#submitChunk(intent, next, before, rest);
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

  #sorted(chunk: Underway[], outcomes: Outcome[]): Sorted {
    const sorted: Sorted = { settlements: [], redirected: [], uncertain: [], misconfigured: [] };
    const now = this.#now();
    for (const [index, item] of chunk.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined || outcome.status === "unknown") sorted.uncertain.push(item);
      else if ((outcome.status === "no-mailbox" || outcome.status === "no-hold") && item.redirected === undefined) {
        const redirected = this.#redirects.of(item, outcome);
        // Whether it, or another delivery of its message, was redirected before, the journal does not know.
        if (this.#redirects.mayBeParked || item.attempts > 0) sorted.redirected.push(redirected);
        else this.#redirects.wait([redirected]);
      } else if (outcome.status === "misconfigured") {
        sorted.stop ??= new SettingsError(outcome.reason, { remedy: outcome.remedy });
        sorted.misconfigured.push(item);
      } else {
        this.#redirects.settled(item, outcome);
        sorted.settlements.push(settlementOf(item, outcome, now));
      }
    }
    return sorted;
  }

  async #postpone(intent: number, items: Underway[], reason: string): Promise<void> {
    const retryAt = this.#now().getTime();
    await this.#settlements.settle(
      intent,
      items.map(({ message, target }) => ({ message, target, result: { status: "retry", reason, retryAt } })),
    );
  }

  #now(): Date {
    return this.#options.clock?.() ?? new Date();
  }
}
