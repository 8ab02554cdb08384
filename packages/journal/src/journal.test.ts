import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Page, SourceEvent } from "@hansard/core";
import type { IntendedMessage, Intent, Journal } from "@hansard/core/ingestion";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openJournal } from "./open-journal.ts";

const NOW = new Date("2026-03-02T10:00:00Z");
let folder: string;
let journal: Journal;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "hansard-journal-"));
  journal = openJournal(folder);
  await journal.openSource({ id: "slack", connector: "slack", version: "1.0.0" });
});

afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true });
});

test("a page's events, contexts and checkpoint are there after opening the journal again", async () => {
  await journal.append(
    "slack",
    "C1",
    {
      events: [event("a", { context: { people: "p1" } }), event("b")],
      contexts: { p1: { U1: "Ann" } },
      checkpoint: { day: 2 },
    },
    NOW,
  );
  await reopen();
  expect(await journal.position("slack", "C1", NOW)).toEqual({ checkpoint: { day: 2 }, followUps: [] });
  const events = [...(await journal.take("slack", "archive", 10))];
  expect(events.map(({ seq, key, context }) => ({ seq, key, context }))).toEqual([
    { seq: 1, key: "a", context: { people: { U1: "Ann" } } },
    { seq: 2, key: "b", context: {} },
  ]);
});

test("the same key and version is one event, however often it is read", async () => {
  await journal.append("slack", "C1", { events: [event("a")] }, NOW);
  const again = await journal.append(
    "slack",
    "C1",
    { events: [event("a"), event("a", { version: "2" }), event("b")] },
    NOW,
  );
  expect(again).toEqual({ captured: 2, known: 1 });
  const known = [];
  for await (const { key, version } of journal.captured("slack", { from: "a", to: "b" })) known.push([key, version]);
  expect(known).toEqual([
    ["a", ""],
    ["a", "2"],
  ]);
});

test("a page that fails leaves nothing behind, and the next one is whole", async () => {
  const cyclic: Page = { events: [event("a")] };
  (cyclic.events[0] as { data: unknown }).data = cyclic;
  await expect(journal.append("slack", "C1", cyclic, NOW)).rejects.toThrow();
  expect(await journal.append("slack", "C1", { events: [event("a")] }, NOW)).toEqual({ captured: 1, known: 0 });
  expect((await journal.verify()).problems).toEqual([]);
});

test("take resumes behind the cursor, across pages", async () => {
  for (const keys of [["a", "b", "c"], ["d"], ["e", "f"]])
    await journal.append("slack", "C1", { events: keys.map((key) => event(key)) }, NOW);
  const first = [...(await journal.take("slack", "archive", 2))];
  expect(first.map(({ key }) => key)).toEqual(["a", "b"]);
  await journal.intend(intent([message([1]), message([2])], 2), false, NOW);
  expect([...(await journal.take("slack", "archive", 3))].map(({ key }) => key)).toEqual(["c", "d", "e"]);
  expect([...(await journal.take("slack", "archive", 100))].map(({ key }) => key)).toEqual(["c", "d", "e", "f"]);
});

test("an intent without a settlement is open again after a crash, and settled it is delivered", async () => {
  await journal.append("slack", "C1", { events: [event("a"), event("b")] }, NOW);
  const id = await journal.intend(intent([message([1]), message([2])], 2), false, NOW);
  await reopen();
  const [open] = await journal.openIntents("slack", "archive");
  expect(open?.deliveries.map(({ id: delivery }) => delivery)).toEqual([`${id}.0.0`, `${id}.1.0`]);
  expect(await books()).toMatchObject({ captured: 2, delivered: 0, pending: 2, unaccounted: 0 });
  await journal.settle(id, [settled(0), settled(1)], NOW);
  expect(await journal.openIntents("slack", "archive")).toEqual([]);
  expect(await books()).toMatchObject({ captured: 2, delivered: 2, pending: 0, unaccounted: 0 });
  expect((await journal.trace(2))[0]?.results).toEqual([
    { status: "delivered", receipt: { itemId: "item-1", correlationId: "request" } },
  ]);
});

test("a delivery that must be tried again stays open alone", async () => {
  await journal.append("slack", "C1", { events: [event("a"), event("b")] }, NOW);
  const id = await journal.intend(intent([message([1]), message([2])], 2), false, NOW);
  await journal.settle(
    id,
    [settled(0), { message: 1, target: 0, result: { status: "retry", reason: "busy", retryAt: 5 } }],
    NOW,
  );
  expect((await journal.openIntents("slack", "archive"))[0]?.deliveries).toEqual([
    { id: `${id}.1.0`, message: 1, target: 0, attempts: 1, retryAt: 5 },
  ]);
  expect(await books()).toMatchObject({ delivered: 1, pending: 1, unaccounted: 0 });
  await journal.settle(id, [settled(1)], NOW);
  expect(await books()).toMatchObject({ delivered: 2, pending: 0, unaccounted: 0 });
});

test("what is left of an intent that was settled in part stays open, though its deliveries were not followed singly", async () => {
  await journal.append("slack", "C1", { events: [event("a"), event("b")] }, NOW);
  const both: IntendedMessage = { ...message([1]), targets: [target("ann@x.example"), target("bob@x.example")] };
  const id = await journal.intend(intent([both, message([2])], 2), false, NOW);
  await journal.settle(id, [settled(0)], NOW);
  expect((await journal.openIntents("slack", "archive"))[0]?.deliveries.map((left) => left.id)).toEqual([
    `${id}.0.1`,
    `${id}.1.0`,
  ]);
  expect(await books()).toMatchObject({ delivered: 0, pending: 2, unaccounted: 0 });
  await journal.settle(id, [settled(1), { ...settled(0), target: 1 }], NOW);
  expect(await journal.openIntents("slack", "archive")).toEqual([]);
  expect(await books()).toMatchObject({ delivered: 2, pending: 0, unaccounted: 0 });
});

test("an at-least-once delivery is followed singly until each has its receipt", async () => {
  await journal.append("slack", "C1", { events: [event("a")] }, NOW);
  const both: IntendedMessage = { ...message([1]), targets: [target("ann@x.example"), target("bob@x.example")] };
  const id = await journal.intend(intent([both], 1), true, NOW);
  await journal.submitted(id, [{ message: 0, target: 0 }], NOW);
  await journal.settle(id, [settled(0)], NOW);
  expect((await journal.openIntents("slack", "archive"))[0]?.deliveries).toEqual([
    { id: `${id}.0.1`, message: 0, target: 1, attempts: 0 },
  ]);
  expect(await books()).toMatchObject({ delivered: 0, pending: 1, unaccounted: 0 });
  await journal.settle(id, [{ ...settled(0), target: 1 }], NOW);
  expect(await books()).toMatchObject({ delivered: 1, pending: 0, unaccounted: 0 });
  expect((await journal.status())[0]?.destinations["archive"]?.byMailbox).toEqual({
    "ann@x.example/Recoverable Items/Purges": 1,
    "bob@x.example/Recoverable Items/Purges": 1,
  });
});

test("what cannot be mapped is quarantined, balances, and leaves quarantine when it is intended anew", async () => {
  await journal.append("slack", "C1", { events: [event("a"), event("b")] }, NOW);
  const id = await journal.intend(
    { ...intent([message([1])], 2), quarantined: [{ event: 2, stage: "map", reason: "It has no date." }] },
    false,
    NOW,
  );
  await journal.settle(id, [settled(0)], NOW);
  expect(await books()).toMatchObject({ captured: 2, delivered: 1, quarantined: 1, unaccounted: 0 });
  expect(await journal.quarantine()).toMatchObject([
    { eventKey: "b", stage: "map", reason: "It has no date.", attempts: 1 },
  ]);
  const retry = await journal.intend({ ...intent([message([2])]), purpose: "retry" }, false, NOW);
  await journal.settle(retry, [settled(0)], NOW);
  expect(await journal.quarantine()).toEqual([]);
  expect(await books()).toMatchObject({ delivered: 2, quarantined: 0, unaccounted: 0 });
});

test("claims balance against events, gaps and exclusions, and what is missing is named", async () => {
  const claimed = ["a", "b"].map((key) => event(key, { claim: "day" }));
  await journal.append(
    "slack",
    "C1",
    {
      events: claimed,
      claims: [{ id: "day", events: 4 }],
      gaps: [{ id: "g", reason: "Broken.", events: 1, claim: "day" }],
    },
    NOW,
  );
  expect(await books()).toMatchObject({
    claimed: 4,
    captured: 2,
    gaps: 1,
    unaccounted: 1,
    discrepancies: [expect.stringContaining('"day" claims 1 event more')],
  });
  await journal.append(
    "slack",
    "C1",
    { events: [], exclusions: [{ id: "x", reason: "Excluded.", events: 1, claim: "day" }] },
    NOW,
  );
  expect(await books()).toMatchObject({
    claimed: 4,
    captured: 2,
    gaps: 1,
    excluded: 1,
    unaccounted: 0,
    discrepancies: [],
  });
});

test("an event that two claims count is captured once and missed from neither", async () => {
  await journal.append(
    "slack",
    "C1",
    { events: [event("a", { claim: "one" })], claims: [{ id: "one", events: 1 }] },
    NOW,
  );
  await journal.append(
    "slack",
    "C1",
    { events: [event("a", { claim: "two" })], claims: [{ id: "two", events: 1 }] },
    NOW,
  );
  expect(await books()).toMatchObject({ claimed: 1, captured: 1, unaccounted: 0 });
});

test("the days on which a partition has events are known", async () => {
  await journal.append(
    "slack",
    "C1",
    { events: [event("a"), event("b", { occurredAt: "2026-03-04T09:00:00Z" })] },
    NOW,
  );
  expect((await journal.status())[0]?.coverage).toEqual([
    { partition: "C1", firstDay: "2026-03-01", lastDay: "2026-03-04", days: 2, events: 2 },
  ]);
});

test("events wait in their group until it closes", async () => {
  await journal.append("slack", "C1", { events: [event("a"), event("b")] }, NOW);
  await journal.wait(
    {
      source: "slack",
      destination: "archive",
      takenThrough: 2,
      events: [1, 2].map((seq) => ({ event: seq, group: "C1 day", closesAt: NOW.getTime() + 1000 })),
      quarantined: [],
    },
    NOW,
  );
  expect(await journal.closedGroups("slack", "archive", NOW, 10)).toEqual([]);
  expect(await books()).toMatchObject({ delivered: 0, pending: 2, unaccounted: 0 });
  const later = new Date(NOW.getTime() + 2000);
  expect(await journal.closedGroups("slack", "archive", later, 10)).toEqual([
    { key: "C1 day", events: [1, 2], delivered: 0 },
  ]);
  const id = await journal.intend({ ...intent([message([1, 2])]), released: [1, 2] }, false, later);
  await journal.settle(id, [settled(0)], later);
  expect(await journal.closedGroups("slack", "archive", later, 10)).toEqual([]);
  expect(await books()).toMatchObject({ delivered: 2, pending: 0, unaccounted: 0 });
});

test("content is stored once under its hash, small and large, and is refused above the limit", async () => {
  const small = await journal.blobs.put(Buffer.from("hello"));
  const large = await journal.blobs.put(chunks(300));
  await journal.append("slack", "C1", { events: [event("a")] }, NOW);
  await reopen();
  expect(await text(small)).toBe("hello");
  expect((await text(large)).length).toBe(300 * 1024);
  await expect(journal.blobs.put(chunks(300), { maxBytes: 100_000 })).rejects.toThrow("longer than");
  expect((await journal.verify()).blobs).toBe(2);
});

test("verify names an entry that was changed, and one that was removed", async () => {
  for (const key of ["a", "b", "c"]) await journal.append("slack", "C1", { events: [event(key)] }, NOW);
  expect((await journal.verify()).problems).toEqual([]);
  await journal.close();
  const database = new DatabaseSync(join(folder, "journal.db"));
  database.exec("UPDATE entry SET at = at + 1 WHERE seq = 2");
  database.close();
  journal = openJournal(folder);
  expect((await journal.verify()).problems).toEqual([expect.stringContaining("Entry 2 is not what was written")]);
});

test("the database is opened with synchronous=FULL", () => {
  const database = new DatabaseSync(join(folder, "journal.db"));
  expect(database.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  database.close();
});

async function reopen(): Promise<void> {
  await journal.close();
  journal = openJournal(folder);
}

async function books() {
  const [first] = await journal.books();
  return first;
}

function event(key: string, more: Partial<SourceEvent> = {}): SourceEvent {
  return { type: "Message", key, occurredAt: "2026-03-01T09:00:00Z", data: { text: key }, ...more };
}

function target(mailbox: string) {
  return { mailbox, folder: { kind: "purges" as const }, rule: "address" };
}

function message(events: number[]): IntendedMessage {
  return {
    events,
    messageId: `<${events.join(".")}@x.invalid>`,
    messageClass: "IPM.NOTE.Slack.Message",
    sha256: "0".repeat(64),
    size: 10,
    targets: [target("ann@x.example")],
  };
}

function intent(messages: IntendedMessage[], takenThrough?: number): Intent {
  return {
    source: "slack",
    destination: "archive",
    madeWith: { connector: "1.0.0", people: "p" },
    messages,
    quarantined: [],
    unmapped: [],
    ...(takenThrough === undefined ? {} : { takenThrough }),
  };
}

function settled(index: number) {
  return {
    message: index,
    target: 0,
    result: { status: "delivered" as const, receipt: { itemId: `item-${index}`, correlationId: "request" } },
  };
}

async function* chunks(kilobytes: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < kilobytes; index += 1) yield Buffer.alloc(1024, index % 256);
}

async function text(blob: { sha256: string; size: number }): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of journal.blobs.read(blob)) parts.push(chunk);
  return Buffer.concat(parts).toString("latin1");
}
