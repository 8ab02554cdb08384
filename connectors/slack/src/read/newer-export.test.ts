import { expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import { BASE, DAY, type ExportContent, said, writeZip } from "../export.test.support.ts";
import { countByType, runSource } from "../journal.test.support.ts";
import { events } from "../map.ts";
import { objectAt } from "../schema/json.ts";

const NEXT = "2023-11-15";
const edited = (second: number) => ({ edited: { user: "U00000001", ts: `${1700000000 + second}.000000` } });
const reacted = (...users: string[]) => ({ reactions: [{ name: "+1", users, count: users.length }] });
const later = new Date("2026-12-01T08:00:00Z");

/** Reads an export, then a newer one of the same workspace. */
async function readTwice(first: ExportContent, second: ExportContent, stopAfterPages?: number): Promise<MemoryJournal> {
  const journal = new MemoryJournal();
  await runSource({ settings: { export: await writeZip({ ...BASE, ...first }) }, journal });
  const newer = { export: await writeZip({ ...BASE, ...second }) };
  if (stopAfterPages !== undefined) await runSource({ settings: newer, journal, startedAt: later, stopAfterPages });
  await runSource({ settings: newer, journal, startedAt: later });
  return journal;
}

function eventsOf(journal: MemoryJournal): string[] {
  return [...journal.events.values()]
    .map(({ type, key, version }) => [type, key.replace("C00000001:17000000", ""), version].filter(Boolean).join(" "))
    .sort();
}

test("adds what is new in a day that was read before", async () => {
  const journal = await readTwice(
    { [`general/${DAY}.json`]: [said(10, "a")] },
    { [`general/${DAY}.json`]: [said(10, "a"), said(20, "b")] },
  );
  expect(eventsOf(journal)).toEqual(["Message 10.000100", "Message 20.000100"]);
  expect(journal.unaccounted()).toEqual({});
});

test("archives a message that was edited since as an edit, beside what was captured before", async () => {
  const journal = await readTwice(
    { [`general/${DAY}.json`]: [said(10, "before"), said(20, "same", edited(25))] },
    { [`general/${DAY}.json`]: [said(10, "after", edited(90)), said(20, "same", edited(25))] },
  );
  expect(eventsOf(journal)).toEqual([
    "Edit 10.000100 1700000090.000000",
    "Message 10.000100",
    "Message 20.000100 1700000025.000000",
  ]);
  const edit = journal.capturedEvents().find(({ type }) => type === "Edit");
  expect(edit && events.Edit(edit)).toMatchObject({
    date: "2023-11-14T22:14:50.000Z",
    subject: "Edited: #general: after",
    references: ["C00000001:1700000010.000100"],
  });
  expect(journal.unaccounted()).toEqual({});
});

test("archives a tombstone for a message that is no longer in the export", async () => {
  const journal = await readTwice(
    { [`general/${DAY}.json`]: [said(10, "a"), said(20, "gone"), said(30, "c")] },
    { [`general/${DAY}.json`]: [said(10, "a"), said(30, "c")] },
  );
  expect(eventsOf(journal)).toEqual([
    "Delete 20.000100 deleted",
    "Message 10.000100",
    "Message 20.000100",
    "Message 30.000100",
  ]);
  const tombstone = journal.capturedEvents().find(({ type }) => type === "Delete");
  expect(tombstone?.data).toEqual({
    conversation: "C00000001",
    ts: "1700000020.000100",
    observedAt: later.toISOString(),
  });
  expect(tombstone && events.Delete(tombstone).text).toContain("is no longer in the export");
  expect(journal.unaccounted()).toEqual({});
});

test("does not take a message for deleted that moved to the file of another day", async () => {
  const journal = await readTwice(
    {
      [`general/${DAY}.json`]: [said(10, "a"), said(20, "moves"), said(30, "c")],
      [`general/${NEXT}.json`]: [said(90000, "d")],
    },
    {
      [`general/${DAY}.json`]: [said(10, "a"), said(30, "c")],
      [`general/${NEXT}.json`]: [said(20, "moves"), said(90000, "d")],
    },
  );
  expect(countByType(journal)).toEqual({ Message: 4 });
  expect(journal.unaccounted()).toEqual({});
});

test("takes a day without any message left for deleted only inside the span of the newer export", async () => {
  const days = {
    "general/2023-11-13.json": [said(-86400, "a")],
    [`general/${DAY}.json`]: [said(1, "b")],
    [`general/${NEXT}.json`]: [said(86401, "c")],
  };
  const { [`general/${DAY}.json`]: _middle, ...without } = days;
  expect(countByType(await readTwice(days, without))).toEqual({ Message: 3, Delete: 1 });
  expect(countByType(await readTwice(days, { [`general/${NEXT}.json`]: days[`general/${NEXT}.json`] }))).toEqual({
    Message: 3,
  });
});

test("archives reactions that changed as their state at that time, once", async () => {
  const first = {
    [`general/${DAY}.json`]: [
      said(10, "a", reacted("U00000001")),
      said(20, "b", reacted("U00000002")),
      said(30, "c"),
      said(40, "d", reacted("U00000002", "U00000001")),
    ],
  };
  const second = {
    [`general/${DAY}.json`]: [
      said(10, "a"),
      said(20, "b", reacted("U00000002")),
      said(30, "c", reacted("U00000003")),
      said(40, "d", reacted("U00000001", "U00000002")),
    ],
  };
  const journal = await readTwice(first, second);
  const changes = journal.capturedEvents().filter(({ type }) => type === "Reaction");
  expect(changes.map(({ key }) => key)).toEqual([
    "C00000001:1700000010.000100#reactions",
    "C00000001:1700000030.000100#reactions",
  ]);
  expect(changes.map((event) => events.Reaction(event).text.split("\n")[1])).toEqual([
    "Reactions: none any more",
    "Reactions: 👍 Cora Lindt",
  ]);
  const { pages } = journal;
  await runSource({
    settings: { export: await writeZip({ ...BASE, ...second }) },
    journal,
    startedAt: new Date("2026-12-02T08:00:00Z"),
  });
  expect(journal.pages).toBe(pages);
  expect(journal.unaccounted()).toEqual({});
});

test("closes the gap of a broken day file when a newer export has it whole", async () => {
  const whole = [said(10, "a"), said(20, "b"), said(30, "c")];
  const broken = { [`general/${DAY}.json`]: JSON.stringify(whole).slice(0, -5) };
  expect((await readTwice(broken, broken)).gaps.size).toBe(1);
  const journal = await readTwice(broken, { [`general/${DAY}.json`]: whole });
  expect(countByType(journal)).toEqual({ Message: 3 });
  expect([...journal.gaps.keys()]).toEqual([]);
});

test("keeps its books and its place when the channel was renamed", async () => {
  const day = [said(10, "a")];
  const renamed = {
    "channels.json": [{ id: "C00000001", name: "everyone", members: ["U00000001"] }],
    [`everyone/${DAY}.json`]: day,
    [`everyone/${NEXT}.json`]: [said(86500, "b")],
  };
  const journal = await readTwice({ [`general/${DAY}.json`]: day }, renamed);
  expect(countByType(journal)).toEqual({ Message: 2 });
  expect([...journal.claims.keys()]).toEqual([`workspace/general/${DAY}.json`, `workspace/everyone/${NEXT}.json`]);
});

test("gives the same events when it stops after any page of a newer export", async () => {
  const many = Array.from({ length: 2500 }, (_, index) =>
    said(index * 10, `message ${index}`, index % 50 === 0 ? reacted("U00000001") : {}),
  );
  const changed = many
    .filter((_, index) => index % 40 !== 3)
    .map((message, index) =>
      index % 30 === 1
        ? { ...message, text: "changed", ...edited(90_000 + index) }
        : index % 70 === 2
          ? { ...message, ...reacted("U00000002") }
          : message,
    );
  const [first, second] = [{ [`general/${DAY}.json`]: many }, { [`general/${DAY}.json`]: changed }];
  const whole = await readTwice(first, second);
  expect(countByType(whole)["Delete"]).toBe(63);
  expect(whole.unaccounted()).toEqual({});
  for (let pages = 1; pages <= 4; pages += 1) {
    const stopped = await readTwice(first, second, pages);
    expect(eventsOf(stopped)).toEqual(eventsOf(whole));
    expect(stopped.unaccounted()).toEqual({});
  }
});

test("hands a large day over in pages of at most 1,000 events, with a checkpoint at its end", async () => {
  const path = await writeZip({
    ...BASE,
    [`general/${DAY}.json`]: Array.from({ length: 2500 }, (_, index) => said(index, "x")),
  });
  for (const [pages, size, days] of [
    [1, 1000, undefined],
    [2, 2000, undefined],
    [3, 2500, [DAY]],
  ] as const) {
    const journal = await runSource({ settings: { export: path }, stopAfterPages: pages });
    expect(journal.events.size).toBe(size);
    expect(
      journal.checkpoints.has("C00000001")
        ? Object.keys(objectAt(journal.checkpoints.get("C00000001"), "days") ?? {})
        : undefined,
    ).toEqual(days);
  }
});
