import { setTimeout as sleep } from "node:timers/promises";
import type { RateLimit } from "@hansard/core";
import type { LiveSettings } from "../../schema.ts";

/** How fast Slack may be asked: each method by itself, and in an organisation all of them together. */
export interface Pace {
  /** Slack counts each method in a bucket of its own, and asks for patience by bucket. */
  bucketOf(method: string): RateLimit;
  /** Waits until the organisation's limit lets one more request through. Call what it gives when the answer is there. */
  enter(signal: AbortSignal): Promise<() => void>;
}

const MINUTE_MS = 60_000;
const SECOND_MS = 1000;
/** What Slack's tiers allow in a minute; methods that are not here are of tier 3. */
const PER_MINUTE: Record<string, number> = {
  "conversations.list": 20,
  "conversations.members": 100,
  "users.list": 20,
  "users.info": 100,
  "files.info": 100,
  "auth.test": 100,
};
const TIER_3 = 50;
const SEARCH_PER_MINUTE = 6;
const paces = new WeakMap<LiveSettings, Pace>();

/** One for each source, however many partitions are read side by side. */
export function paceOf(settings: LiveSettings): Pace {
  const known = paces.get(settings);
  if (known) return known;
  const gate = settings.mode === "discovery" ? createGate(settings.requestsPerSecond) : undefined;
  const pace: Pace = {
    bucketOf: (method) => ({ name: `slack:${method}`, requests: allowanceOf(method, settings), perMs: MINUTE_MS }),
    enter: gate ?? (async () => () => {}),
  };
  paces.set(settings, pace);
  return pace;
}

function allowanceOf(method: string, settings: LiveSettings): number {
  if (settings.mode === "discovery") {
    return method === "discovery.conversations.search" ? SEARCH_PER_MINUTE : settings.requestsPerMinute;
  }
  const isHistory = method === "conversations.history" || method === "conversations.replies";
  return isHistory ? settings.historyPerMinute : (PER_MINUTE[method] ?? TIER_3);
}

/**
 * A place that a request takes comes back a second after its answer. Slack counts it somewhere between, so it never
 * counts more than are allowed within any second, whatever the network does.
 */
function createGate(requestsPerSecond: number): Pace["enter"] {
  const returns: number[] = [];
  let underWay = 0;
  let last: Promise<unknown> = Promise.resolve();

  async function enter(signal: AbortSignal): Promise<() => void> {
    // First come, first served.
    const before = last;
    const admitted = before.then(() => untilFree(signal));
    last = admitted.catch(() => undefined);
    await admitted;
    return () => {
      underWay -= 1;
      returns.push(performance.now() + SECOND_MS);
    };
  }

  async function untilFree(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const now = performance.now();
      while (returns[0] !== undefined && returns[0] <= now) returns.shift();
      if (underWay + returns.length < requestsPerSecond) break;
      // Where every place is under way, an answer is near.
      await sleep(Math.ceil(Math.max(1, (returns[0] ?? now) - now)), undefined, { signal });
    }
    underWay += 1;
  }

  return enter;
}
