import { expect, test } from "vitest";
import { type Element, ElementScanner } from "./elements.ts";

const LIMITS = { maxBytes: 1000, maxDepth: 8 };

function scan(
  text: string | Buffer,
  chunkBytes = 7,
  limits = LIMITS,
): (string | { index: number; problem: string; fatal: boolean })[] {
  const scanner = new ElementScanner(limits);
  const bytes = Buffer.from(text);
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes)
    found.push(...scanner.push(bytes.subarray(at, at + chunkBytes)));
  found.push(...scanner.end());
  return found.map((element) => ("bytes" in element ? element.bytes.toString() : element));
}

test("finds the elements of an array wherever its chunks are cut", () => {
  const elements = [{ text: 'a "quoted" ] } , \\' }, [1, [2]], "x,]", 12.5, null, { deep: { er: [{}] } }, "häß🎉"];
  for (const space of [undefined, 1]) {
    const json = `\ufeff ${JSON.stringify(elements, null, space)}\n`;
    for (let chunkBytes = 1; chunkBytes < 40; chunkBytes += 1) {
      const found = scan(json, chunkBytes).map((element) => JSON.parse(element as string) as unknown);
      expect(found).toEqual(elements);
    }
  }
});

test("finds nothing in an empty array", () => {
  expect(scan("[]")).toEqual([]);
  expect(scan(" [ \n ] ")).toEqual([]);
});

test("says after which element a file ends too early", () => {
  expect(scan('[{"a":1},{"b":')).toEqual([
    '{"a":1}',
    { index: 1, problem: "The file ends too early, after 1 element", fatal: true },
  ]);
  expect(scan("")).toEqual([{ index: 0, problem: "The file ends too early, after 0 elements", fatal: true }]);
});

test("stops where the structure is broken", () => {
  expect(scan('[{"a":1} {"b":2}]')).toEqual([
    '{"a":1}',
    { index: 1, problem: "The JSON is broken after 1 element", fatal: true },
  ]);
  expect(scan('{"a":1}')).toEqual([{ index: 0, problem: "The file does not hold a JSON array", fatal: true }]);
  expect(scan("[1] [2]")).toEqual([
    "1",
    { index: 1, problem: "There is more after the end of the array, which holds 1 element", fatal: true },
  ]);
});

test("names an element that is too deep or too long, and goes on after it", () => {
  const deep = `${"[".repeat(9)}${"]".repeat(9)}`;
  expect(scan(`[1,${deep},2]`)).toEqual([
    "1",
    { index: 1, problem: "is nested 9 levels deep, and 8 are read", fatal: false },
    "2",
  ]);
  const long = JSON.stringify("x".repeat(2000));
  expect(scan(`[1,${long},2]`)).toEqual([
    "1",
    { index: 1, problem: "is 2002 bytes long, and 1000 are read", fatal: false },
    "2",
  ]);
});

test("keeps no more of an element that is too long than the limit", () => {
  const scanner = new ElementScanner({ maxBytes: 1000, maxDepth: 8 });
  scanner.push(Buffer.from('["'));
  const before = process.memoryUsage().arrayBuffers;
  const chunk = Buffer.alloc(1024 * 1024, "x");
  for (let megabyte = 0; megabyte < 256; megabyte += 1) scanner.push(chunk);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
  expect(scanner.push(Buffer.from('"]'))).toEqual([
    { index: 0, problem: `is ${256 * 1024 * 1024 + 2} bytes long, and 1000 are read`, fatal: false },
  ]);
});
