import { setTimeout as sleep } from "node:timers/promises";
import type { Delivery, Outcome } from "@hansard/core/ingestion";

const MOST_REMEMBERED = 100_000;

/**
 * When the last ambiguous answer to each delivery came. A delivery may wait long for its turn, so that the time of the
 * write itself counts and not that of the submission; of what another process submitted only its end is known.
 */
export class Uncertainty {
  readonly #settleMs: number;
  readonly #openedAt = Date.now();
  readonly #answeredAt = new Map<string, number>();

  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  note(deliveries: Delivery[], outcomes: Outcome[]): void {
    for (const [index, delivery] of deliveries.entries()) {
      const key = keyOf(delivery);
      const status = outcomes[index]?.status;
      this.#answeredAt.delete(key);
      // What was surely not stored needs no waiting.
      if (status !== "accepted" && status !== "refused")
        this.#answeredAt.set(key, status === "unknown" ? Date.now() : 0);
    }
    this.#forget();
  }

  /** Something of these deliveries was under way until now. */
  doubt(deliveries: Delivery[]): void {
    for (const delivery of deliveries) this.#answeredAt.set(keyOf(delivery), Date.now());
    this.#forget();
  }

  /** Resolves when whatever these deliveries wrote has had its time to appear. */
  async settle(deliveries: Delivery[], signal: AbortSignal): Promise<void> {
    const latest = Math.max(
      0,
      ...deliveries.map((delivery) => this.#answeredAt.get(keyOf(delivery)) ?? this.#openedAt),
    );
    const waitMs = latest + this.#settleMs - Date.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
  }

  #forget(): void {
    for (const key of this.#answeredAt.keys()) {
      if (this.#answeredAt.size <= MOST_REMEMBERED) break;
      this.#answeredAt.delete(key);
    }
  }
}

function keyOf({ mailbox, message }: Delivery): string {
  return `${mailbox}\n${message.id}`;
}
