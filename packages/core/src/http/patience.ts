const DAY_MS = 86_400_000;
const LONGEST_BACKOFF_MS = 30_000;

/**
 * How long the source asks to wait, in milliseconds: `Retry-After` as seconds or date, else `X-Rate-Limit-Reset` as
 * seconds since 1970. At most a day, whatever the header says; undefined where it says nothing that can be understood.
 */
export function readRetryAfter(headers: Headers, nowMs: number): number | undefined {
  // A date is compared with the source's own clock where the answer tells it: the two clocks need not agree.
  const sourceNowMs = readDate(headers.get("date")) ?? nowMs;
  const retryAfter = headers.get("retry-after")?.trim() ?? "";
  const reset = headers.get("x-rate-limit-reset")?.trim() ?? "";
  const waitMs =
    readSeconds(retryAfter) ?? distance(readDate(retryAfter), sourceNowMs) ?? distance(readSeconds(reset), sourceNowMs);
  return waitMs === undefined ? undefined : Math.min(Math.max(waitMs, 0), DAY_MS);
}

/** How long to wait before the given try: doubling, and spread so that many clients do not come back at once. */
export function backoff(attempt: number, baseMs: number, random: () => number): number {
  const fullMs = Math.min(baseMs * 2 ** (attempt - 1), LONGEST_BACKOFF_MS);
  return fullMs / 2 + (fullMs / 2) * random();
}

function readSeconds(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : undefined;
}

function readDate(text: string | null): number | undefined {
  if (text === null || !/[A-Za-z]{3}.*\d{2}:\d{2}/.test(text)) return undefined;
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

function distance(timeMs: number | undefined, nowMs: number): number | undefined {
  return timeMs === undefined ? undefined : timeMs - nowMs;
}
