import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CapturedEvent, MessageDraft } from "@hansard/core";
import { describe, expect, test } from "vitest";
import { connector } from "./src/index.ts";

const FIXTURES = join(import.meta.dirname, "fixtures");
const fixtures = readdirSync(FIXTURES).sort();

interface Fixture {
  event: CapturedEvent;
  message: MessageDraft;
}

function load(name: string): Fixture {
  return JSON.parse(readFileSync(join(FIXTURES, name), "utf8")) as Fixture;
}

test("every event type has a fixture", () => {
  expect(new Set(fixtures.map((name) => name.split(".")[0]))).toEqual(new Set(Object.keys(connector.events)));
});

describe.each(fixtures)("%s", (name) => {
  const { event, message } = load(name);

  test("maps to its message, and leaves the event as it was", () => {
    const before = structuredClone(event);
    expect(JSON.parse(JSON.stringify(connector.events[event.type]?.(event)))).toEqual(message);
    expect(event).toEqual(before);
  });

  test("has what an archive requires of a message", () => {
    expect(message.from.id).not.toBe("");
    expect(message.to.length).toBeGreaterThan(0);
    expect(Number.isNaN(Date.parse(message.date))).toBe(false);
    expect(message.subject).toMatch(/^[^\r\n]{1,120}$/);
    expect(message.html).not.toMatch(/<(script|iframe|object|style|on\w+=)|href="(?!https?:|mailto:)/i);
  });
});

test("maps alike in every time zone", () => {
  const before = process.env["TZ"];
  const maps = ["UTC", "Asia/Tokyo", "America/St_Johns"].map((zone) => {
    process.env["TZ"] = zone;
    return fixtures.map((name) => {
      const { event } = load(name);
      return connector.events[event.type]?.(event);
    });
  });
  if (before === undefined) delete process.env["TZ"];
  else process.env["TZ"] = before;
  expect(maps[1]).toEqual(maps[0]);
  expect(maps[2]).toEqual(maps[0]);
});
