import { readdirSync, readFileSync } from "node:fs";
import type { CapturedEvent, MessageDraft } from "@hansard/core";
import { describe, expect, test } from "vitest";
import { connector } from "./index.ts";

const folder = new URL("../fixtures/", import.meta.url);
const fixtures = readdirSync(folder).filter((name) => name.endsWith(".json"));

describe("each fixture's event maps to its message", () => {
  test.each(fixtures)("%s", (name) => {
    const { event, message }: { event: CapturedEvent; message: MessageDraft } = JSON.parse(
      readFileSync(new URL(name, folder), "utf8"),
    );
    expect(event.type).toBe(name.split(".")[0]);
    const mapped = connector.events[event.type]?.(event);
    expect(mapped).toEqual(message);
    expect(JSON.parse(JSON.stringify(mapped))).toEqual(mapped);
  });
});

test("every event type has a fixture", () => {
  expect([...new Set(fixtures.map((name) => name.split(".")[0]))].sort()).toEqual(Object.keys(connector.events).sort());
});
