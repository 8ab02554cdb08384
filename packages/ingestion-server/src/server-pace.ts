/** What is allowed to one application or account in one mailbox. */
export interface PaceLimits {
  /** Requests under way at once: 4. */
  concurrency: number;
  /** Requests within the window: 10,000 in 10 minutes. */
  requests: number;
  requestsWindowMs: number;
  /** Bytes of bodies that change something: 150 MB in 5 minutes. */
  uploadBytes: number;
  uploadWindowMs: number;
}

/** Microsoft's for Graph. */
export const VENDOR_LIMITS: PaceLimits = {
  concurrency: 4,
  requests: 10_000,
  requestsWindowMs: 600_000,
  uploadBytes: 150 * 1024 * 1024,
  uploadWindowMs: 300_000,
};

/** Exchange's default for EWS: 27 connections for an account, or for a mailbox that is acted as. It publishes no windows. */
export const EWS_LIMITS: PaceLimits = { ...VENDOR_LIMITS, concurrency: 27, requests: Infinity, uploadBytes: Infinity };

export type PaceRefusal = {
  limit: "MailboxConcurrency" | "RequestsPerMailbox" | "UploadBytesPerMailbox";
  /** After which the request would be allowed, in milliseconds. */
  waitMs: number;
  retryAfterSeconds: number;
};

interface Lane {
  underWay: number;
  requests: Window;
  bytes: Window;
}

/** Counts what each application does to each mailbox, and refuses what goes beyond the limits. Refused requests count too. */
export class ServerPace {
  readonly limits: PaceLimits;
  /** How often each limit was hit. */
  readonly refused = { MailboxConcurrency: 0, RequestsPerMailbox: 0, UploadBytesPerMailbox: 0 };
  /** The highest number of requests that were under way for one mailbox. */
  highest = 0;
  readonly #lanes = new Map<string, Lane>();

  constructor(limits: Partial<PaceLimits> = {}) {
    this.limits = { ...VENDOR_LIMITS, ...limits };
  }

  enter(application: string, mailbox: string, bytes: number): PaceRefusal | { leave: () => void } {
    const { limits } = this;
    const lane = this.#lane(`${application} ${mailbox}`);
    const now = Date.now();
    lane.requests.add(now, 1);
    lane.bytes.add(now, bytes);
    if (lane.requests.total > limits.requests)
      return this.#refuse("RequestsPerMailbox", lane.requests.freeInMs(now, limits.requests));
    if (lane.bytes.total > limits.uploadBytes)
      return this.#refuse("UploadBytesPerMailbox", lane.bytes.freeInMs(now, limits.uploadBytes));
    if (lane.underWay >= limits.concurrency) return this.#refuse("MailboxConcurrency", 1000);
    lane.underWay += 1;
    this.highest = Math.max(this.highest, lane.underWay);
    return { leave: () => (lane.underWay -= 1) };
  }

  #refuse(limit: PaceRefusal["limit"], waitMs: number): PaceRefusal {
    this.refused[limit] += 1;
    return { limit, waitMs, retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) };
  }

  #lane(key: string): Lane {
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = {
        underWay: 0,
        requests: new Window(this.limits.requestsWindowMs),
        bytes: new Window(this.limits.uploadWindowMs),
      };
      this.#lanes.set(key, lane);
    }
    return lane;
  }
}

/** A sum over a window that slides. */
class Window {
  total = 0;
  readonly #ms: number;
  readonly #entries: { at: number; amount: number }[] = [];
  #first = 0;

  constructor(ms: number) {
    this.#ms = ms;
  }

  add(now: number, amount: number): void {
    this.#forget(now);
    this.#entries.push({ at: now, amount });
    this.total += amount;
  }

  /** When the sum will have fallen to the limit, from now. */
  freeInMs(now: number, limit: number): number {
    let total = this.total;
    for (let index = this.#first; index < this.#entries.length && total > limit; index += 1) {
      const entry = this.#entries[index];
      if (entry === undefined) break;
      total -= entry.amount;
      if (total <= limit) return entry.at + this.#ms - now;
    }
    return 0;
  }

  #forget(now: number): void {
    for (
      let entry = this.#entries[this.#first];
      entry !== undefined && entry.at <= now - this.#ms;
      entry = this.#entries[this.#first]
    ) {
      this.total -= entry.amount;
      this.#first += 1;
    }
    if (this.#first <= 4096) return;
    this.#entries.splice(0, this.#first);
    this.#first = 0;
  }
}
