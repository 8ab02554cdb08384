import { expect, test } from "vitest";
import { BASE, CHANNELS, DAY, said, USERS, writeFolder, writeZip } from "../export.test.support.ts";
import { runSource } from "../journal.test.support.ts";
import { offline, silent } from "../offline.test.support.ts";
import { events } from "../map.ts";
import { check, enumerate, partitions } from "../read.ts";
import { Settings } from "../schema.ts";

const corporate = {
  ...BASE,
  "groups.json": [{ id: "G00000001", name: "board", members: ["U00000001", "U00000002"] }],
  "dms.json": [{ id: "D00000001", members: ["U00000001", "U00000002"] }],
  "mpims.json": [{ id: "G00000002", name: "mpdm-ada--ben--cora-1", members: ["U00000001", "U00000002", "U00000003"] }],
  [`general/${DAY}.json`]: [said(1, "public")],
  [`board/${DAY}.json`]: [said(2, "private")],
  [`D00000001/${DAY}.json`]: [said(3, "direct")],
  [`mpdm-ada--ben--cora-1/${DAY}.json`]: [said(4, "group")],
};

function keysOf({ events }: { events: Map<string, { key: string }> }): string[] {
  return [...events.values()].map(({ key }) => key).sort();
}

test("reads public and private channels, direct and group messages, alike from a zip and a folder", async () => {
  const keys = [
    "C00000001:1700000001.000100",
    "D00000001:1700000003.000100",
    "G00000001:1700000002.000100",
    "G00000002:1700000004.000100",
  ];
  const fromZip = await runSource({ settings: { export: await writeZip(corporate) } });
  const fromFolder = await runSource({ settings: { export: await writeFolder(corporate) } });
  expect(keysOf(fromZip)).toEqual(keys);
  expect([...fromFolder.events]).toEqual([...fromZip.events]);
});

test("names direct conversations by their people", async () => {
  const journal = await runSource({ settings: { export: await writeZip(corporate) } });
  const subjects = journal
    .capturedEvents()
    .map((event) => events.Message(event).subject)
    .sort();
  expect(subjects).toEqual([
    "#board: private",
    "#general: public",
    "Ada Abbott, Ben Okoro, Cora Lindt: group",
    "Ada Abbott, Ben Okoro: direct",
  ]);
});

test("finds the export inside one top folder", async () => {
  const inside = Object.fromEntries(Object.entries(corporate).map(([path, value]) => [`acme export/${path}`, value]));
  const journal = await runSource({ settings: { export: await writeZip(inside) } });
  expect(journal.events.size).toBe(4);
  expect([...journal.claims.keys()]).toContain(`workspace/general/${DAY}.json`);
});

test("reads every workspace of a Grid, with the people of the organisation", async () => {
  const grid = {
    "org_users.json": USERS,
    "channels.json": [],
    "dms.json": corporate["dms.json"],
    [`D00000001/${DAY}.json`]: [said(1, "direct")],
    "teams/north/channels.json": [CHANNELS[0]],
    [`teams/north/general/${DAY}.json`]: [said(2, "north")],
    "teams/south/channels.json": [
      { ...CHANNELS[0], id: "C00000009" },
      { ...CHANNELS[1], id: "C00000003", name: "shared" },
    ],
    [`teams/south/general/${DAY}.json`]: [said(3, "south")],
  };
  const journal = await runSource({ settings: { export: await writeZip(grid), workspace: "acme" } });
  expect(keysOf(journal)).toEqual([
    "C00000001:1700000002.000100",
    "C00000009:1700000003.000100",
    "D00000001:1700000001.000100",
  ]);
  expect([...journal.claims.keys()].sort()).toEqual([
    `acme/D00000001/${DAY}.json`,
    `acme/north/general/${DAY}.json`,
    `acme/south/general/${DAY}.json`,
  ]);
  expect(journal.capturedEvents().map((event) => events.Message(event).from.name)).toEqual([
    "Ada Abbott",
    "Ada Abbott",
    "Ada Abbott",
  ]);
});

test("counts a message of a channel that two workspaces share once, and the books balance", async () => {
  const shared = {
    ...BASE,
    "teams/a/channels.json": CHANNELS,
    "teams/b/channels.json": CHANNELS,
    [`teams/a/general/${DAY}.json`]: [said(1, "once")],
    [`teams/b/general/${DAY}.json`]: [said(1, "once"), said(2, "twice")],
  };
  const journal = await runSource({ settings: { export: await writeZip(shared) } });
  expect(keysOf(journal)).toEqual(["C00000001:1700000001.000100", "C00000001:1700000002.000100"]);
  expect(journal.unaccounted()).toEqual({});
});

test("archives a folder that no list names under its own name", async () => {
  const journal = await runSource({
    settings: { export: await writeZip({ ...BASE, [`lost+found/${DAY}.json`]: [said(1, "found")] }) },
  });
  expect(keysOf(journal)).toEqual(["lost+found:1700000001.000100"]);
});

test("takes the bytes of files from inside the export", async () => {
  const files = (id: string, name: string) => ({ files: [{ id, name, mimetype: "text/plain", size: 5 }] });
  const content = {
    ...BASE,
    [`general/${DAY}.json`]: [said(1, "", files("F0AAAAAAA", "a.txt")), said(2, "", files("F0BBBBBBB", "b.txt"))],
    "__uploads/F0AAAAAAA/a.txt": "first",
    "general/attachments/F0BBBBBBB-b.txt": "other",
  };
  for (const path of [await writeZip(content), await writeFolder(content)]) {
    const journal = await runSource({ settings: { export: path } });
    const blobs = journal
      .capturedEvents()
      .flatMap(({ attachments }) =>
        attachments.map((attachment) =>
          "blob" in attachment ? journal.blobs.get(attachment.blob.sha256)?.toString() : attachment.unavailable,
        ),
      );
    expect(blobs).toEqual(["first", "other"]);
    expect(journal.gaps.size).toBe(0);
  }
});

test("leaves excluded conversations out and counts them", async () => {
  const content = {
    ...BASE,
    [`general/${DAY}.json`]: [said(1, "in")],
    [`random/${DAY}.json`]: [said(2, "out"), said(3, "out")],
  };
  const path = await writeZip(content);
  const journal = await runSource({ settings: { export: path, excludeChannels: ["#random"] } });
  expect(keysOf(journal)).toEqual(["C00000001:1700000001.000100"]);
  expect(journal.exclusions.get(`workspace/random/${DAY}.json`)?.events).toBe(2);
  expect(journal.unaccounted()).toEqual({});
  // Once it is no longer excluded, it is read in full.
  await runSource({ settings: { export: path }, journal });
  expect(journal.events.size).toBe(3);
  expect(journal.unaccounted()).toEqual({});
});

test("lists the id of every message without reading it in", async () => {
  const settings = Settings.parse({ export: await writeZip(corporate) });
  const context = {
    settings,
    http: offline,
    log: silent,
    signal: new AbortController().signal,
    startedAt: new Date(),
    state: { get: () => Promise.resolve(undefined), put: () => Promise.resolve() },
  };
  const keys: string[] = [];
  for await (const { key } of enumerate(context)) keys.push(key);
  const journal = await runSource({ settings: { export: settings.mode === "export" ? settings.export : "" } });
  expect(keys.sort()).toEqual(keysOf(journal));
});

test("says before the first run what the export holds and lacks", async () => {
  const settings = Settings.parse({
    export: await writeZip({ ...BASE, [`general/${DAY}.json`]: [said(1, "hello")] }),
    excludeChannels: ["rondom"],
  });
  const context = {
    settings,
    http: offline,
    log: silent,
    signal: new AbortController().signal,
    startedAt: new Date(),
    state: { get: () => Promise.resolve(undefined), put: () => Promise.resolve() },
  };
  const findings = await check(context);
  expect(findings.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    `ok: The export holds 1 conversations with 1 day files, from ${DAY} to ${DAY}.`,
    "ok: The export knows 3 people, and an address of each who is active.",
    "warning: The export holds public channels only: no private channel and no direct message.",
    'warning: The excluded conversation "rondom" is not in the export.',
  ]);
  expect(findings.filter(({ level }) => level !== "ok").every(({ remedy }) => remedy)).toBe(true);
  expect(await partitions(context)).toEqual([{ id: "C00000001", name: "workspace/general" }]);
});
