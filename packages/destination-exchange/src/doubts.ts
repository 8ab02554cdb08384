import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@hansard/core";
import type { Delivery, Outcome, Receipt } from "@hansard/core/ingestion";
import { isHansardError } from "@hansard/core";

const FILE = "duplicates.jsonl";
/** Longer than this nobody waits for the end of a run. */
const LONGEST_LAST_WAIT_MS = 2 * 60_000;
const LOOK_AT_ONCE = 1_000;

type Look = (deliveries: Delivery[], signal: AbortSignal) => Promise<Receipt[][]>;

/**
 * A message that was looked for in vain and written again is there twice if the server carried out the first request later
 * than it ever should. So each of them is looked for once more, and a duplicate is reported and kept in a file.
 */
export class Doubts {
  readonly #file: string;
  readonly #settleMs: number;
  readonly #log: Logger;
  readonly #look: Look;
  readonly #openedAt = Date.now();
  readonly #uncertainSince = new Map<string, number>();
  readonly #absent = new Set<string>();
  #suspects: { delivery: Delivery; since: number }[] = [];

  constructor(folder: string, settleMs: number, log: Logger, look: Look) {
    this.#file = join(folder, FILE);
    this.#settleMs = settleMs;
    this.#log = log;
    this.#look = look;
  }

  /**
   * Waits until what was sent last can no longer appear. The runner counts from before the first attempt, and pauses that the
   * server asked for may lie between that and the request that was answered ambiguously. What another process
   * sent, it sent before this one began.
   */
  async settled(deliveries: Delivery[], signal: AbortSignal): Promise<void> {
    const last = Math.max(...deliveries.map(({ id }) => this.#uncertainSince.get(id) ?? this.#openedAt));
    const waitMs = last + this.#settleMs - Date.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
  }

  /** What a look-up after an ambiguous answer found. */
  looked(delivery: Delivery, found: Receipt[]): void {
    if (found.length > 1) this.#report(delivery, found);
    if (found.length === 0) this.#absent.add(delivery.id);
    else this.#absent.delete(delivery.id);
  }

  /** What became of a delivery that was written. */
  answered(delivery: Delivery, outcome: Outcome | undefined): void {
    if (outcome?.status === "unknown") this.#uncertainSince.set(delivery.id, Date.now());
    else this.#uncertainSince.delete(delivery.id);
    if (outcome?.status !== "accepted" || !this.#absent.delete(delivery.id)) return;
    this.#suspects.push({ delivery: withoutContent(delivery), since: Date.now() });
  }

  /** How many duplicates were ever reported. */
  reported(): number {
    return existsSync(this.#file) ? readFileSync(this.#file, "utf8").split("\n").filter(Boolean).length : 0;
  }

  async close(): Promise<void> {
    const last = Math.max(0, ...this.#suspects.map(({ since }) => since));
    const waitMs = Math.min(LONGEST_LAST_WAIT_MS, last + this.#settleMs - Date.now());
    if (this.#suspects.length > 0 && waitMs > 0) await sleep(waitMs);
    const suspects = this.#suspects.map(({ delivery }) => delivery);
    this.#suspects = [];
    for (let start = 0; start < suspects.length; start += LOOK_AT_ONCE) {
      const some = suspects.slice(start, start + LOOK_AT_ONCE);
      try {
        const found = await this.#look(some, new AbortController().signal);
        some.forEach(
          (delivery, index) => (found[index]?.length ?? 0) > 1 && this.#report(delivery, found[index] ?? []),
        );
      } catch (error) {
        if (!isHansardError(error)) throw error;
        this.#log.warn("Messages that were written again could not be checked for duplicates", {
          messages: some.length,
          reason: error.message,
        });
      }
    }
  }

  #report({ mailbox, message }: Delivery, found: Receipt[]): void {
    const duplicate = { mailbox, messageId: message.id, itemIds: found.map(({ itemId }) => itemId) };
    this.#log.error(
      "A message is in a mailbox more than once, since the server stored it later than settleMs",
      duplicate,
    );
    appendFileSync(this.#file, `${JSON.stringify({ ...duplicate, at: new Date().toISOString() })}\n`);
  }
}

function withoutContent(delivery: Delivery): Delivery {
  return { ...delivery, mail: { segments: [], size: 0, sha256: delivery.mail.sha256 } };
}
