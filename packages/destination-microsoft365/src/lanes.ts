import { setTimeout as sleep } from "node:timers/promises";
import { Window } from "@hansard/core/ingestion";
import type { Pace } from "./settings.ts";

/** What one call takes of its mailbox's allowance. */
export interface Load {
  /** Requests that Graph counts: more than one for a batch. */
  requests: number;
  /** Bytes that are written. */
  bytes: number;
  /** Requests that run at once. */
  slots: number;
}

/** The mailbox's turn does not come soon enough; `waitMs` says when to come back. */
export class LaneBusy extends Error {
  readonly waitMs: number;

  constructor(waitMs: number) {
    super("The mailbox's allowance is used up.");
    this.waitMs = waitMs;
  }
}

const RAISE_AFTER = 20;
/** Promises are a little longer than what they take, since answers take time and delays would otherwise add up. */
const SLACK = 1.02;

/** Keeps to Microsoft's limits for one application and one mailbox, and to what the mailbox itself asks for. */
export class Lane {
  readonly #pace: Pace;
  readonly #requests: Window;
  readonly #bytes: Window;
  /** Tells whoever is first in the line that somebody has left. */
  #wake: () => void = () => undefined;
  #slots: number;
  #underWay = 0;
  #restUntil = 0;
  /** Whether the last that was heard was a refusal. */
  #isRefused = false;
  #successes = 0;
  #turn: Promise<unknown> = Promise.resolve();
  /** Up to when the allowance is promised to those who were put off. */
  #promisedUntil = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
    this.#slots = pace.concurrency;
    this.#requests = new Window(pace.requests, pace.requestsWindowMs);
    this.#bytes = new Window(pace.uploadBytes, pace.uploadWindowMs);
  }

  /** Waits for a turn, first come, first served, and gives what ends it. Rejects with LaneBusy where that takes too long. */
  async enter(load: Load, patienceMs: number, signal: AbortSignal): Promise<() => void> {
    const before = this.#turn;
    let pass = (): void => undefined;
    this.#turn = new Promise<void>((resolve) => (pass = resolve));
    await before;
    try {
      await this.#wait(load, patienceMs, signal);
      return this.#begin(load);
    } finally {
      pass();
    }
  }

  /**
   * Graph asked for patience: all of the mailbox rests. Fewer go at once when it asks again before anything succeeded: then
   * it was not the moment. What was under way when the rest began says nothing new.
   */
  throttled(waitMs: number): void {
    const now = Date.now();
    if (now >= this.#restUntil) {
      if (this.#isRefused) this.#slow();
      this.#isRefused = true;
    }
    this.#restUntil = Math.max(this.#restUntil, now + waitMs);
  }

  succeeded(): void {
    this.#isRefused = false;
    this.#successes += 1;
    if (this.#successes < RAISE_AFTER || this.#slots >= this.#pace.concurrency) return;
    this.#slots += 1;
    this.#successes = 0;
  }

  #slow(): void {
    this.#slots = Math.max(1, this.#slots - 1);
    this.#successes = 0;
  }

  async #wait(load: Load, patienceMs: number, signal: AbortSignal): Promise<void> {
    const until = Date.now() + patienceMs;
    for (;;) {
      signal.throwIfAborted();
      const now = Date.now();
      // Graph judges each request of a batch by itself: a batch needs the mailbox to itself when slots are few.
      const slots = Math.min(load.slots, this.#slots);
      const waitMs = Math.max(
        this.#restUntil - now,
        this.#requests.waitMs(load.requests, now),
        this.#bytes.waitMs(load.bytes, now),
      );
      if (waitMs <= 0 && this.#underWay + slots <= this.#slots) return;
      if (Number.isFinite(waitMs) && now + waitMs > until)
        throw new LaneBusy(this.#putOff(load, waitMs, patienceMs, now));
      if (waitMs > 0 && Number.isFinite(waitMs)) await sleep(Math.max(waitMs, 1), undefined, { signal });
      // Who is under way ends by itself, and the sooner when all is to end: a timer for each wait would cost more than the request.
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /**
   * Each who is put off is promised its share of the time to come, so that not all of them come back at once only to be put
   * off again. Those of about the same time come together. Who was merely somewhat early keeps the place.
   */
  #putOff(load: Load, waitMs: number, patienceMs: number, now: number): number {
    if (waitMs <= 2 * patienceMs) return waitMs;
    const { requests, requestsWindowMs, uploadBytes, uploadWindowMs } = this.#pace;
    const shareMs = Math.max(
      (load.requests / requests) * requestsWindowMs,
      (load.bytes / uploadBytes) * uploadWindowMs,
    );
    const promised = Math.max(this.#promisedUntil, now + waitMs);
    this.#promisedUntil = promised + shareMs * SLACK;
    const stepMs = Math.max(1, patienceMs);
    return Math.ceil(promised / stepMs) * stepMs - now;
  }

  #begin({ requests, bytes, slots }: Load): () => void {
    const taken = Math.min(slots, this.#slots);
    this.#underWay += taken;
    this.#requests.begin(requests);
    this.#bytes.begin(bytes);
    return () => {
      const now = Date.now();
      this.#underWay -= taken;
      this.#requests.end(requests, now);
      this.#bytes.end(bytes, now);
      this.#wake();
    };
  }
}

/** The lanes of all mailboxes. One that rests holds up no other. */
export class Lanes {
  readonly #pace: Pace;
  readonly #lanes = new Map<string, Lane>();

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  of(mailbox: string): Lane {
    let lane = this.#lanes.get(mailbox);
    if (lane === undefined) {
      lane = new Lane(this.#pace);
      this.#lanes.set(mailbox, lane);
    }
    return lane;
  }
}
