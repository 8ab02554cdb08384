import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isHansardError, type Logger } from "@hansard/core";
import type { Delivery, Outcome, Receipt } from "@hansard/core/ingestion";
import { z } from "zod";
import { JsonLines } from "./json-lines.ts";
import type { Sought } from "./look-up.ts";

/** Longer than this nobody waits for the end of a run. */
const LONGEST_LAST_WAIT_MS = 2 * 60_000;
/** No server is known to store a request later than this. */
const REMEMBERED_MS = 7 * 24 * 60 * 60 * 1000;
const LOOK_AT_ONCE = 1_000;

const Suspect = z.object({
  mailbox: z.string(),
  folder: z.union([
    z.object({ kind: z.literal(["purges", "inbox"]) }),
    z.object({ kind: z.literal("visible"), path: z.array(z.string()) }),
  ]),
  message: z.object({ id: z.string() }),
  at: z.number(),
});
type Suspect = z.infer<typeof Suspect>;
const Duplicate = z.object({ mailbox: z.string(), messageId: z.string(), itemIds: z.array(z.string()) });

type Look = (sought: Sought[], signal: AbortSignal) => Promise<Receipt[][]>;

/**
 * A message that was looked for in vain and then written again is there twice if the server carried out the first request
 * later than it ever should. So whatever was looked for in vain is kept in a file and looked for once more, at the end of
 * each run and by `check`, and a duplicate is reported and kept in another file.
 */
export class Doubts {
  readonly #suspects: JsonLines<Suspect>;
  readonly #duplicates: JsonLines<z.infer<typeof Duplicate>>;
  readonly #settleMs: number;
  readonly #log: Logger;
  readonly #look: Look;
  readonly #openedAt = Date.now();
  readonly #uncertainSince = new Map<string, number>();
  #lastWrittenAt = 0;

  constructor(folder: string, settleMs: number, log: Logger, look: Look) {
    this.#suspects = new JsonLines(join(folder, "suspects.jsonl"), Suspect);
    this.#duplicates = new JsonLines(join(folder, "duplicates.jsonl"), Duplicate);
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

  /** What a look-up after an ambiguous answer found. Where that is nothing, the message is going to be written again. */
  looked({ mailbox, folder, message: { id } }: Delivery, found: Receipt[]): void {
    if (found.length > 1) this.#report({ mailbox, folder, message: { id } }, found);
    if (found.length === 0) this.#suspects.append({ mailbox, folder, message: { id }, at: Date.now() });
  }

  /** What became of a delivery that was written. */
  answered(delivery: Delivery, outcome: Outcome | undefined): void {
    if (outcome?.status === "unknown") this.#uncertainSince.set(delivery.id, Date.now());
    else this.#uncertainSince.delete(delivery.id);
    this.#lastWrittenAt = Date.now();
  }

  /** Looks for everything suspect once more. Gives how many duplicates were ever reported. */
  async lookAgain(signal: AbortSignal): Promise<number> {
    const suspects = this.#suspects.read().filter(({ at }) => at > Date.now() - REMEMBERED_MS);
    const distinct = [...new Map(suspects.map((suspect) => [keyOf(suspect), suspect])).values()];
    for (let start = 0; start < distinct.length; start += LOOK_AT_ONCE) {
      const some = distinct.slice(start, start + LOOK_AT_ONCE);
      const found = await this.#look(some, signal);
      some.forEach((suspect, index) => (found[index]?.length ?? 0) > 1 && this.#report(suspect, found[index] ?? []));
    }
    this.#suspects.replace(distinct);
    return this.#duplicates.read().length;
  }

  async close(): Promise<void> {
    const suspects = this.#suspects.read().length;
    if (suspects === 0) return;
    const waitMs = Math.min(LONGEST_LAST_WAIT_MS, this.#lastWrittenAt + this.#settleMs - Date.now());
    if (waitMs > 0) await sleep(waitMs);
    try {
      await this.lookAgain(new AbortController().signal);
    } catch (error) {
      if (!isHansardError(error)) throw error;
      this.#log.warn("Messages that were written again could not be checked for duplicates", {
        messages: suspects,
        reason: error.message,
      });
    }
  }

  #report({ mailbox, message }: Sought, found: Receipt[]): void {
    const isKnown = this.#duplicates
      .read()
      .some((known) => known.mailbox === mailbox && known.messageId === message.id);
    if (isKnown) return;
    const duplicate = { mailbox, messageId: message.id, itemIds: found.map(({ itemId }) => itemId) };
    this.#log.error(
      "A message is in a mailbox more than once, since the server stored it later than settleMs",
      duplicate,
    );
    this.#duplicates.append(duplicate);
  }
}

function keyOf({ mailbox, folder, message }: Sought): string {
  return JSON.stringify([mailbox, folder, message.id]);
}
