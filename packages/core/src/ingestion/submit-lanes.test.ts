import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { inLanes, lanesOf } from "./submit-lanes.ts";

const NEVER = new AbortController().signal;

test("no more chunks are under way than there are places, and no more of a lane than it may have", async () => {
  const underWay: string[] = [];
  const [most, mostOfA] = [[0], [0]];
  const lanes = [
    ["a", "a", "a", "a"],
    ["b", "b"],
    ["c", "c"],
  ];
  await inLanes(lanes, 3, 2, async (chunk) => {
    underWay.push(chunk);
    most.push(underWay.length);
    mostOfA.push(underWay.filter((one) => one === "a").length);
    await sleep(5);
    underWay.splice(underWay.indexOf(chunk), 1);
  });
  expect(Math.max(...most)).toBe(3);
  expect(Math.max(...mostOfA)).toBe(2);
});

test("lanes take turns", async () => {
  const begun: string[] = [];
  await inLanes([["a1", "a2"], ["b1", "b2"], ["c1"]], 1, 2, async (chunk) => {
    begun.push(chunk);
  });
  expect(begun.slice(0, 3)).toEqual(["a1", "b1", "c1"]);
  expect(begun.sort()).toEqual(["a1", "a2", "b1", "b2", "c1"]);
});

test("a lane that rests holds up no other, and goes on before what has not begun", async () => {
  const said: string[] = [];
  await inLanes([["a"], ["b"], ["c"]], 1, 1, async (chunk, rest) => {
    said.push(chunk);
    if (chunk === "a") await rest(1, NEVER);
    else await sleep(20);
    said.push(`${chunk} ends`);
  });
  expect(said).toEqual(["a", "b", "b ends", "a ends", "c", "c ends"]);
});

test("a lane that rests begins nothing more of its own", async () => {
  const said: string[] = [];
  await inLanes([["a1", "a2"]], 4, 1, async (chunk, rest) => {
    said.push(chunk);
    await rest(5, NEVER);
    said.push(`${chunk} ends`);
  });
  expect(said).toEqual(["a1", "a1 ends", "a2", "a2 ends"]);
});

test("after a failure nothing more begins, and what is under way ends first", async () => {
  const said: string[] = [];
  const working = inLanes(
    [
      ["a1", "a2"],
      ["b1", "b2"],
    ],
    2,
    1,
    async (chunk) => {
      if (chunk === "a1") throw new Error("It failed.");
      await sleep(5);
      said.push(chunk);
    },
  );
  await expect(working).rejects.toThrow("It failed.");
  expect(said).toEqual(["b1"]);
});

test("what must be looked for comes after what need not be, in the lane of its mailbox", () => {
  const [first, second, third, other] = [sized("a"), sized("a"), sized("a"), sized("b")];
  const lanes = lanesOf([second, third], [other, first], { batchDeliveries: 1, batchBytes: 1000 });
  expect(lanes).toEqual([
    [
      { items: [second], isDoubtful: false },
      { items: [third], isDoubtful: false },
      { items: [first], isDoubtful: true },
    ],
    [{ items: [other], isDoubtful: true }],
  ]);
});

let made = 0;

function sized(mailbox: string): { id: number; delivery: { mailbox: string; mail: { size: number } } } {
  made += 1;
  return { id: made, delivery: { mailbox, mail: { size: 10 } } };
}
