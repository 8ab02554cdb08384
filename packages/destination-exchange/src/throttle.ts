import { setTimeout as sleep } from "node:timers/promises";

const STEADY_AFTER = 50;

/**
 * Keeps requests within what the service bears: so many at once, fewer after it complained, and none for a mailbox that
 * it asked to be left alone.
 */
export class Throttle {
  readonly #most: number;
  #allowed: number;
  #running = 0;
  #good = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #pausedUntil = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
    this.#allowed = most;
  }

  get allowed(): number {
    return this.#allowed;
  }

  /** Does the work when it is its turn. Rejects with the signal's reason where the run ends before. */
  async run<Result>(mailbox: string, signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    for (let waitMs = this.#pauseMs(mailbox); waitMs > 0; waitMs = this.#pauseMs(mailbox)) {
      await sleep(waitMs, undefined, { signal });
    }
    while (this.#running >= this.#allowed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  pause(mailbox: string, ms: number): void {
    this.#pausedUntil.set(mailbox, Math.max(this.#pausedUntil.get(mailbox) ?? 0, Date.now() + ms));
  }

  /** Half as many at once. */
  slowDown(): void {
    this.#allowed = Math.max(1, Math.floor(this.#allowed / 2));
    this.#good = 0;
  }

  /** After many that went well, one more at once. */
  succeeded(): void {
    this.#good += 1;
    if (this.#good < STEADY_AFTER || this.#allowed >= this.#most) return;
    this.#good = 0;
    this.#allowed += 1;
    this.#waiting.shift()?.();
  }

  #pauseMs(mailbox: string): number {
    return (this.#pausedUntil.get(mailbox) ?? 0) - Date.now();
  }
}
