import type { RateLimit } from "./http-client.ts";

/** The allowances of one source. Clients that share it share the buckets. */
export interface RateLimiter {
  /** Waits for a place in the bucket, first come first served. Call what it gives when the answer is there. */
  take(limit: RateLimit, signal: AbortSignal): Promise<() => void>;
  /** Lets nothing more through the bucket for a while: the source has asked for patience. */
  pause(limit: RateLimit, waitMs: number): void;
}

interface Bucket {
  limit: RateLimit;
  underWay: number;
  /** When the places of answered requests come back, the earliest first. */
  returns: number[];
  waiting: { enter: () => void }[];
  pausedUntil: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * A place that a request takes comes back `perMs` after its answer. The source counts the request somewhere between its
 * start and its answer, so it never counts more than `requests` within any `perMs`, whatever the network does.
 */
export function createRateLimiter(now: () => number = () => performance.now()): RateLimiter {
  const buckets = new Map<string, Bucket>();

  async function take(limit: RateLimit, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const bucket = bucketOf(limit);
    await enter(bucket, signal, now);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      bucket.underWay -= 1;
      bucket.returns.push(now() + bucket.limit.perMs);
      admit(bucket, now);
    };
  }

  function pause(limit: RateLimit, waitMs: number): void {
    const bucket = bucketOf(limit);
    bucket.pausedUntil = Math.max(bucket.pausedUntil, now() + waitMs);
    admit(bucket, now);
  }

  function bucketOf(limit: RateLimit): Bucket {
    if (!(limit.requests >= 1 && limit.perMs > 0)) {
      throw new RangeError(`The rate limit "${limit.name}" must allow at least 1 request in more than 0 milliseconds.`);
    }
    const known = buckets.get(limit.name);
    if (known) {
      known.limit = limit;
      return known;
    }
    const bucket: Bucket = { limit, underWay: 0, returns: [], waiting: [], pausedUntil: 0, timer: undefined };
    buckets.set(limit.name, bucket);
    return bucket;
  }

  return { take, pause };
}

function enter(bucket: Bucket, signal: AbortSignal, now: () => number): Promise<void> {
  return new Promise((resolve, reject) => {
    const waiter = { enter: admitted };
    signal.addEventListener("abort", leave, { once: true });
    bucket.waiting.push(waiter);
    admit(bucket, now);

    function admitted(): void {
      signal.removeEventListener("abort", leave);
      bucket.underWay += 1;
      resolve();
    }

    function leave(): void {
      bucket.waiting.splice(bucket.waiting.indexOf(waiter), 1);
      if (bucket.waiting.length === 0) clearTimeout(bucket.timer);
      reject(signal.reason);
    }
  });
}

function admit(bucket: Bucket, now: () => number): void {
  const time = now();
  clearTimeout(bucket.timer);
  while (bucket.returns[0] !== undefined && bucket.returns[0] <= time) bucket.returns.shift();
  while (time >= bucket.pausedUntil && bucket.underWay + bucket.returns.length < bucket.limit.requests) {
    const next = bucket.waiting.shift();
    if (!next) return;
    next.enter();
  }
  // Where every place is under way, the next answer wakes the waiting.
  const isFull = bucket.underWay + bucket.returns.length >= bucket.limit.requests;
  const placeAt = isFull ? bucket.returns[0] : time;
  if (bucket.waiting.length === 0 || placeAt === undefined) return;
  const wakeAt = Math.max(bucket.pausedUntil, placeAt);
  bucket.timer = setTimeout(() => admit(bucket, now), Math.max(Math.ceil(wakeAt - time), 1));
}
