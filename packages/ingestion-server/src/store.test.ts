import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "./store.ts";
import { readId, writeId } from "./store-id.ts";
import { type NewItem, type Store, StoreRefusal } from "./store-types.ts";

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ingestion-store-"));
  store = await openStore(folder, [
    { address: "bob@contoso.example", proxyAddresses: ["SMTP:robert@contoso.example"] },
  ]);
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

test("finds a mailbox by each of its names, and gives it the well-known folders", () => {
  const bob = store.mailbox("BOB@contoso.example")!;
  expect(store.mailbox("robert@contoso.example")).toBe(bob);
  expect(store.mailbox(bob.objectId)).toBe(bob);
  expect(store.wellKnownFolder(bob.id, "recoverableitemspurges").name).toBe("Purges");
  expect(store.mailbox("nobody@contoso.example")).toBeUndefined();
});

test("a search finds what was taken before it, however long the disk takes", async () => {
  const { id: mailbox } = store.mailbox("bob@contoso.example")!;
  const inbox = store.wellKnownFolder(mailbox, "inbox");
  const taken = store.createItem(inbox, sample(1));
  // As for a request that is answered in the same turn of the event loop.
  await new Promise(process.nextTick);
  expect(store.findItems({ mailbox, folder: inbox.id }).items.map(({ subject }) => subject)).toEqual(["Number 1"]);
  expect((await taken).subject).toBe("Number 1");
});

test("what a lagging search does not find yet is in its folder, and goes with it", async () => {
  const bob = store.setMailbox({ address: "bob@contoso.example", onHold: true });
  const folder = await store.createFolder(bob.id, store.wellKnownFolder(bob.id, "msgfolderroot").id, "Slack");
  const { id } = await store.createItem(folder, sample(1, { visibleAt: new Date(Date.now() + 60_000) }));
  expect(store.findItems({ mailbox: bob.id, folder: folder.id }).items).toEqual([]);
  expect(store.itemsIn(folder.id).map((item) => item.id)).toEqual([id]);
  await store.removeFolder(folder.id);
  expect(store.item(id)?.folder).toBe(store.wellKnownFolder(bob.id, "recoverableitemspurges").id);
});

test("keeps what it accepted over a restart, and brings it into the archive once", async () => {
  const inbox = store.wellKnownFolder(store.mailbox("bob@contoso.example")!.id, "inbox");
  const large = Buffer.alloc(700_000, "large ");
  const { id } = await store.createItem(
    inbox,
    sample(1, { attachments: [{ name: "a.bin", contentType: "application/x-a", content: large }] }),
  );
  await store.close();
  store = await openStore(folder);
  await store.settle();

  const item = store.item(id)!;
  expect(item).toMatchObject({
    archive: "stored",
    subject: "Number 1",
    internetMessageId: "<m1@contoso.example>",
    hasAttachments: true,
  });
  const [attachment] = store.attachments(id);
  expect(await bytesOf(store.readAttachment(attachment!))).toEqual(large);
  expect(String(await bytesOf(store.readMime(item)))).toContain("Subject: Number 1");
  expect((await store.archive.stats()).messages).toBe(1);
  expect(await store.archive.count('subject:"Number 1"')).toBe(1);
});

test("archives what was staged in a hidden folder only when it comes to rest", async () => {
  const bob = store.mailbox("bob@contoso.example")!;
  const staging = await store.createFolder(bob.id, store.wellKnownFolder(bob.id, "msgfolderroot").id, "Staging", {
    isHidden: true,
  });
  const { id } = await store.createItem(staging, sample(1));
  await store.settle();
  expect((await store.archive.stats()).messages).toBe(0);
  await store.purgeItem(id);
  await store.settle();
  expect((await store.archive.stats()).messages).toBe(1);
  expect(store.item(id)?.folder).toBe(store.wellKnownFolder(bob.id, "recoverableitemspurges").id);
});

test("loses what is purged without a hold, and keeps it with one", async () => {
  store.setRetention(0);
  const bob = store.setMailbox({ address: "bob@contoso.example", onHold: false });
  const inbox = store.wellKnownFolder(bob.id, "inbox");
  const lost = await store.createItem(inbox, sample(1));
  await store.purgeItem(lost.id);
  expect(store.item(lost.id)).toBeUndefined();
  store.setMailbox({ address: "bob@contoso.example", onHold: true });
  const kept = await store.createItem(inbox, sample(2));
  await store.purgeItem(kept.id);
  expect(store.item(kept.id)).toBeDefined();
});

test("finds by property, Message-ID and date, and not before a lagging index knows", async () => {
  const bob = store.mailbox("bob@contoso.example")!;
  const inbox = store.wellKnownFolder(bob.id, "inbox");
  for (let number = 1; number <= 5; number += 1)
    await store.createItem(inbox, sample(number, { properties: { "String x": `v${number}` } }));
  await store.createItem(inbox, sample(6, { visibleAt: new Date(Date.now() + 60_000) }));
  const within = { mailbox: bob.id, folder: inbox.id };
  expect(
    store
      .findItems({ ...within, filter: { property: "String x", is: "eq", value: "v3" } })
      .items.map(({ subject }) => subject),
  ).toEqual(["Number 3"]);
  expect(
    store.findItems({ ...within, filter: { field: "internetMessageId", is: "eq", value: "<m4@contoso.example>" } })
      .total,
  ).toBe(1);
  expect(
    store.findItems({ ...within, filter: { field: "internetMessageId", is: "eq", value: "<m6@contoso.example>" } })
      .total,
  ).toBe(0);
  expect(store.findItems({ ...within, limit: 2, offset: 1, orderBy: [{ field: "receivedAt" }] })).toMatchObject({
    total: 5,
    items: [{ subject: "Number 2" }, { subject: "Number 3" }],
  });
});

test("refuses what a full mailbox or folder does not take, and reports what came twice", async () => {
  const bob = store.setMailbox({ address: "bob@contoso.example", folderItems: 2 });
  const inbox = store.wellKnownFolder(bob.id, "inbox");
  await store.createItem(inbox, sample(1));
  await store.createItem(inbox, sample(1));
  expect(store.duplicates()).toEqual([
    { mailbox: "bob@contoso.example", internetMessageId: "<m1@contoso.example>", copies: 2 },
  ]);
  await expect(store.createItem(inbox, sample(3))).rejects.toMatchObject({ reason: "folder-full" });
  store.setMailbox({ address: "bob@contoso.example", quotaBytes: 10 });
  await expect(store.createItem(inbox, sample(4))).rejects.toBeInstanceOf(StoreRefusal);
});

test("writes ids that can be read back and recognises damaged ones", () => {
  const parts = { kind: "item", mailbox: 7, number: 123_456, folder: 9 } as const;
  expect(readId(writeId(parts))).toEqual(parts);
  expect(readId(`${writeId(parts).slice(0, -1)}_`)).toBeUndefined();
  expect(readId("AAMkgarbage")).toBeUndefined();
});

function sample(number: number, more: Partial<NewItem> = {}): NewItem {
  return {
    itemClass: "IPM.NOTE.Slack.Message",
    isDraft: false,
    isRead: true,
    receivedAt: new Date(Date.UTC(2026, 0, 2, 3, 4, number)),
    sentAt: new Date(Date.UTC(2026, 0, 2, 3, 4, number)),
    subject: `Number ${number}`,
    internetMessageId: `<m${number}@contoso.example>`,
    requestId: `request-${number}`,
    content: {
      body: { contentType: "text", content: "Good morning" },
      from: { name: "Bob", address: "bob@contoso.example" },
      to: [{ address: "alice@contoso.example" }],
      cc: [],
      bcc: [],
      replyTo: [],
      headers: [],
      categories: [],
      importance: "normal",
      references: [],
    },
    ...more,
  };
}

async function bytesOf(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
