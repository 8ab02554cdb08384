import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Delivery } from "@hansard/core/ingestion";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ExchangeFailure } from "./failure.ts";
import { Keepings } from "./keepings.ts";
import { isKept } from "./look-up.ts";
import { dispositionOf } from "./response-codes.ts";
import { readXml } from "./xml.ts";

const BOB = "bob@contoso.example";
const DAY_MS = 24 * 60 * 60 * 1000;
const signal = new AbortController().signal;
let folder: string;
let sought: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "keepings-"));
  sought = [];
});

afterEach(() => rm(folder, { recursive: true }));

test("a message that grew old and is still there is remembered no longer once another was written", async () => {
  const old = { mailbox: BOB, messageId: "old", at: Date.now() - 91 * DAY_MS };
  writeFileSync(join(folder, "kept.jsonl"), `${JSON.stringify(old)}\n`);
  const first = open();
  await first.look(new Set([BOB]), signal);
  first.answered(delivery("new"), { status: "accepted", receipt: { itemId: "1", correlationId: "1" } });
  await new Promise((resolve) => setTimeout(resolve, 5));
  await open().look(new Set([BOB]), signal);
  expect(sought).toEqual(["old", "new"]);
});

test.each([
  ["recoverableitemspurges", true],
  ["recoverableitemsdiscoveryholds", true],
  ["archiverecoverableitemspurges", true],
  ["archiverecoverableitemsdiscoveryholds", true],
  ["inbox", false],
])("a message in %s, of a mailbox that has no other folder but Purges, is kept: %s", async (place, kept) => {
  const session = mailboxWith(["recoverableitemspurges", place], place);
  expect(await isKept(BOB, "<a@hansard.invalid>", session, signal)).toBe(kept);
});

test("a mailbox whose archive cannot be asked now is not said to have lost anything", async () => {
  const session = mailboxWith(["recoverableitemspurges"], "inbox", "ErrorMailboxStoreUnavailable");
  await expect(isKept(BOB, "<a@hansard.invalid>", session, signal)).rejects.toThrow("ErrorMailboxStoreUnavailable");
});

function open(): Keepings {
  const confirmed = [{ mailboxes: "*" as const, on: new Date().toISOString(), by: "Ann" }];
  return new Keepings(folder, { confirmed, validDays: 30 }, 0, async (_, messageId) => {
    sought.push(messageId);
    return true;
  });
}

function delivery(id: string): Delivery {
  return { id, mailbox: BOB, folder: { kind: "purges" }, message: { id } } as Delivery;
}

/** A mailbox that has these folders, and the message in one of them. */
function mailboxWith(folders: string[], place: string, otherwise = "ErrorFolderNotFound") {
  const item = '<Message><ItemId Id="1"/><InternetMessageId>&lt;a@hansard.invalid&gt;</InternetMessageId></Message>';
  return {
    async call({ body }: { body: string }) {
      const asked = /DistinguishedFolderId Id="(\w+)"/.exec(body)?.[1] ?? "";
      if (!folders.includes(asked)) throw new ExchangeFailure(dispositionOf(otherwise), otherwise, { code: otherwise });
      const items = asked === place ? item : "";
      const element = readXml(
        `<Found><RootFolder IncludesLastItemInRange="true"><Items>${items}</Items></RootFolder></Found>`,
      );
      return { messages: [{ element }], correlationId: "1" };
    },
  };
}
