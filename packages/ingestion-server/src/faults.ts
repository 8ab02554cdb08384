/**
 * What can be made to go wrong while the server runs. `throttled` answers 429 with Microsoft's body and `Retry-After`,
 * and its like without a body or without `Retry-After`. Before the commit nothing is done, after it all is done, and
 * nobody is told. `late-commit` answers as a gateway whose patience is over, and does the work `ms` later. With
 * `search-lag` searches find the item only `ms` later. `token-expired` makes the request's own token invalid; with
 * `token-refused` a mailbox refuses it, as one that is on-premises does, and it stays valid for others. `empty-page` answers
 * a list with no items and a link to where they are, and `short-list` one without a filter with an item too few and no link.
 */
export const FAULT_NAMES = [
  "throttled",
  "throttled-without-body",
  "throttled-without-retry-after",
  "unavailable",
  "unavailable-without-body",
  "timeout-before-commit",
  "timeout-after-commit",
  "late-commit",
  "search-lag",
  "reset-before-commit",
  "reset-after-commit",
  "token-expired",
  "token-refused",
  "mailbox-moving",
  "empty-page",
  "short-list",
] as const;
export type FaultName = (typeof FAULT_NAMES)[number];

export interface Fault {
  /** How often it strikes, from 0 to 1. */
  rate: number;
  /** For `late-commit`, `search-lag` and the waits that a throttled answer names, in milliseconds. */
  ms?: number;
  /** Only requests that concern one of these mailboxes. Absent: all. */
  mailboxes?: string[];
  /** Only requests that change something. */
  writesOnly?: boolean;
  /** Ends after it has struck so often. */
  times?: number;
}

export interface FaultPlace {
  mailbox?: string;
  isWrite: boolean;
}

/** The faults that are switched on, and how often each has struck. */
export class Faults {
  readonly struck: Partial<Record<FaultName, number>> = {};
  readonly #faults = new Map<FaultName, Fault>();
  readonly #random: () => number;

  constructor(settings: Partial<Record<FaultName, Fault>> = {}, seed = 1) {
    this.#random = randomOf(seed);
    for (const [name, fault] of Object.entries(settings)) this.set(name as FaultName, fault);
  }

  /** Switches a fault on, or off by a rate of 0. */
  set(name: FaultName, fault: Fault): void {
    if (fault.rate > 0) this.#faults.set(name, fault);
    else this.#faults.delete(name);
  }

  clear(): void {
    this.#faults.clear();
  }

  /** Whether the fault strikes here and now; if so, its settings. */
  strike(name: FaultName, { mailbox, isWrite }: FaultPlace): Fault | undefined {
    const fault = this.#faults.get(name);
    if (fault === undefined || (fault.writesOnly === true && !isWrite)) return undefined;
    if (fault.mailboxes !== undefined && !fault.mailboxes.includes(mailbox ?? "")) return undefined;
    const count = this.struck[name] ?? 0;
    if ((fault.times !== undefined && count >= fault.times) || this.#random() >= fault.rate) return undefined;
    this.struck[name] = count + 1;
    return fault;
  }
}

/** The same sequence for the same seed, so that a failed run can be run again (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
