import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Folder, IntendedTarget, Intent, Journal, Settlement } from "@hansard/core/ingestion";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openJournal } from "./open-journal.ts";

// One copy in the third-party data mailbox serves everybody whose own mailbox cannot have a message: it counts once.

const NOW = new Date("2026-03-02T10:00:00Z");
const THIRD = "third@x.example";
const [ann, bob] = [{ mailbox: "ann@x.example" }, { mailbox: "bob@x.example" }].map(({ mailbox }): IntendedTarget => ({
  mailbox,
  folder: { kind: "purges" },
  rule: "address",
})) as [IntendedTarget, IntendedTarget];
const third: IntendedTarget = { mailbox: THIRD, folder: { kind: "inbox" }, rule: "nobody" };
const receipt = { itemId: "item", correlationId: "request" };

let folder: string;
let journal: Journal;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "hansard-parked-"));
  journal = openJournal(folder);
  await journal.openSource({ id: "slack", connector: "slack", version: "1.0.0" });
  const event = { type: "Message", key: "a", occurredAt: "2026-03-02T09:00:00Z", data: {} };
  await journal.append("slack", "C1", { events: [event] }, NOW);
});

afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true });
});

test("a copy that serves two counts once, whichever settlements say so, until it is taken out", async () => {
  const id = await intend([ann, bob]);
  await journal.settle(id, [redirected(0)], NOW);
  await journal.settle(id, [redirected(1)], NOW);
  expect(await copies()).toEqual({ [`${THIRD}/Inbox`]: 1 });

  await journal.withdrawn("slack", "archive", [withdrawn("item"), withdrawn("found under another name")], NOW);
  expect(await copies()).toEqual({});
  await journal.settle(await intend([ann], "reroute"), [redirected(0)], NOW);
  expect(await copies()).toEqual({ [`${THIRD}/Inbox`]: 1 });
});

test.each([
  ["together", [[delivered(0), redirected(1)]]],
  ["together, the other way round", [[redirected(1), delivered(0)]]],
  ["one after the other", [[delivered(0)], [redirected(1)]]],
  ["the other way round", [[redirected(1)], [delivered(0)]]],
])("a copy that was there anyhow is not counted for another besides, where they are settled %s", async (_, settled) => {
  const id = await intend([third, ann]);
  for (const settlements of settled) await journal.settle(id, settlements, NOW);
  expect(await copies()).toEqual({ [`${THIRD}/Inbox`]: 1 });
});

test("a copy that rerouting finds where it was parked is not counted again", async () => {
  await journal.settle(await intend([third]), [delivered(0)], NOW);
  await journal.settle(await intend([ann, bob], "reroute"), [redirected(0), redirected(1)], NOW);
  expect(await copies()).toEqual({ [`${THIRD}/Inbox`]: 1 });
});

test("another copy in a folder of its owner's is another", async () => {
  const purges: Folder = { kind: "purges" };
  const id = await intend([{ ...third, folder: purges }, ann]);
  await journal.settle(id, [redirected(1), delivered(0)], NOW);
  expect(await copies()).toEqual({ [`${THIRD}/Inbox`]: 1, [`${THIRD}/Recoverable Items/Purges`]: 1 });
});

test("a message that is tried again after one mailbox refused it counts once, and each of its copies", async () => {
  await journal.settle(await intend([ann, bob]), [delivered(0), refused(1)], NOW);
  const again = await intend([ann, bob], "retry");
  await journal.settle(again, [delivered(0)], NOW);
  await journal.settle(again, [refused(1)], NOW);
  expect(await copies()).toEqual({ "ann@x.example/Recoverable Items/Purges": 1 });
  expect(await classes()).toEqual({ "IPM.NOTE.Slack.Message": 1 });

  await journal.settle(await intend([ann, bob], "retry"), [delivered(0), redirected(1)], NOW);
  expect(await copies()).toEqual({ "ann@x.example/Recoverable Items/Purges": 1, [`${THIRD}/Inbox`]: 1 });
  expect(await classes()).toEqual({ "IPM.NOTE.Slack.Message": 1 });
});

test("a message that first arrives when it is tried again counts then", async () => {
  await journal.settle(await intend([ann]), [refused(0)], NOW);
  expect(await classes()).toBeUndefined();
  await journal.settle(await intend([ann], "retry"), [delivered(0)], NOW);
  expect(await copies()).toEqual({ "ann@x.example/Recoverable Items/Purges": 1 });
  expect(await classes()).toEqual({ "IPM.NOTE.Slack.Message": 1 });
});

test("a copy that was taken out counts again when it is brought back by another try", async () => {
  await journal.settle(await intend([third, bob]), [delivered(0), refused(1)], NOW);
  await journal.withdrawn("slack", "archive", [withdrawn("item")], NOW);
  expect(await copies()).toEqual({});
  await journal.settle(await intend([third], "retry"), [delivered(0)], NOW);
  expect(await copies()).toEqual({ [`${THIRD}/Inbox`]: 1 });
});

async function intend(targets: IntendedTarget[], purpose?: "reroute" | "retry"): Promise<number> {
  const message = { events: [1], messageId: "<1@x>", messageClass: "IPM.NOTE.Slack.Message", sha256: "00", size: 1 };
  const intent: Intent = {
    source: "slack",
    destination: "archive",
    madeWith: { connector: "1.0.0", people: "" },
    messages: [{ ...message, targets }],
    quarantined: [],
    unmapped: [],
    ...(purpose ? { purpose } : { takenThrough: 1 }),
  };
  return journal.intend(intent, true, NOW);
}

function delivered(target: number): Settlement {
  return { message: 0, target, result: { status: "delivered", receipt } };
}

function redirected(target: number): Settlement {
  const to = { ...third, rule: "no such mailbox" };
  return { message: 0, target, result: { status: "redirected", to, receipt, reason: "There is no such mailbox." } };
}

function refused(target: number): Settlement {
  return { message: 0, target, result: { status: "quarantined", reason: "It is too large." } };
}

function withdrawn(itemId: string) {
  return { messageId: "<1@x>", mailbox: THIRD, folder: third.folder, receipt: { ...receipt, itemId } };
}

async function copies(): Promise<Record<string, number> | undefined> {
  return (await journal.status())[0]?.destinations["archive"]?.byMailbox;
}

async function classes(): Promise<Record<string, number> | undefined> {
  return (await journal.status())[0]?.destinations["archive"]?.byClass;
}
