import { setTimeout as sleep } from "node:timers/promises";
import type { RateLimit } from "@hansard/core";
import type { LiveSettings } from "../../schema.ts";

/** How fast Slack may be asked: each method by itself, and in an organisation all of them together. */
export interface Pace {
  /** Slack counts each method in a bucket of its own, and asks for patience by bucket. */
  bucketOf(method: string): RateLimit;
  /** Waits until the organisation's limit lets one more request through. */
  enter(signal: AbortSignal): Promise<void>;
}

const MINUTE_MS = 60_000;
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
    enter: async (signal) => gate?.(signal),
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

/** Lets requests through one after the other at even distances, so that no second holds more than allowed. */
function createGate(requestsPerSecond: number): (signal: AbortSignal) => Promise<void> {
  const distanceMs = 1000 / requestsPerSecond;
  let next = 0;
  return async (signal) => {
    const now = performance.now();
    const at = Math.max(now, next);
    next = at + distanceMs;
    if (at > now) await sleep(at - now, undefined, { signal });
  };
}
