import type { ServerResponse } from "node:http";
import type { Caller } from "./sign-in.ts";
import { Refusal } from "./refusal.ts";

export interface Limit {
  app: number;
  user: number;
}

/** Requests of each caller to each method in the present quarter of an hour. */
export type Counts = Map<string, { used: number; reset: number }>;

const WINDOW_MS = 15 * 60_000;

/** Counts the request, tells the caller what is left, and refuses it when nothing is. X sends no Retry-After. */
export function countRequest(
  counts: Counts,
  method: string,
  caller: Caller,
  limit: Limit,
  now: number,
  response: ServerResponse,
  forced: boolean,
): void {
  const who = caller.kind === "app" ? "app" : caller.account;
  const key = `${method} ${who}`;
  const window = counts.get(key);
  const current = window && window.reset > now ? window : { used: 0, reset: now + WINDOW_MS };
  counts.set(key, current);
  const allowed = limit[caller.kind];
  const refused = forced || current.used >= allowed;
  if (!refused) current.used += 1;
  const headers = {
    "x-rate-limit-limit": String(allowed),
    "x-rate-limit-remaining": String(refused ? 0 : allowed - current.used),
    "x-rate-limit-reset": String(Math.ceil(current.reset / 1000)),
  };
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (refused)
    throw new Refusal(429, {
      title: "Too Many Requests",
      detail: "Too Many Requests",
      type: "about:blank",
      status: 429,
    });
}
