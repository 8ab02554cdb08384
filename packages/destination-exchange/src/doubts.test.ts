import { appendFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Delivery, Receipt } from "@hansard/core/ingestion";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Doubts } from "./doubts.ts";

const signal = new AbortController().signal;
let folder: string;
let logged: string[];
/** What the server holds by now, of each Message-ID. */
let stored: Record<string, Receipt[]>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "doubts-"));
  [logged, stored] = [[], {}];
});

afterEach(() => rm(folder, { recursive: true }));

test("a message that was found after it had been looked for in vain is still suspect, since its first copy may yet come", async () => {
  const doubts = open();
  doubts.looked(delivery("a"), []);
  doubts.answered(delivery("a"), { status: "unknown", reason: "" });
  doubts.looked(delivery("a"), [copy(1)]);
  stored = { a: [copy(1), copy(2)] };
  await doubts.close();
  expect(logged).toEqual(["a: 1, 2"]);
});

test("a duplicate that comes after the end of the run is found by the next one, and reported once", async () => {
  const first = open();
  first.looked(delivery("a"), []);
  first.looked(delivery("b"), []);
  stored = { a: [copy(1)], b: [copy(3)] };
  await first.close();
  expect(logged).toEqual([]);
  appendFileSync(join(folder, "suspects.jsonl"), '{"mailbox":"bob');
  stored = { a: [copy(1), copy(2)], b: [copy(3)] };
  const second = open();
  expect(await second.lookAgain(signal)).toBe(1);
  expect(await second.lookAgain(signal)).toBe(1);
  expect(logged).toEqual(["a: 1, 2"]);
});

test("nothing is asked where nothing was in doubt", async () => {
  const doubts = open();
  doubts.answered(delivery("a"), { status: "accepted", receipt: copy(1) });
  stored = { a: [copy(1), copy(2)] };
  await doubts.close();
  expect(logged).toEqual([]);
});

function open(): Doubts {
  const error = (_: string, details: Record<string, unknown> = {}) =>
    void logged.push(`${String(details["messageId"])}: ${(details["itemIds"] as string[]).join(", ")}`);
  const log = { debug() {}, info() {}, warn() {}, error };
  return new Doubts(folder, 0, log, (sought) => Promise.resolve(sought.map(({ message }) => stored[message.id] ?? [])));
}

function delivery(id: string): Delivery {
  return {
    id,
    mailbox: "bob@contoso.example",
    folder: { kind: "purges" },
    mail: { segments: [], size: 0, sha256: "" },
    message: {
      id,
      messageClass: "IPM.NOTE.Slack.Message",
      date: "2026-01-02T03:04:05.000Z",
      from: { id: "U1", address: "bob@contoso.example" },
      to: [],
      subject: "",
      text: "",
      attachments: [],
      references: [],
      headers: [],
    },
  };
}

function copy(number: number): Receipt {
  return { itemId: String(number), correlationId: "" };
}
