import { readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import type { CapturedEvent } from "@hansard/core";
import { connector } from "./src/index.ts";

const FOLDER = new URL("./fixtures/", import.meta.url);
const fixtures = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
const Pair = z.object({ event: z.custom<CapturedEvent>((value) => typeof value === "object"), message: z.json() });

function load(name: string): z.infer<typeof Pair> {
  return Pair.parse(JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")));
}

test.each(fixtures)("%s maps to its message", (name) => {
  const { event, message } = load(name);

  const draft = connector.events[event.type]?.(event);

  expect(name.split(".", 1)[0]).toBe(event.type);
  expect(JSON.parse(JSON.stringify(draft))).toEqual(message);
});

test("every event type has a fixture", () => {
  const shown = new Set(fixtures.map((name) => name.split(".", 1)[0]));

  expect(Object.keys(connector.events).filter((type) => !shown.has(type))).toEqual([]);
});

test.each(fixtures)(
  "%s is plain JSON with every mandatory property, and nothing of it is read but the event",
  (name) => {
    const { event } = load(name);
    const frozen = deepFreeze(structuredClone(event));

    const draft = connector.events[event.type]?.(frozen);

    expect(draft).toEqual(JSON.parse(JSON.stringify(draft)));
    expect(draft).toMatchObject({
      from: { id: expect.stringMatching(/./) },
      subject: expect.stringMatching(/./),
      date: event.occurredAt,
    });
    expect(draft?.to.length).toBeGreaterThan(0);
  },
);

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
