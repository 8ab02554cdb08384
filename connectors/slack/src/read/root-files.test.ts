import { expect, test } from "vitest";
import { BASE, DAY, said, writeFolder, writeZip } from "../export.test.support.ts";
import { runSource } from "../journal.test.support.ts";
import { offline, silent } from "../offline.test.support.ts";
import { events } from "../map.ts";
import { enumerate, partitions } from "../read.ts";
import { Settings } from "../schema.ts";
import type { EventType } from "./event-type.ts";

const CANVAS = {
  id: "F0CANVAS01",
  created: 1700000100,
  updated: 1700000900,
  title: "Holiday plan",
  user: "U00000001",
  filetype: "quip",
  mimetype: "application/vnd.slack-docs",
  size: 12,
};
const LIST = {
  id: "F0LIST0001",
  created: 1700000100,
  updated: 1700000100,
  title: "Orders to check",
  user: "U00000002",
};
const ADDED = {
  user_id: "U00000001",
  user_name: "ada",
  date: "1700000300",
  change_type: "added",
  app_id: "A0000001",
  app_type: "Calendar",
  scope: "channels:read,users:read",
};

const CONTENT = {
  ...BASE,
  [`general/${DAY}.json`]: [said(1, "hello")],
  "canvases.json": [CANVAS],
  "lists.json": [LIST],
  "integration_logs.json": [ADDED, { ...ADDED, date: "1700000400", change_type: "removed", reason: "not needed" }],
  "huddle_transcripts.json": { transcripts: ["nobody knows their shape"] },
  "general/notes.txt": "a file that Slack does not make",
  "__uploads/F0CANVAS01/plan.html": "<p>plan</p>\n",
  "general/attachments/F0ALONE001-draft.txt": "nobody names it",
  "__MACOSX/general/._x.json": "junk",
  ".DS_Store": "junk",
};

test("archives canvases, lists and the log of integrations, and any other file as it is", async () => {
  const journal = await runSource({ settings: { export: await writeZip(CONTENT) } });
  expect(
    journal
      .capturedEvents()
      .map(({ type, key, version }) => `${type} ${key} ${version}`.trim())
      .sort(),
  ).toEqual([
    "Canvas workspace:canvases#F0CANVAS01 1700000900",
    expect.stringMatching(/^Integration workspace:integration_logs#\w{16}$/),
    expect.stringMatching(/^Integration workspace:integration_logs#\w{16}$/),
    "List workspace:lists#F0LIST0001",
    "Message C00000001:1700000001.000100",
    expect.stringMatching(/^Other workspace:general\/attachments\/F0ALONE001-draft.txt \w{16}$/),
    expect.stringMatching(/^Other workspace:general\/notes.txt \w{16}$/),
    expect.stringMatching(/^Other workspace:huddle_transcripts.json \w{16}$/),
  ]);
  expect(journal.unaccounted()).toEqual({});
  expect([...journal.exclusions.keys()].sort()).toEqual(["workspace/.DS_Store", "workspace/__MACOSX/general/._x.json"]);
  const contents = journal
    .capturedEvents()
    .flatMap(({ attachments }) =>
      attachments.map((file) => ("blob" in file ? journal.blobs.get(file.blob.sha256)?.toString() : file.unavailable)),
    );
  expect(contents.toSorted()).toEqual([
    "<p>plan</p>\n",
    "The export gives no link to it.",
    "a file that Slack does not make",
    "nobody names it",
    '{"transcripts":["nobody knows their shape"]}',
  ]);
});

test("says in a message who made a canvas or list, and who changed which app", async () => {
  const journal = await runSource({ settings: { export: await writeZip(CONTENT), workspace: "acme" } });
  const drafts = journal
    .capturedEvents()
    .filter(({ key }) => key.startsWith("workspace:"))
    .map((event) => events[event.type as EventType](event));
  expect(drafts.map(({ from, to, subject }) => `${from.name} > ${to[0]?.name}: ${subject}`).sort()).toEqual([
    "Ada Abbott > acme: acme: Ada Abbott added the app Calendar",
    "Ada Abbott > acme: acme: Ada Abbott removed the app Calendar",
    'Ada Abbott > acme: acme: The canvas "Holiday plan"',
    'Ben Okoro > acme: acme: The list "Orders to check"',
    "acme > acme: acme: The file general/attachments/F0ALONE001-draft.txt of the export",
    "acme > acme: acme: The file general/notes.txt of the export",
    "acme > acme: acme: The file huddle_transcripts.json of the export",
  ]);
  expect(drafts.map(({ text }) => text).join("\n")).toContain("reason: not needed");
});

test("a list that a later export holds otherwise gives what is new in it, and an unchanged one gives nothing", async () => {
  const settings = { export: await writeFolder(CONTENT) };
  const journal = await runSource({ settings });
  const { pages } = journal;
  await runSource({ settings, journal });
  expect(journal.pages).toBe(pages);
  const later = {
    ...CONTENT,
    "canvases.json": [{ ...CANVAS, updated: 1700009000, title: "Holiday plan 2" }],
    "huddle_transcripts.json": { transcripts: [] },
  };
  const before = journal.events.size;
  await runSource({ settings: { export: await writeFolder(later) }, journal });
  expect(journal.events.size).toBe(before + 2);
  expect([...journal.events.values()].at(-2)).toMatchObject({
    key: "workspace:canvases#F0CANVAS01",
    version: "1700009000",
  });
  expect(journal.unaccounted()).toEqual({});
});

test("every workspace of a Grid has its own, and what lies beside them belongs to the first", async () => {
  const grid = {
    "org_users.json": BASE["users.json"],
    "integration_logs.json": [ADDED],
    "README.txt": "hello",
    "teams/north/channels.json": [],
    "teams/north/integration_logs.json": [{ ...ADDED, app_type: "Poll" }],
  };
  const journal = await runSource({ settings: { export: await writeZip(grid) } });
  expect([...journal.events.values()].map(({ key }) => key.replace(/#.*/, "")).sort()).toEqual([
    "workspace/teams/north:integration_logs",
    "workspace:README.txt",
    "workspace:integration_logs",
  ]);
  expect(journal.unaccounted()).toEqual({});
});

test("a list that is broken is a gap, and so is a file that is too large", async () => {
  const content = { ...BASE, "canvases.json": '[{"id":"F0CANVAS01"', "other.bin": "0123456789" };
  const journal = await runSource({ settings: { export: await writeZip(content), maxFileBytes: 5 } });
  expect([...journal.gaps].map(([id, { events }]) => `${id} ${events}`).sort()).toEqual([
    "workspace/canvases.json#rest 1",
    "workspace/other.bin#file 1",
  ]);
  expect(journal.unaccounted()).toEqual({});
});

test("lists the ids of all of it, and excludes it where the settings say so", async () => {
  const settings = Settings.parse({ export: await writeZip(CONTENT) });
  const state = { get: () => Promise.resolve(undefined), put: () => Promise.resolve() };
  const signal = new AbortController().signal;
  const context = { settings, http: offline, log: silent, signal, startedAt: new Date(), state };
  const keys: string[] = [];
  for await (const { key } of enumerate(context)) keys.push(key);
  const path = settings.mode === "export" ? settings.export : "";
  const journal = await runSource({ settings: { export: path } });
  expect(keys.sort()).toEqual([...journal.events.values()].map(({ key }) => key).sort());
  expect(await partitions(context)).toContainEqual({ id: "workspace", name: "workspace/workspace" });
  const without = await runSource({ settings: { export: path, excludeChannels: ["workspace"] } });
  expect(without.events.size).toBe(1);
  expect(without.unaccounted()).toEqual({});
});
