import { setTimeout as sleep } from "node:timers/promises";
import { Window } from "@hansard/core/ingestion";
import { ExchangeFailure } from "./failure.ts";
import type { Settings } from "./settings.ts";

const STEADY_AFTER = 50;
const LOOK_AGAIN_MS = 20;

/** What a request takes of its mailbox's allowance. */
export interface Load {
  /** The mailbox, or the account where all its requests are counted together. */
  charged: string;
  bytes: number;
}

/**
 * Keeps requests within what the service bears: so many at once, fewer after it complained, none for a mailbox that
 * it asked to be left alone, and no more for each than its allowance.
 */
export class Throttle {
  readonly #settings: Pick<Settings, "connections" | "pace" | "patienceMs">;
  #allowed: number;
  #running = 0;
  #good = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #pausedUntil = new Map<string, number>();
  readonly #allowances = new Map<string, { requests: Window; bytes: Window }>();

  constructor(settings: Pick<Settings, "connections" | "pace" | "patienceMs">) {
    this.#settings = settings;
    this.#allowed = settings.connections;
  }

  get allowed(): number {
    return this.#allowed;
  }

  /** Does the work when it is its turn. Rejects with the signal's reason where the run ends before, and with an ExchangeFailure where the turn is too far off. */
  async run<Result>(load: Load, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    const end = await this.#enter(load, signal);
    try {
      while (this.#running >= this.#allowed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#running += 1;
      try {
        signal.throwIfAborted();
        return await work();
      } finally {
        this.#running -= 1;
        this.#waiting.shift()?.();
      }
    } finally {
      end();
    }
  }

  pause(charged: string, ms: number): void {
    this.#pausedUntil.set(charged, Math.max(this.#pausedUntil.get(charged) ?? 0, Date.now() + ms));
  }

  /** Half as many at once. */
  slowDown(): void {
    this.#allowed = Math.max(1, Math.floor(this.#allowed / 2));
    this.#good = 0;
  }

  /** After many that went well, one more at once. */
  succeeded(): void {
    this.#good += 1;
    if (this.#good < STEADY_AFTER || this.#allowed >= this.#settings.connections) return;
    this.#good = 0;
    this.#allowed += 1;
    this.#waiting.shift()?.();
  }

  /** Waits for the mailbox's pause and allowance, and takes its part of it. Gives what ends that. */
  async #enter({ charged, bytes }: Load, signal: AbortSignal): Promise<() => void> {
    const { requests, bytes: written } = this.#allowanceOf(charged);
    for (;;) {
      const now = Date.now();
      const allowedInMs = Math.max(requests.waitMs(1, now), written.waitMs(bytes, now));
      const waitMs = Math.max(allowedInMs, (this.#pausedUntil.get(charged) ?? 0) - now);
      if (waitMs <= 0) break;
      if (Number.isFinite(allowedInMs) && allowedInMs > this.#settings.patienceMs)
        throw new ExchangeFailure("retry", "The mailbox's allowance (`pace`) is used up.", {
          code: "pace",
          backOffMs: allowedInMs,
        });
      await sleep(Number.isFinite(waitMs) ? waitMs : LOOK_AGAIN_MS, undefined, { signal });
    }
    requests.begin(1);
    written.begin(bytes);
    return () => {
      const now = Date.now();
      requests.end(1, now);
      written.end(bytes, now);
    };
  }

  #allowanceOf(charged: string): { requests: Window; bytes: Window } {
    let allowance = this.#allowances.get(charged);
    if (!allowance) {
      const { requests = Infinity, bytes = Infinity, windowMs = 0 } = this.#settings.pace ?? {};
      allowance = { requests: new Window(requests, windowMs), bytes: new Window(bytes, windowMs) };
      this.#allowances.set(charged, allowance);
    }
    return allowance;
  }
}
