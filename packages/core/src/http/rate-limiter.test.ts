import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openClient, serve } from "./local-server.test.support.ts";
import { createRateLimiter } from "./rate-limiter.ts";

const never = new AbortController().signal;

test("within any window the server counts no more than the allowance, and most of it is used", async () => {
  const times: number[] = [];
  const server = await serve((_request, response) => {
    times.push(performance.now());
    setTimeout(() => response.end(), Math.random() * 10);
  });
  const http = openClient({ allow: [server.host] });
  const bucket = { name: "tier", requests: 20, perMs: 400 };

  const startedAt = performance.now();
  await Promise.all(Array.from({ length: 100 }, () => http.request(server.url, { bucket })));
  const tookMs = performance.now() - startedAt;

  for (const [index, time] of times.entries()) {
    expect(times.slice(index).filter((later) => later < time + 400).length).toBeLessThanOrEqual(20);
  }
  // Five windows, of which the first costs no wait.
  expect(tookMs).toBeGreaterThan(1600);
  expect(tookMs).toBeLessThan(4000);
});

test("requests of one name share a bucket and those of another do not", async () => {
  const limiter = createRateLimiter();
  const limit = { name: "a", requests: 1, perMs: 60_000 };
  (await limiter.take(limit, never))();

  const other = limiter.take({ ...limit, name: "b" }, never).then(() => "through");
  const same = limiter.take({ ...limit }, AbortSignal.timeout(50)).catch(() => "waits");

  expect(await Promise.all([other, same])).toEqual(["through", "waits"]);
});

test("clients that are given one limiter share its buckets", async () => {
  const server = await serve((_request, response) => response.end());
  const options = { allow: [server.host], limiter: createRateLimiter() };
  const bucket = { name: "a", requests: 1, perMs: 300 };
  const startedAt = performance.now();

  await openClient(options).request(server.url, { bucket });
  await openClient(options).request(server.url, { bucket });

  expect(performance.now() - startedAt).toBeGreaterThan(299);
});

test("waiting is in order, and whoever gives up takes no place", async () => {
  const limiter = createRateLimiter();
  const limit = { name: "a", requests: 1, perMs: 20 };
  const order: number[] = [];
  const gone = new AbortController();
  const release = await limiter.take(limit, never);

  const waiting = [1, 2, 3, 4].map(async (number) => {
    try {
      const done = await limiter.take(limit, number === 2 ? gone.signal : never);
      order.push(number);
      done();
    } catch {
      order.push(-number);
    }
  });
  gone.abort();
  release();
  release();
  await Promise.all(waiting);

  expect(order).toEqual([-2, 1, 3, 4]);
});

test("a pause holds back what would have a place", async () => {
  const limiter = createRateLimiter();
  const limit = { name: "a", requests: 5, perMs: 60_000 };
  (await limiter.take(limit, never))();
  limiter.pause(limit, 100);
  const startedAt = performance.now();

  await limiter.take(limit, never);

  expect(performance.now() - startedAt).toBeGreaterThan(99);
});

test("a request that is under way keeps its place until it is answered", async () => {
  const limiter = createRateLimiter();
  const limit = { name: "a", requests: 1, perMs: 10 };
  const release = await limiter.take(limit, never);
  let through = false;
  const next = limiter.take(limit, never).then(() => (through = true));

  await sleep(60);
  expect(through).toBe(false);
  release();
  await next;
});

test("an allowance of nothing is a mistake", async () => {
  await expect(createRateLimiter().take({ name: "a", requests: 0, perMs: 10 }, never)).rejects.toThrowError(
    /"a" must allow at least 1/,
  );
});
