import { expect, test } from "vitest";
import { SeenMessages } from "./seen-messages.ts";

test("remembers what a map would, in order or not", () => {
  const seen = new SeenMessages();
  const expected = new Map<string, number>();
  let state = 7;
  for (let index = 0; index < 20_000; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const second = 1_700_000_000 + (state % 10 === 0 ? state % 5000 : index);
    const ts = `${second}.${String(state % 3).padStart(state % 7 === 0 ? 3 : 6, "0")}`;
    expect(seen.checksumOf(ts)).toBe(expected.get(ts));
    if (expected.has(ts)) continue;
    seen.add(ts, state);
    expected.set(ts, state);
  }
  for (const [ts, checksum] of expected) expect(seen.checksumOf(ts)).toBe(checksum);
  const sorted = [...expected.keys()].sort((one, other) => (one < other ? -1 : 1));
  expect(seen.span).toEqual({ first: sorted[0], last: sorted.at(-1) });
  expect(seen.has("1600000000.000000")).toBe(false);
});
