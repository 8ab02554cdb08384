import { expect, test } from "vitest";
import { Window } from "./window.ts";

test("what ended counts until the window has passed after its end", () => {
  const window = new Window(10, 1000);
  window.begin(6);
  window.end(6, 100);
  expect(window.waitMs(4, 200)).toBe(0);
  expect(window.waitMs(5, 200)).toBe(900);
  expect(window.waitMs(5, 1100)).toBe(0);
});

test("while only what is under way stands in the way, nobody can say how long that lasts", () => {
  const window = new Window(1, 1000);
  window.begin(1);
  expect(window.waitMs(1, 0)).toBe(Number.POSITIVE_INFINITY);
});

test("what is more than the window allows at all goes alone", () => {
  const window = new Window(10, 1000);
  expect(window.waitMs(50, 0)).toBe(0);
  window.begin(3);
  window.end(3, 0);
  expect(window.waitMs(50, 400)).toBe(600);
  expect(window.waitMs(50, 1000)).toBe(0);
});

test("it stays right when many entries were forgotten", () => {
  const window = new Window(2000, 1000);
  for (let now = 0; now < 3000; now += 1) {
    window.begin(1);
    window.end(1, now);
    window.waitMs(0, now);
  }
  // The last thousand milliseconds hold a thousand.
  expect(window.waitMs(1000, 2999)).toBe(0);
  expect(window.waitMs(1001, 2999)).toBe(1);
});
