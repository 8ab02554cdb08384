import type { IntendedTarget, Journal, Settlement } from "./journal.ts";
import { type ParkedCopies, ParkedCount } from "./parked.ts";

/** What the deliveries of a run came to, in numbers. */
export interface SubmitResult {
  messages: number;
  copies: number;
  quarantined: number;
  /** Deliveries that will be tried again later. */
  postponed: number;
  /** Why the first of those waits. */
  postponedWhy?: string;
  /** Whose copies are in the third-party data mailbox, and why. */
  parked: ParkedCopies[];
}

/** What the next intent may settle with itself. */
export interface Deferred {
  intent: number;
  settlements: Settlement[];
}

/** Where a delivery of the intent was to go, by its message and target. */
type TargetOf = (message: number, target: number) => IntendedTarget | undefined;

/** Writes what became of deliveries into the journal, and counts it. */
export class Settlements {
  readonly #journal: Journal;
  readonly #result: SubmitResult;
  readonly #now: () => Date;
  readonly #parked: ParkedCount;
  #deferred: Deferred | undefined;
  #targetOf: TargetOf = () => undefined;

  constructor(journal: Journal, result: SubmitResult, now: () => Date) {
    this.#journal = journal;
    this.#result = result;
    this.#parked = new ParkedCount(result.parked);
    this.#now = now;
  }

  /** From now on, settlements are of the intent whose deliveries were to go where this says. */
  begin(targetOf: TargetOf): void {
    this.#targetOf = targetOf;
    this.#parked.begin();
  }

  async settle(intent: number, settlements: Settlement[]): Promise<void> {
    if (settlements.length === 0) return;
    await this.settleDeferred();
    await this.#journal.settle(intent, settlements, this.#now());
    this.#count(settlements);
  }

  /**
   * An exactly-once destination recognises what it has, so its receipts need no transaction of their own: the next
   * intent's will do. A crash in between has it submitted again and answered with the same receipts.
   */
  async defer(intent: number, settlements: Settlement[]): Promise<void> {
    if (this.#deferred && this.#deferred.intent !== intent) await this.settleDeferred();
    this.#deferred = { intent, settlements: [...(this.#deferred?.settlements ?? []), ...settlements] };
    this.#count(settlements);
  }

  /** These deliveries stay open for a later run, such as where it cannot be said what became of them. */
  leaveOpen(deliveries: number, why: string): void {
    if (deliveries === 0) return;
    this.#result.postponed += deliveries;
    this.#result.postponedWhy ??= why;
  }

  /** Whoever takes it writes it. */
  takeDeferred(): Deferred | undefined {
    const deferred = this.#deferred;
    this.#deferred = undefined;
    return deferred;
  }

  /** Settles what no further intent has taken. */
  async settleDeferred(): Promise<void> {
    const deferred = this.takeDeferred();
    if (deferred) await this.#journal.settle(deferred.intent, deferred.settlements, this.#now());
  }

  #count(settlements: Settlement[]): void {
    for (const { message, target, result } of settlements) {
      const intended = this.#targetOf(message, target);
      if (intended) this.#parked.settled(message, intended, result);
      if (result.status === "retry") this.leaveOpen(1, result.reason);
      else if (result.status === "quarantined") this.#result.quarantined += 1;
      else this.#result.copies += 1;
    }
  }
}
