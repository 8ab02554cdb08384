import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Journal } from "@hansard/core/ingestion";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openJournal } from "./open-journal.ts";

// What is wrong in the journal's tables shows in the books, whichever destination it concerns.

const NOW = new Date("2026-03-02T10:00:00Z");
let folder: string;
let journal: Journal;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "hansard-books-"));
  journal = openJournal(folder);
  await journal.openSource({ id: "chat", connector: "chat", version: "1.0.0" });
  const occurredAt = "2026-03-01T00:00:00Z";
  const events = ["a", "b", "c"].map((key) => ({ type: "Message", key, occurredAt, data: {} }));
  await journal.append("chat", "all", { events }, NOW);
  await deliverTo("behind", 1);
  await deliverTo("ahead", 3);
});

afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true });
});

test("with several destinations, delivered is what arrived at all of them", async () => {
  expect(await books()).toMatchObject({ captured: 3, delivered: 1, pending: 2, unaccounted: 0, discrepancies: [] });
});

test("at a destination that nothing was sent to yet, all is pending", async () => {
  const [source] = await journal.books({ chat: ["ahead", "unreached"] });
  expect(source).toMatchObject({ captured: 3, delivered: 0, pending: 3, unaccounted: 0, discrepancies: [] });
});

test("events that one destination lost are unaccounted, though another is further behind", async () => {
  tamper("DELETE FROM delivered WHERE destination = (SELECT id FROM destination WHERE name = 'ahead') AND first > 1");
  tamper("UPDATE delivered SET last = 2 WHERE destination = (SELECT id FROM destination WHERE name = 'ahead')");
  expect(await books()).toMatchObject({
    delivered: 1,
    unaccounted: 1,
    discrepancies: [expect.stringContaining('1 captured event is neither delivered to "ahead"')],
  });
});

test("an event that the pages hold and the table of events does not is unaccounted", async () => {
  tamper("DELETE FROM event WHERE key = 'b'");
  expect(await books()).toMatchObject({ unaccounted: 1, discrepancies: [expect.stringContaining("hansard verify")] });
});

test("the books balance while another process captures", async () => {
  const module = new URL("open-journal.ts", import.meta.url).href;
  const capturing = spawn(process.execPath, ["-e", CAPTURE, JSON.stringify({ module, folder })], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "--conditions=@hansard/source" },
  });
  const exited = once(capturing, "exit");
  await once(capturing.stdout, "data");
  const unbalanced: unknown[] = [];
  while (capturing.exitCode === null) {
    const [source] = await journal.books();
    if (source?.unaccounted !== 0) unbalanced.push(source);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await exited).toEqual([0, null]);
  expect(unbalanced).toEqual([]);
  expect(await books()).toMatchObject({ captured: 303, unaccounted: 0 });
});

const CAPTURE = `
const { module, folder } = JSON.parse(process.argv[1]);
import(module).then(async ({ openJournal }) => {
  const journal = openJournal(folder);
  process.stdout.write("open");
  for (let number = 0; number < 300; number += 1) {
    const event = { type: "Message", key: "more " + number, occurredAt: "2026-03-01T00:00:00Z", data: {} };
    await journal.append("chat", "all", { events: [event] }, new Date());
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await journal.close();
});
`;

test("a file that is no journal is named, with what to do", async () => {
  const other = mkdtempSync(join(tmpdir(), "hansard-books-"));
  const file = join(other, "journal.db");
  writeFileSync(file, "This is no journal. ".repeat(1000));
  expect(() => openJournal(other)).toThrow(`${file} could not be read or written: file is not a database.`);
  expect(() => openJournal(other)).toThrow("from a copy");
  rmSync(other, { recursive: true });
});

async function deliverTo(destination: string, events: number): Promise<void> {
  const targets = [{ mailbox: "ann@contoso.example", folder: { kind: "purges" as const }, rule: "address" }];
  const messages = Array.from({ length: events }, (_, index) => ({
    events: [index + 1],
    messageId: `<${index}@hansard.invalid>`,
    messageClass: "IPM.NOTE.Chat.Message",
    sha256: "0".repeat(64),
    size: 10,
    targets,
  }));
  const madeWith = { connector: "1.0.0", people: "none" };
  const intent = {
    source: "chat",
    destination,
    madeWith,
    messages,
    quarantined: [],
    unmapped: [],
    takenThrough: events,
  };
  const id = await journal.intend(intent, false, NOW);
  const result = { status: "delivered" as const, receipt: { itemId: "1", correlationId: "1" } };
  await journal.settle(
    id,
    messages.map((_, message) => ({ message, target: 0, result })),
    NOW,
  );
}

async function books(): Promise<unknown> {
  return (await journal.books())[0];
}

function tamper(sql: string): void {
  const database = new DatabaseSync(join(folder, "journal.db"));
  database.exec(sql);
  database.close();
}
