import { expect, test } from "vitest";
import {
  bytesOf,
  deliveriesOf,
  deliveryOf,
  INBOX,
  sampleArchive,
  sampleMessage,
  temporaryFolder,
} from "./delivery.test.sample.ts";

test("gives a receipt for each delivery, with one correlation id for the request", async () => {
  const archive = await sampleArchive();

  const outcomes = await archive.submit(
    deliveriesOf(sampleMessage(1), ["alice@contoso.example", "bob@contoso.example"]),
  );

  expect(outcomes.map(({ status }) => status)).toEqual(["accepted", "accepted"]);
  const receipts = outcomes.map((outcome) => (outcome.status === "accepted" ? outcome.receipt : undefined));
  expect(receipts[0]?.correlationId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(receipts[1]?.correlationId).toBe(receipts[0]?.correlationId);
  expect(receipts[1]?.itemId).not.toBe(receipts[0]?.itemId);
});

test("answers a delivery that is there already with its first receipt", async () => {
  const archive = await sampleArchive();
  const delivery = deliveryOf(sampleMessage(1));

  const first = await archive.submit([delivery]);
  const again = await archive.submit([delivery, deliveryOf(sampleMessage(1), "carol@contoso.example"), delivery]);

  expect(again[0]).toEqual(first[0]);
  expect(again[2]).toEqual(first[0]);
  expect(again[1]).not.toEqual(first[0]);
  expect(await archive.find([delivery, deliveryOf(sampleMessage(2))])).toEqual([
    first[0]?.status === "accepted" ? first[0].receipt : {},
    undefined,
  ]);
  expect(await archive.stats()).toMatchObject({ messages: 1, items: 2, mailboxes: 2, requests: 2 });
});

test("stores one delivery of several equal ones in a batch, in whatever order they come", async () => {
  const archive = await sampleArchive();
  const [one, two] = [sampleMessage(1), sampleMessage(2)];

  const outcomes = await archive.submit([one, two, one, two].map((message) => deliveryOf(message)));

  expect(outcomes[2]).toEqual(outcomes[0]);
  expect(outcomes[3]).toEqual(outcomes[1]);
  expect(await archive.stats()).toMatchObject({ messages: 2, items: 2 });
});

test("keeps what it has when another mail claims the same Message-ID", async () => {
  const archive = await sampleArchive();
  const [accepted] = await archive.submit([deliveryOf(sampleMessage(1))]);

  const [refused] = await archive.submit([deliveryOf(sampleMessage(1, { text: "Planted." }))]);

  expect(refused).toMatchObject({ status: "refused", reason: expect.stringContaining("<message-1@sample.invalid>") });
  expect(await archive.search("planted")).toEqual({ hits: [] });
  const receipt = accepted?.status === "accepted" ? accepted.receipt : { itemId: "" };
  expect((await bytesOf(archive.read("bob@contoso.example", receipt.itemId))).toString()).toContain("number 1");
});

test.each([
  ["FROM", { from: { id: "U1", address: "" } }],
  ["TO", { to: [] }],
  ["DATE", { date: "" }],
  ["DATE", { date: "yesterday" }],
  ["MESSAGECLASS", { messageClass: "" }],
  ["MESSAGECLASS", { messageClass: "IPM.NOTE.Slack." }],
])("refuses an item that lacks %s, by that name, and takes its neighbours", async (property, fields) => {
  const archive = await sampleArchive();
  const poison = deliveryOf(sampleMessage(1));

  const outcomes = await archive.submit([
    deliveryOf(sampleMessage(0)),
    { ...poison, message: { ...poison.message, ...fields } },
    deliveryOf(sampleMessage(2)),
  ]);

  expect(outcomes.map(({ status }) => status)).toEqual(["accepted", "refused", "accepted"]);
  expect(outcomes[1]).toMatchObject({ reason: expect.stringContaining(`property ${property}.`) });
  expect(await archive.stats()).toMatchObject({ messages: 2 });
});

test("takes deliveries to listed mailboxes only, where the settings list them", async () => {
  const archive = await sampleArchive(undefined, { mailboxes: ["Bob@contoso.example"] });

  const outcomes = await archive.submit(
    deliveriesOf(sampleMessage(1), ["bob@contoso.example", "carol@contoso.example"]),
  );

  expect(outcomes.map(({ status }) => status)).toEqual(["accepted", "no-mailbox"]);
  expect(archive.resolve("BOB@contoso.example")).toBe("bob@contoso.example");
  expect(archive.resolve("carol@contoso.example")).toBeUndefined();
});

test("hides Purges from the mailbox's owner, but not from a search", async () => {
  const archive = await sampleArchive();
  await archive.submit([deliveryOf(sampleMessage(1)), deliveryOf(sampleMessage(2), undefined, INBOX)]);
  await archive.submit([deliveryOf(sampleMessage(3), undefined, { kind: "visible", path: ["Slack", "general"] })]);

  const seen = await archive.folders("bob@contoso.example");
  const all = await archive.folders("bob@contoso.example", { hidden: true });

  expect(seen?.map(({ path, items }) => [path, items])).toEqual([
    ["Inbox", 1],
    ["Archive", 0],
    ["Slack", 0],
    ["Slack/general", 1],
  ]);
  expect(all?.map(({ path, items }) => [path, items])).toContainEqual(["Recoverable Items/Purges", 1]);
  const { hits } = await archive.search('"message number 1"');
  expect(hits[0]?.copies).toEqual([
    { mailbox: "bob@contoso.example", folder: "Recoverable Items/Purges", hidden: true, itemId: expect.any(String) },
  ]);
  expect(await archive.mailboxes()).toEqual([{ address: "bob@contoso.example", items: 3 }]);
});

test("finds what it stored after it was closed and opened again", async () => {
  const folder = temporaryFolder();
  const first = await sampleArchive(folder);
  const [stored] = await first.submit([deliveryOf(sampleMessage(1))]);
  await first.close();

  const second = await sampleArchive(folder);

  expect(await second.submit([deliveryOf(sampleMessage(1))])).toEqual([stored]);
  expect(await second.count("message")).toBe(1);
});

test("does not bring back a withdrawn copy that is submitted again", async () => {
  const archive = await sampleArchive();
  const deliveries = deliveriesOf(sampleMessage(1), ["bob@contoso.example", "thirdparty@contoso.example"], INBOX);
  const outcomes = await archive.submit(deliveries);
  const receipts = await archive.find(deliveries);

  await archive.withdraw([{ mailbox: "thirdparty@contoso.example", receipt: receipts[1]! }]);

  expect(await archive.mailboxes()).toEqual([
    { address: "bob@contoso.example", items: 1 },
    { address: "thirdparty@contoso.example", items: 0 },
  ]);
  expect(await archive.submit(deliveries)).toEqual(outcomes);
  expect(await archive.count("mailbox:thirdparty@contoso.example")).toBe(0);
  expect(await archive.count("mailbox:bob@contoso.example")).toBe(1);
  await archive.reindex();
  expect(await archive.count("mailbox:thirdparty@contoso.example")).toBe(0);
  expect((await archive.verify()).problems).toEqual([]);
});

test("keeps more messages of one second than the second has places for, the newest first", async () => {
  const archive = await sampleArchive();
  const date = "2026-03-01T00:00:00.000Z";
  const crowd = Array.from({ length: 700 }, (_, number) => deliveryOf(sampleMessage(number, { date })));
  await archive.submit(crowd.slice(0, 400));
  await archive.submit([deliveryOf(sampleMessage(9000, { date: "2026-03-01T00:00:01.500Z" }))]);
  await archive.submit(crowd.slice(400));

  const { hits } = await archive.search("message", { limit: 3 });

  expect(hits[0]?.messageId).toBe("<message-9000@sample.invalid>");
  expect(hits.slice(1).map((hit) => hit.date)).toEqual([date, date]);
  expect(await archive.count("sent<2026-03-01T00:00:01Z")).toBe(700);
  expect(await archive.count("sent>=2026-03-01T00:00:01Z")).toBe(1);
  expect((await archive.verify()).problems).toEqual([]);
});
