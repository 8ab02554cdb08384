import type { HttpClient } from "@hansard/core";
import { UnavailableError } from "@hansard/core";
import { expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import { BASE, DAY, type ExportContent, said, writeZip } from "../export.test.support.ts";
import { runSource } from "../journal.test.support.ts";
import { offline } from "../offline.test.support.ts";
import { events } from "../map.ts";

const START = Date.parse("2026-11-22T10:00:00Z");
const HOUR_MS = 3_600_000;
const KEY = "C00000001:1700000001.000100";

/** Slack's host, which gives the files that it is said to have, and counts what it is asked for. */
function filesHost(files: Record<string, string>): { http: HttpClient; asked: string[] } {
  const asked: string[] = [];
  const http: HttpClient = {
    ...offline,
    async download(url) {
      const id = url.slice(url.lastIndexOf("/") + 1);
      asked.push(id);
      const content = files[id];
      if (content === undefined) throw new UnavailableError("The host is down.");
      const bytes = Buffer.from(content);
      return { contentType: "text/plain", size: bytes.length, content: chunks(bytes) };
    },
  };
  return { http, asked };
}

async function* chunks(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

function file(id: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const link = { mode: "hosted", url_private_download: `https://files.slack.com/files-pri/${id}` };
  return { id, name: `${id}.txt`, mimetype: "text/plain", size: 5, ...link, ...more };
}

async function exportOf(...messages: unknown[]): Promise<{ export: string }> {
  const content: ExportContent = { ...BASE, [`general/${DAY}.json`]: messages };
  return { export: await writeZip(content) };
}

function openGaps({ gaps }: MemoryJournal): string[] {
  return [...gaps.keys()];
}

function versionsOf({ events: all }: MemoryJournal): string[] {
  return [...all.values()].map(({ type, version = "" }) => `${type} ${version}`.trim());
}

test("a file whose host was down is fetched at a later run, as a version of the message that holds it alone", async () => {
  const settings = await exportOf(said(1, "look", { files: [file("F0LATE"), file("F0THERE")] }));
  const journal = new MemoryJournal();
  await runSource({ settings, journal, http: filesHost({ F0THERE: "there" }).http });
  expect(openGaps(journal)).toEqual([`${KEY}/F0LATE`]);
  const { http, asked } = filesHost({ F0LATE: "late!", F0THERE: "there" });
  await runSource({ settings, journal, http, startedAt: new Date(START + 0.5 * HOUR_MS) });
  expect(asked).toEqual([]);
  await runSource({ settings, journal, http, startedAt: new Date(START + HOUR_MS) });
  expect(asked).toEqual(["F0LATE"]);
  expect(openGaps(journal)).toEqual([]);
  expect(versionsOf(journal)).toEqual(["FileShare", "FileShare file/F0LATE"]);
  const late = journal.capturedEvents().find(({ version }) => version !== "");
  expect(late && events.FileShare(late)).toMatchObject({
    from: { name: "Ada Abbott" },
    date: "2023-11-14T22:13:21.000Z",
    subject: "Late file: #general: F0LATE.txt",
    attachments: [{ name: "F0LATE.txt" }],
  });
  const { pages } = journal;
  await runSource({ settings, journal, http, startedAt: new Date(START + 1000 * HOUR_MS) });
  expect(journal.pages).toBe(pages);
  expect(journal.unaccounted()).toEqual({});
});

test("a file that does not come is asked for again after ever longer, and given up after a year", async () => {
  const settings = await exportOf(said(1, "", { files: [file("F0NEVER")] }));
  const journal = new MemoryJournal();
  const { http, asked } = filesHost({});
  const hours: number[] = [];
  for (let hour = 0; hour < 500 * 24; hour += hour < 200 ? 1 : 24) {
    asked.length = 0;
    await runSource({ settings, journal, http, startedAt: new Date(START + hour * HOUR_MS) });
    if (asked.length > 0) hours.push(hour);
  }
  expect(hours.slice(0, 8)).toEqual([0, 1, 3, 7, 15, 31, 63, 127]);
  const delays = hours.slice(1).map((hour, index) => hour - (hours[index] ?? 0));
  expect(Math.max(...delays)).toBeLessThanOrEqual(29 * 24);
  expect(hours.at(-1)).toBeLessThan(400 * 24);
  expect(openGaps(journal)).toEqual([`${KEY}/F0NEVER`]);
  expect([...journal.followUps.values()].map(({ size }) => size)).toEqual([0]);
});

test("a newer export brings what an older one hid, and fetches nothing that is there", async () => {
  const journal = new MemoryJournal();
  const { http, asked } = filesHost({ F0HIDDEN: "shown", F0THERE: "there" });
  const hidden = { mode: "hidden_by_limit", url_private_download: undefined };
  const older = await exportOf(said(1, "", { files: [file("F0HIDDEN", hidden), file("F0THERE")] }));
  await runSource({ settings: older, journal, http });
  expect(asked).toEqual(["F0THERE"]);
  const shown = said(1, "", { files: [file("F0HIDDEN"), file("F0THERE")] });
  const newer = await exportOf(shown, said(2, "more"));
  await runSource({ settings: newer, journal, http });
  expect(asked).toEqual(["F0THERE", "F0HIDDEN"]);
  expect(openGaps(journal)).toEqual([]);
  expect(versionsOf(journal)).toEqual(["FileShare", "FileShare file/F0HIDDEN", "Message"]);
  // The next one has nothing to bring, and declares nothing missing without a network.
  await runSource({ settings: await exportOf(shown, said(2, "more"), said(3, "and more")), journal });
  expect(openGaps(journal)).toEqual([]);
  expect(journal.unaccounted()).toEqual({});
});

test("an edit brings the file that was missing of the version before it", async () => {
  const journal = new MemoryJournal();
  await runSource({ settings: await exportOf(said(1, "before", { files: [file("F0LATE")] })), journal });
  const edited = { edited: { user: "U00000001", ts: "1700000090.000000" }, files: [file("F0LATE")] };
  const { http } = filesHost({ F0LATE: "late!" });
  await runSource({ settings: await exportOf(said(1, "after", edited)), journal, http });
  expect(openGaps(journal)).toEqual([]);
  await runSource({
    settings: await exportOf(said(1, "after", edited)),
    journal,
    http,
    startedAt: new Date(START * 2),
  });
  expect(versionsOf(journal)).toEqual(["FileShare", "Edit 1700000090.000000"]);
});

test("a file that was too large is fetched once the settings allow it", async () => {
  const settings = await exportOf(said(1, "", { files: [file("F0LARGE")] }));
  const journal = new MemoryJournal();
  const { http, asked } = filesHost({ F0LARGE: "large" });
  await runSource({ settings: { ...settings, maxFileBytes: 4 }, journal, http });
  expect([openGaps(journal), asked]).toEqual([[`${KEY}/F0LARGE`], []]);
  await runSource({ settings, journal, http, startedAt: new Date(START + HOUR_MS) });
  expect([openGaps(journal), asked]).toEqual([[], ["F0LARGE"]]);
});

test("a file that a newer export shows as deleted gives an event that says so, once", async () => {
  const journal = new MemoryJournal();
  const { http } = filesHost({ F0GONE: "there" });
  await runSource({ settings: await exportOf(said(1, "", { files: [file("F0GONE")] })), journal, http });
  const deleted = said(1, "", { files: [{ id: "F0GONE", mode: "tombstone" }] });
  await runSource({ settings: await exportOf(deleted, said(2, "more")), journal, http });
  await runSource({ settings: await exportOf(deleted, said(2, "more"), said(3, "more")), journal, http });
  const found = journal.capturedEvents().filter(({ type }) => type === "FileDelete");
  expect(found.map(({ key }) => key)).toEqual([`${KEY}#file-deleted/F0GONE`]);
  expect(found.map((event) => events.FileDelete(event).references)).toEqual([[KEY]]);
  expect(openGaps(journal)).toEqual([]);
});
