import { setTimeout as sleep } from "node:timers/promises";
import type { Connector, Logger } from "../connector.ts";
import type { Destination } from "./destination.ts";
import { takeGroups, waitInGroups } from "./group.ts";
import type { Intent, Journal, OpenIntent, TakenEvents } from "./journal.ts";
import { sourcesOf } from "./made-again.ts";
import {
  type MessageSource,
  type Preparation,
  type PreparedBatch,
  type PreparedMessage,
  prepareBatch,
  singleEvent,
} from "./prepare.ts";
import type { StoredBefore } from "./submit-redirects.ts";
import type { SubmitResult } from "./submit-settlements.ts";
import { stopOf, Submitter } from "./submit.ts";

/** One message for each event, or one transcript for each conversation and day. */
export type Grouping = "event" | "conversation-day";

export interface DeliverOptions {
  preparation: Preparation;
  /** The destination's key in the configuration. */
  destinationId: string;
  destination: Destination;
  journal: Journal;
  grouping: Grouping;
  /** Settles when the source has been read; until then, delivery goes on with what comes. Absent: it has been. */
  capturing?: Promise<unknown>;
  log: Logger;
  signal: AbortSignal;
  /** How many events are made into messages and handed over at once. */
  batchEvents?: number;
  clock?: () => Date;
  onProgress?: (progress: DeliverProgress) => void;
}

export interface DeliverProgress {
  messages: number;
  copies: number;
}

export interface DeliverResult extends SubmitResult {
  /** Why delivery to the destination stopped before its end, if it did. */
  stopped?: unknown;
}

const BATCH_EVENTS = 2_500;
const PATIENCE_MS = 500;
const LOOKS = 5;

/** Delivers to one destination what the journal holds of one source: first what a crash left open, then what is new. */
export async function deliver(options: DeliverOptions): Promise<DeliverResult> {
  return untilStopped(options, async (run) => {
    await run.finishOpen();
    await run.deliverNew();
    // Where the source was once grouped and no longer is, events may still wait.
    await run.deliverGroups();
  });
}

/** Delivers single events apart from the stream: those of a mended quarantine. */
export async function deliverAgain(options: DeliverOptions, sources: MessageSource[]): Promise<DeliverResult> {
  return untilStopped(options, (run) => run.deliver(sources, { purpose: "retry" }));
}

/** What stops delivery to a destination is part of the result. */
async function untilStopped(options: DeliverOptions, work: (run: DeliverRun) => Promise<void>): Promise<DeliverResult> {
  const run = new DeliverRun(options);
  try {
    await work(run);
    await run.end();
    return run.result;
  } catch (error) {
    let stopped = stopOf(error);
    await run.end().catch((another: unknown) => (stopped = stopOf(another)));
    return { ...run.result, stopped };
  }
}

class DeliverRun {
  readonly result: DeliverResult = { messages: 0, copies: 0, quarantined: 0, postponed: 0, parked: [] };
  readonly #options: DeliverOptions;
  readonly #submitter: Submitter;
  #submitting: Promise<void> | undefined;
  #isAllCaptured: boolean;

  constructor(options: DeliverOptions) {
    this.#options = options;
    this.#submitter = new Submitter(options, this.result);
    this.#isAllCaptured = options.capturing === undefined;
    // Whoever started the reading hears of its failure; here it only means that no more will come.
    options.capturing?.finally(() => (this.#isAllCaptured = true)).catch(() => undefined);
  }

  /** Waits for what is under way, and writes down what it left to be written. */
  async end(): Promise<void> {
    await this.#submitted();
    await this.#submitter.settleDeferred();
  }

  /** What is open was routed and written down before a crash or a postponement: it is made again and goes where it was going. */
  async finishOpen(): Promise<void> {
    const { journal, preparation, destinationId } = this.#options;
    const now = this.#now().getTime();
    for (const intent of await journal.openIntents(preparation.source, destinationId)) {
      const due = intent.deliveries.filter(({ retryAt }) => retryAt === undefined || retryAt <= now);
      if (due.length < intent.deliveries.length) await this.#leave(intent, now);
      if (due.length > 0) await this.#submitter.resume(intent, await this.#makeAgain(intent), due);
      if (this.#options.signal.aborted) return;
    }
  }

  /** What an earlier run put off, and why. */
  async #leave({ id, messages, deliveries }: OpenIntent, now: number): Promise<void> {
    const later = deliveries.filter(({ retryAt = 0 }) => retryAt > now);
    this.result.postponed += later.length;
    const [first] = later;
    if (first === undefined || this.result.postponedWhy !== undefined) return;
    const { messageId, events: [event = 0] = [] } = messages[first.message] ?? {};
    const traces = await this.#options.journal.trace(event);
    const last = traces.find((trace) => trace.intent === id && trace.message.messageId === messageId);
    const result = last?.results[first.target];
    if (result?.status === "retry") this.result.postponedWhy = result.reason;
  }

  async deliverNew(): Promise<void> {
    const { preparation, grouping, batchEvents = BATCH_EVENTS } = this.#options;
    for (;;) {
      const events = await this.#next(batchEvents);
      if (events.length === 0) break;
      if (grouping === "event")
        await this.deliver(singly(events, preparation.connector), { takenThrough: events.last });
      else this.result.quarantined += await waitInGroups(this.#options, events, this.#now());
    }
    await this.#submitted();
  }

  /**
   * The next events; none at the end. While the source is being read, what is no full batch waits for more: as long as
   * more comes, and not beyond some looks, so that what comes slowly is not late.
   */
  async #next(limit: number): Promise<TakenEvents> {
    const { journal, preparation, destinationId, signal, capturing } = this.#options;
    for (let looks = 1, before = 0; !signal.aborted; looks += 1) {
      const isAll = this.#isAllCaptured;
      const events = await journal.take(preparation.source, destinationId, limit);
      const isGrowing = events.length > before && looks < LOOKS;
      if (events.length === limit || isAll || (events.length > 0 && !isGrowing)) return events;
      before = events.length;
      await this.end();
      await Promise.race([capturing, sleep(PATIENCE_MS, undefined, { ref: false })]).catch(() => undefined);
    }
    return journal.take(preparation.source, destinationId, 0);
  }

  async deliverGroups(): Promise<void> {
    while (!this.#options.signal.aborted) {
      const groups = await takeGroups(this.#options, this.#now());
      if (groups.length === 0) break;
      await this.deliver(groups, { released: groups.flatMap(({ events }) => events) });
    }
    await this.#submitted();
  }

  /**
   * Prepares, writes the intent, and submits. Resolves while the last is under way, so that the next batch is prepared
   * meanwhile; its intent waits for it, since it takes the receipts along.
   */
  async deliver(
    sources: Iterable<MessageSource>,
    more: Pick<Intent, "takenThrough" | "released" | "purpose">,
  ): Promise<void> {
    const { journal, destination } = this.#options;
    const batch = await prepareBatch(sources, this.#options.preparation);
    await this.#submitted();
    this.result.quarantined += batch.quarantined.length;
    const id = await journal.intend(
      this.#intent(batch, more),
      destination.guarantee === "at-least-once",
      this.#now(),
      this.#submitter.takeDeferred(),
    );
    // What is tried again after a refusal may have reached some of its mailboxes.
    if (batch.messages.length > 0) this.#submit(id, batch.messages, more.purpose === "retry" ? "anywhere" : "nothing");
  }

  #submit(intent: number, messages: PreparedMessage[], before: StoredBefore): void {
    const submitting = this.#submitter.submit(intent, messages, before);
    this.#submitting = submitting;
    // Whoever waits for it next hears of a failure; until then it must not end the process.
    submitting.catch(() => undefined);
  }

  /** What was last handed over has arrived, or its failure is thrown. */
  async #submitted(): Promise<void> {
    const submitting = this.#submitting;
    this.#submitting = undefined;
    await submitting;
  }

  #intent(
    { messages, quarantined, unmapped }: PreparedBatch,
    more: Pick<Intent, "takenThrough" | "released" | "purpose">,
  ): Intent {
    const { preparation, destinationId } = this.#options;
    return {
      source: preparation.source,
      destination: destinationId,
      madeWith: { connector: preparation.connectorVersion, people: preparation.people.digest },
      messages: messages.map(({ intended }) => intended),
      quarantined,
      unmapped,
      ...more,
    };
  }

  /** The messages of an open intent, in its order; undefined where one cannot be made any more. */
  async #makeAgain(intent: OpenIntent): Promise<(PreparedMessage | undefined)[]> {
    const { journal, preparation } = this.#options;
    const made = new Map<string, PreparedMessage>();
    for (const intended of intent.messages) {
      if (intended.part !== undefined && intended.part > 1) continue;
      const sources = await sourcesOf(intended, { journal, connector: preparation.connector });
      const { messages } = await prepareBatch(sources, preparation, intended.targets);
      for (const message of messages) made.set(message.intended.messageId, message);
    }
    return intent.messages.map(({ messageId }) => made.get(messageId));
  }

  #now(): Date {
    return this.#options.clock?.() ?? new Date();
  }
}

/** Events as messages of their own, each made when it is come to. */
function* singly(events: TakenEvents, connector: Connector): Generator<MessageSource> {
  for (const event of events) yield singleEvent(event, connector);
}
