import { expect, test } from "vitest";
import { backoff, readRetryAfter } from "./patience.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const DAY = 86_400_000;

test.each([
  [{ "retry-after": "30" }, 30_000],
  [{ "retry-after": " 1.5 " }, 1500],
  [{ "retry-after": "0" }, 0],
  [{ "retry-after": "99999999999999" }, DAY],
  [{ "retry-after": "9".repeat(400) }, DAY],
  [{ "retry-after": "Sun, 01 Mar 2026 12:00:10 GMT" }, 10_000],
  [{ "retry-after": "Sunday, 01-Mar-26 12:00:10 GMT" }, 10_000],
  [{ "retry-after": "Sun, 01 Mar 2026 11:00:00 GMT" }, 0],
  [{ "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" }, DAY],
  [{ "retry-after": "-5" }, undefined],
  [{ "retry-after": "soon" }, undefined],
  [{ "retry-after": "NaN" }, undefined],
  [{ "retry-after": "1e9" }, undefined],
  [{ "retry-after": "" }, undefined],
  [{}, undefined],
  [{ "x-rate-limit-reset": String(NOW / 1000 + 60) }, 60_000],
  [{ "retry-after": "5", "x-rate-limit-reset": String(NOW / 1000 + 60) }, 5000],
  [{ "x-rate-limit-reset": "1" }, 0],
])("the wait of %j is %s ms", (headers, expected) => {
  expect(readRetryAfter(new Headers(headers as Record<string, string>), NOW)).toBe(expected);
});

test("a date is measured by the source's own clock where the answer tells it", () => {
  const headers = new Headers({
    "retry-after": "Sun, 01 Mar 2026 15:00:10 GMT",
    date: "Sun, 01 Mar 2026 15:00:00 GMT",
  });

  expect(readRetryAfter(headers, NOW)).toBe(10_000);
});

test("back-off doubles up to half a minute and is spread over its upper half", () => {
  expect([1, 2, 3, 20].map((attempt) => backoff(attempt, 500, () => 1))).toEqual([500, 1000, 2000, 30_000]);
  expect(backoff(2, 500, () => 0)).toBe(500);
});
