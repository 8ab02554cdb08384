import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { Trial } from "./trial.ts";

test("until a token was refused everybody goes", async () => {
  const { trial, admitted } = crowd(100);
  await turn();
  expect(admitted).toHaveLength(100);
  expect(trial).toBeDefined();
});

test("after a refusal a few go, and more with each that Graph took", async () => {
  const trial = new Trial();
  trial.begin();
  const { admitted } = crowd(100, trial);
  await turn();
  expect(admitted).toHaveLength(8);
  for (const number of admitted.slice(0, 4)) trial.passed(number);
  await turn();
  expect(admitted).toHaveLength(14);
});

test("who went before the refusal opens the way for nobody", async () => {
  const trial = new Trial();
  const before = await trial.enter();
  trial.begin();
  const { admitted } = crowd(20, trial);
  trial.passed(before);
  trial.left(before);
  await turn();
  expect(admitted).toHaveLength(8);
});

test("where every request ends without a word on the token, all get their turn", async () => {
  const trial = new Trial();
  trial.begin();
  const { admitted, all } = crowd(50, trial);
  for (let left = 0; left < 50; left += 1) {
    await turn();
    trial.left(admitted[left] ?? Number.NaN);
  }
  await all;
  expect(admitted).toHaveLength(50);
});

function crowd(size: number, trial = new Trial()): { trial: Trial; admitted: number[]; all: Promise<unknown> } {
  const admitted: number[] = [];
  const all = Promise.all(Array.from({ length: size }, () => trial.enter().then((number) => admitted.push(number))));
  return { trial, admitted, all };
}
