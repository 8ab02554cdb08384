import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createDirectory } from "./directory.ts";

test("an answer is asked for once, counts for its age, and is asked for again after it", async () => {
  let time = 0;
  const asked: string[] = [];
  const resolve = async (address: string) => {
    asked.push(address);
    return `M${asked.length}@c.example`;
  };
  const directory = createDirectory(resolve, { maxAgeMs: 1000, now: () => time });

  expect(await Promise.all([directory.find("a@x.example"), directory.find("a@x.example")])).toEqual([
    "m1@c.example",
    "m1@c.example",
  ]);
  time = 999;
  expect(directory.find("a@x.example")).toBe("m1@c.example");
  time = 1000;
  expect(directory.known("a@x.example")).toBe("m1@c.example");
  expect(await directory.find("a@x.example")).toBe("m2@c.example");
  expect(asked).toHaveLength(2);
});

test("that nobody has an address is remembered for ten minutes only, since people join", async () => {
  let time = 0;
  let asked = 0;
  const resolve = async () => {
    asked += 1;
    return undefined;
  };
  const directory = createDirectory(resolve, { now: () => time });

  await directory.find("a@x.example");
  time = 599_999;
  expect(directory.find("a@x.example")).toBeUndefined();
  time = 600_000;
  await directory.find("a@x.example");
  expect(asked).toBe(2);
});

test("a directory that cannot say makes the look-up fail, and is asked again", async () => {
  let asked = 0;
  const directory = createDirectory(async () => {
    asked += 1;
    if (asked === 1) throw new Error("down");
    return "a@c.example";
  });

  await expect(directory.find("a@x.example")).rejects.toThrowError("down");
  expect(await directory.find("a@x.example")).toBe("a@c.example");
});

test("no more questions are under way than allowed, and all are answered", async () => {
  let underWay = 0;
  let most = 0;
  const directory = createDirectory(
    async (address) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await sleep(1);
      underWay -= 1;
      if (address.startsWith("p7@")) throw new Error("down");
      return address;
    },
    { concurrency: 4 },
  );

  const results = await Promise.allSettled(
    Array.from({ length: 100 }, (_value, index) => directory.find(`p${index}@x.example`)),
  );

  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(99);
  expect(most).toBe(4);
});
