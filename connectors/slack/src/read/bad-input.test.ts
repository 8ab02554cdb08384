import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { isHansardError } from "@hansard/core";
import { expect, test } from "vitest";
import type { MemoryJournal } from "@hansard/testkit";
import { BASE, DAY, makeZip, said, writeFolder, writeZip, type ZipEntry } from "../export.test.support.ts";
import { countByType, runSource } from "../journal.test.support.ts";
import { events } from "../map.ts";

const GOOD = { ...BASE, "general/2023-11-13.json": [said(-86400, "the day before")] };
const FILE = `workspace/general/${DAY}.json`;

function textsOf(journal: MemoryJournal): string[] {
  return journal
    .capturedEvents()
    .map(({ data }) => String((data as { text?: string }).text))
    .sort();
}

function reasonsOf(journal: MemoryJournal): string[] {
  return [...journal.gaps.values()].map(({ reason }) => reason);
}

async function errorOf(settings: Record<string, unknown>): Promise<unknown> {
  return runSource({ settings }).then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("refuses a zip that ends too early, and says so", async () => {
  const path = await writeZip(GOOD);
  await truncate(path, makeZip(Object.entries(GOOD).map(([name, content]) => ({ name, content }))).length - 30);
  const error = await errorOf({ export: path });
  expect(isHansardError(error, "unexpected-response") && error.message).toContain("The zip ends too early");
  expect(isHansardError(error) && error.message).toContain(path);
  expect(isHansardError(error) && error.remedy).toContain("Download the export again");
});

test("refuses a path that is not there, and a zip that is no export", async () => {
  const missing = await errorOf({ export: "/nowhere/export.zip" });
  expect(isHansardError(missing, "settings") && missing.message).toBe(
    'The export "/nowhere/export.zip" cannot be opened (ENOENT).',
  );
  const other = await errorOf({ export: await writeZip({ "holiday.txt": "sun" }) });
  expect(isHansardError(other, "settings") && other.message).toContain("is no Slack export");
});

test("archives what stands before and after elements that cannot be read", async () => {
  const deep = `${'{"a":'.repeat(40)}1${"}".repeat(40)}`;
  const day = `[${JSON.stringify(said(1, "first"))},{"broken": tru},${deep},${JSON.stringify(said(2, "last"))}]`;
  const journal = await runSource({ settings: { export: await writeZip({ ...GOOD, [`general/${DAY}.json`]: day }) } });
  expect(textsOf(journal)).toEqual(["first", "last", "the day before"]);
  expect(reasonsOf(journal)).toEqual([
    `${FILE}: Element 1 is not valid JSON.`,
    `${FILE}: Element 2 is nested 40 levels deep, and 32 are read.`,
  ]);
  expect(journal.claims.get(FILE)?.events).toBe(4);
  expect(journal.unaccounted()).toEqual({});
});

test("archives what stands before the point where a day file breaks off", async () => {
  const whole = JSON.stringify([said(1, "first"), said(2, "second"), said(3, "cut")]);
  const journal = await runSource({
    settings: { export: await writeZip({ ...GOOD, [`general/${DAY}.json`]: whole.slice(0, -20) }) },
  });
  expect(textsOf(journal)).toEqual(["first", "second", "the day before"]);
  expect(reasonsOf(journal)).toEqual([
    `${FILE}: The file ends too early, after 2 elements. What follows counts as one message.`,
  ]);
  expect(journal.unaccounted()).toEqual({});
});

test("names a day file that is no array, and one of rubbish with a bounded number of gaps", async () => {
  const content = {
    ...GOOD,
    [`general/${DAY}.json`]: "<html>Sign in</html>",
    "general/2023-11-15.json": `[${"x,".repeat(5000)}x]`,
  };
  const journal = await runSource({ settings: { export: await writeZip(content) } });
  expect(reasonsOf(journal)[0]).toBe(
    `${FILE}: The file does not hold a JSON array. What follows counts as one message.`,
  );
  expect(journal.gaps.size).toBe(102);
  expect(journal.claims.get("workspace/general/2023-11-15.json")?.events).toBe(5001);
  expect(journal.unaccounted()).toEqual({});
});

test("keeps an element whose timestamp is none, by its content", async () => {
  const odd = { type: "message", user: "U00000001", text: "when?", ts: "yesterday" };
  const day = [said(1, "good"), odd, { ...odd, ts: 17 }, "a string", null, [1]];
  const reversed = day.toReversed();
  const journal = await runSource({ settings: { export: await writeZip({ ...BASE, [`general/${DAY}.json`]: day }) } });
  const other = await runSource({
    settings: { export: await writeZip({ ...BASE, [`general/${DAY}.json`]: reversed }) },
  });
  expect(countByType(journal)).toEqual({ Message: 1, Other: 5 });
  expect([...journal.events.keys()].sort()).toEqual([...other.events.keys()].sort());
  for (const event of journal.capturedEvents().filter(({ type }) => type === "Other")) {
    expect(event.key).toMatch(/^C00000001:2023-11-14#[0-9a-f]{16}$/);
    expect(event.occurredAt).toBe("2023-11-14T00:00:00.000Z");
    expect(events.Other(event).attachments?.[0]?.content).toEqual({ text: JSON.stringify(event.data, null, 2) });
  }
});

test("tells different messages with one timestamp apart, and counts a repeated one", async () => {
  const day = [said(1, "one"), said(1, "another"), said(1, "one"), said(1, "another")];
  const journal = await runSource({ settings: { export: await writeZip({ ...BASE, [`general/${DAY}.json`]: day }) } });
  expect(textsOf(journal)).toEqual(["another", "one"]);
  expect(journal.exclusions.get(`${FILE}#repeated`)?.events).toBe(2);
  expect(journal.unaccounted()).toEqual({});
});

test("archives messages with ids in place of names where users.json is broken", async () => {
  const content = {
    ...BASE,
    "users.json": '[{"id":"U00000001","profile":{"real_name":"Ada Abbott"}},{"name":"nobody"},{"id":"U0',
    [`general/${DAY}.json`]: [said(1, "hello <@U00000002>")],
  };
  const path = await writeZip(content);
  const journal = await runSource({ settings: { export: path } });
  const [event] = journal.capturedEvents();
  expect(event && events.Message(event)).toMatchObject({ from: { name: "Ada Abbott" }, text: "hello @U00000002" });
  expect(reasonsOf(journal)).toEqual([
    "users.json: A user without an id was left out.",
    "users.json: The file ends too early, after 2 elements.",
  ]);
  await writeFile(
    path,
    makeZip(
      Object.entries({ ...content, "users.json": BASE["users.json"] }).map(([name, value]) => ({
        name,
        content: value,
      })),
    ),
  );
  await runSource({ settings: { export: path }, journal, startedAt: new Date("2026-11-23T10:00:00Z") });
  expect([...journal.gaps.keys()]).toEqual([]);
});

test("does not read members with hostile names, links, secrets or bombs, names each, and archives the rest", async () => {
  const day = [said(1, "good")];
  const evil: ZipEntry[] = [
    { name: "general/../../../etc/cron.json", content: day },
    { name: "/etc/passwd.json", content: day },
    { name: "C:/windows.json", content: day },
    { name: "general\\2023-11-10.json", content: day },
    { name: "general/2023-11-11.json", content: "/etc/passwd", unixMode: 0o120777 },
    { name: "general/2023-11-12.json", content: day, flags: 1 },
    { name: "random/2023-11-12.json", content: Buffer.alloc(64 * 1024 * 1024, " ") },
  ];
  const entries = [
    ...Object.entries({ ...BASE, [`general/${DAY}.json`]: day }).map(([name, content]) => ({ name, content })),
    ...evil,
  ];
  const journal = await runSource({ settings: { export: await writeZip(entries) } });
  expect(textsOf(journal)).toEqual(["good"]);
  const reasons = reasonsOf(journal).join("\n");
  for (const { name } of evil) expect(reasons).toContain(name);
  expect(reasons).toContain("leads out of the export");
  expect(reasons).toContain("is a link");
  expect(reasons).toContain("is encrypted");
  expect(reasons).toContain("as only a zip bomb does");
  expect(journal.unaccounted()).toEqual({});
});

test("stops unpacking where a member grows beyond what the zip states, or is not what it was", async () => {
  const spaces = Buffer.alloc(1024 * 1024, " ");
  const day = JSON.stringify([said(1, "good")]);
  const entries: ZipEntry[] = [
    ...Object.entries(BASE).map(([name, content]) => ({ name, content })),
    {
      name: "general/2023-11-10.json",
      content: Buffer.concat([Buffer.from(day.slice(0, -1)), spaces, Buffer.from("]")]),
      stated: { size: 600_000 },
    },
    { name: "general/2023-11-11.json", content: JSON.stringify([said(2, "altered?")]), stated: { checksum: 1 } },
    { name: "general/2023-11-12.json", content: JSON.stringify([said(3, "short")]), stated: { size: 5000 } },
  ];
  const journal = await runSource({ settings: { export: await writeZip(entries) } });
  expect(textsOf(journal)).toEqual(["altered?", "good", "short"]);
  expect(reasonsOf(journal)).toEqual([
    expect.stringContaining("2023-11-10.json: is longer than the 600000 bytes that the zip states"),
    expect.stringContaining("2023-11-11.json: does not agree with its checksum in the zip"),
    expect.stringContaining("2023-11-12.json: ends after"),
  ]);
  expect(journal.unaccounted()).toEqual({});
});

test("reads both of two members with one name", async () => {
  const entries = [
    ...Object.entries(BASE).map(([name, content]) => ({ name, content })),
    { name: `general/${DAY}.json`, content: [said(1, "shown"), said(2, "both")] },
    { name: `general/${DAY}.json`, content: [said(2, "both"), said(3, "hidden")] },
  ];
  const journal = await runSource({ settings: { export: await writeZip(entries) } });
  expect(textsOf(journal)).toEqual(["both", "hidden", "shown"]);
  expect(journal.unaccounted()).toEqual({});
});

test("does not follow links out of a folder", async () => {
  const folder = await writeFolder(GOOD);
  const outside = await writeFolder({ "secret.json": [said(5, "secret")] });
  await symlink(join(outside, "secret.json"), join(folder, "general", `${DAY}.json`));
  await symlink(outside, join(folder, "linked"));
  const journal = await runSource({ settings: { export: folder } });
  expect(textsOf(journal)).toEqual(["the day before"]);
  expect(reasonsOf(journal).join()).toContain(`general/${DAY}.json is a link or a device`);
});

test("survives hostile names of people, ids and properties", async () => {
  const users = [
    { id: "__proto__", name: "evil" },
    { id: "constructor", name: "builder" },
    { id: "U00000001", profile: { real_name: "Ada\r\nBcc: all@example.com", email: 7 } },
  ];
  const day = `[{"type":"message","user":"__proto__","text":"<@toString> <#hasOwnProperty>","ts":"1700000001.000100","__proto__":{"x":1}},${JSON.stringify(said(2, "fine", { files: "none", reactions: { name: 1 }, blocks: [null, 1, { type: "rich_text", elements: "x" }], edited: [], attachments: [7, { fields: [1] }] }))}]`;
  const journal = await runSource({
    settings: { export: await writeZip({ ...BASE, "users.json": users, [`general/${DAY}.json`]: day }) },
  });
  const drafts = journal.capturedEvents().map((event) => events.Message(event));
  expect(drafts[0]).toMatchObject({ from: { id: "__proto__", name: "__proto__" }, text: "@toString #hasOwnProperty" });
  expect(drafts[1]).toMatchObject({ text: "fine" });
});

test("keeps bytes that are no UTF-8 visible as a gap", async () => {
  const day = Buffer.concat([
    Buffer.from('[{"type":"message","ts":"1700000001.000100","text":"a'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('b"}]'),
  ]);
  const journal = await runSource({ settings: { export: await writeZip({ ...BASE, [`general/${DAY}.json`]: day }) } });
  expect(textsOf(journal)).toEqual(["a\ufffd\ufffdb"]);
  expect(reasonsOf(journal)).toEqual([
    `${FILE}: Element 0 holds bytes that are not UTF-8; U+FFFD stands in their place.`,
  ]);
  expect(journal.unaccounted()).toEqual({});
});

test("reads a day file of 300 MB with less than 300 MB of memory", { timeout: 180_000 }, async () => {
  const folder = await writeFolder(BASE);
  const path = join(folder, "general", `${DAY}.json`);
  await mkdir(join(folder, "general"));
  const expected = await writeLargeDay(path, 300 * 1024 * 1024);
  const program = join(import.meta.dirname, "large-day.test.support.ts");
  const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=@hansard/source", program, folder]);
  const { events: read, peakBytes } = JSON.parse(stdout) as { events: number; peakBytes: number };
  expect(read).toBe(expected);
  expect(peakBytes).toBeLessThan(300 * 1024 * 1024);
});

async function writeLargeDay(path: string, bytes: number): Promise<number> {
  const file = createWriteStream(path);
  let [messages, written] = [0, 0];
  for (; written < bytes;) {
    const block: string[] = [];
    for (let index = 0; index < 1000; index += 1, messages += 1) {
      const text = createHash("sha256").update(String(messages)).digest("hex").repeat(12);
      block.push(
        JSON.stringify({
          type: "message",
          user: "U00000001",
          text,
          ts: `${1_700_000_000 + Math.floor(messages / 10)}.${String(messages % 10).padStart(6, "0")}`,
        }),
      );
    }
    const chunk = (written === 0 ? "[" : ",") + block.join(",");
    written += chunk.length;
    if (!file.write(chunk)) await new Promise<void>((resolve) => file.once("drain", () => resolve()));
  }
  await new Promise<void>((resolve) => file.end("]", () => resolve()));
  return messages;
}
