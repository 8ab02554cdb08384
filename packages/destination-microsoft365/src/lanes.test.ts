import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Lane } from "./lanes.ts";
import { Settings } from "./settings.ts";

const { pace } = Settings.parse({
  tenantId: "contoso.example",
  signIn: { method: "managed-identity" },
});
const ONE = { requests: 1, bytes: 0, slots: 1 };

test("a single refusal makes the mailbox rest, and as many go at once afterwards", async () => {
  const lane = new Lane(pace);
  lane.throttled(20);
  lane.throttled(20);
  expect(await goesAtOnce(lane)).toBe(4);
});

test("who is refused again before anything succeeded sends fewer at once, until all has been well for a while", async () => {
  const lane = new Lane(pace);
  lane.throttled(0);
  lane.throttled(0);
  expect(await goesAtOnce(lane)).toBe(3);
  for (let successes = 0; successes < 20; successes += 1) lane.succeeded();
  expect(await goesAtOnce(lane)).toBe(4);
});

test("refusals with successes between them do not slow a mailbox down", async () => {
  const lane = new Lane(pace);
  for (let refusals = 0; refusals < 10; refusals += 1) {
    lane.throttled(0);
    lane.succeeded();
  }
  expect(await goesAtOnce(lane)).toBe(4);
});

/** How many are let in while nobody leaves. */
async function goesAtOnce(lane: Lane): Promise<number> {
  const ended = new AbortController();
  const leave: (() => void)[] = [];
  async function go(): Promise<void> {
    leave.push(await lane.enter(ONE, 1000, ended.signal));
  }
  const all = Promise.allSettled(Array.from({ length: 6 }, go));
  await sleep(60);
  const { length } = leave;
  ended.abort();
  for (const done of leave) done();
  await all;
  return length;
}
