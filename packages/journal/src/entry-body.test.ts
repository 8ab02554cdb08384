import { expect, test } from "vitest";
import { EntryBody, LineEncoder } from "./entry-body.ts";

const LINES = ['{"first":1}', "", "grüße 👋", "x".repeat(70_000), "last"];

test("lines come back one by one, whatever is in them", () => {
  const { bytes, ends } = new LineEncoder().encode(LINES);
  const written = new EntryBody(bytes, ends);
  expect(bytes.toString()).toBe(LINES.join("\n"));
  expect(LINES.map((_, number) => written.line(number))).toEqual(LINES);
  expect(written.line(LINES.length)).toBeUndefined();
});

test("where the lines of stored bytes end is found again", () => {
  const { bytes, ends } = new LineEncoder().encode(LINES);
  const read = new EntryBody(Buffer.from(bytes));
  expect(read.ends).toEqual(ends);
  expect(read.lines()).toEqual(LINES);
});

test("an encoder grows, and begins anew with each entry", () => {
  const encoder = new LineEncoder();
  const large = "ü".repeat(3 * 1024 * 1024);
  expect(encoder.encode(["a", large]).bytes.toString()).toBe(`a\n${large}`);
  expect(encoder.encode(["b"]).bytes.toString()).toBe("b");
  expect(encoder.encode([]).bytes).toHaveLength(0);
});
