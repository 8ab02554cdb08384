import type { SourceEvent } from "@hansard/core";
import { expect, test } from "vitest";
import { MemoryJournal } from "./memory-journal.ts";

const START = new Date("2026-03-02T10:00:00Z");

function event(key: string, more: Partial<SourceEvent> = {}): SourceEvent {
  return { type: "Note", key, occurredAt: START.toISOString(), data: { said: key }, ...more };
}

test("keeps an event as it was captured first, and gives those of a range in the order of their keys", async () => {
  const journal = new MemoryJournal();
  expect(journal.append("all", { events: [event("c"), event("a"), event("b")] })).toBe(3);
  expect(journal.append("all", { events: [event("a", { data: "other" }), event("a", { version: "2" })] })).toBe(1);
  const found = await Array.fromAsync(journal.captured({ from: "a", to: "c" }));
  expect(found.map(({ key, version }) => key + version)).toEqual(["a", "a2", "b"]);
  expect(journal.events.get("a\n")?.data).toEqual({ said: "a" });
});

test("refuses an event whose context or claim no page carried", () => {
  const journal = new MemoryJournal();
  expect(() => journal.append("all", { events: [event("a", { context: { people: "p1" } })] })).toThrow("context p1");
  expect(() => journal.append("all", { events: [event("a", { claim: "day" })] })).toThrow("claim day");
  const contexts = { p1: { u1: "Ada" } };
  journal.append("all", { events: [event("a", { context: { people: "p1" } })], contexts });
  expect(journal.capturedEvents()).toMatchObject([{ key: "a", version: "", context: { people: { u1: "Ada" } } }]);
});

test("gives a read what it may resume from, and what is due", () => {
  const journal = new MemoryJournal();
  const later = new Date(START.getTime() + 60_000).toISOString();
  const followUps = [
    { id: "now", data: 1 },
    { id: "later", dueAt: later, data: 2 },
  ];
  journal.append("all", { events: [], followUps, checkpoint: { at: 1 } });
  expect(journal.position("other", START)).toMatchObject({ checkpoint: undefined, followUps: [] });
  expect(journal.position("all", START)).toMatchObject({ checkpoint: { at: 1 }, followUps: [{ id: "now" }] });
  journal.append("all", { events: [], settled: ["now"] });
  expect(journal.position("all", new Date(later)).followUps.map(({ id }) => id)).toEqual(["later"]);
});

test("names the claims that do not balance", () => {
  const journal = new MemoryJournal();
  const claims = [{ id: "day", events: 4 }];
  const gaps = [{ id: "gap", reason: "It is broken.", events: 1, claim: "day" }];
  const exclusions = [{ id: "excluded", reason: "It is excluded.", events: 1, claim: "day" }];
  journal.append("all", { events: [event("a", { claim: "day" })], claims, gaps, exclusions });
  expect(journal.unaccounted()).toEqual({ day: 1 });
  journal.append("all", { events: [event("b", { claim: "day" }), event("c", { claim: "day" })], closed: ["gap"] });
  expect(journal.unaccounted()).toEqual({});
});

test("keeps content by its hash, and refuses what is too long", async () => {
  const journal = new MemoryJournal();
  const { blobs } = journal.position("all", START);
  const { sha256, size } = await blobs.put(Buffer.from("hello"));
  expect([size, journal.blobs.get(sha256)?.toString()]).toEqual([5, "hello"]);
  await expect(blobs.put(Buffer.from("hello"), { maxBytes: 4 })).rejects.toMatchObject({ kind: "unexpected-response" });
  expect(journal.blobs.size).toBe(1);
});
