import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outcome } from "@hansard/core/ingestion";
import { type Microsoft365Destination, openMicrosoft365, Settings } from "@hansard/destination-microsoft365";
import type { Client } from "@microsoft/microsoft-graph-client";
import type { FileAttachment, Message as GraphMessage } from "@microsoft/microsoft-graph-types";
import { afterAll, beforeAll, expect, test } from "vitest";
import { APPLICATION, noise, SampleBlobs, sampleDelivery } from "./delivery.test.sample.ts";
import { graphClient } from "./graph-client.test.support.ts";
import { type IngestionServer, openIngestionServer } from "./server.ts";

// What was written is read back by Microsoft's own client, which knows nothing of either side.

const BOB = "bob@contoso.example";
const signal = new AbortController().signal;
const blobs = new SampleBlobs();
let folder: string;
let server: IngestionServer;
let destination: Microsoft365Destination;
let client: Client;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "read-back-"));
  server = await openIngestionServer({
    folder,
    applications: [APPLICATION],
    mailboxes: [
      { address: BOB },
      { address: "alice@contoso.example", proxyAddresses: ["al@contoso.example"], employeeId: "E77" },
    ],
  });
  destination = await openMicrosoft365({
    id: "m365",
    settings: settingsOf(),
    blobs,
    folder,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });
  const token = server.tokens.issue(APPLICATION, "https://graph.microsoft.com");
  client = graphClient(server.url, token);
});

afterAll(async () => {
  await destination.close();
  await server.close();
  await rm(folder, { recursive: true });
});

test("a small message in the inbox equals what was sent, from one request", async () => {
  const delivery = await sampleDelivery(1, {
    blobs,
    attachments: [
      file("notes.txt", Buffer.from("plain\r\ntext")),
      {
        id: "pic",
        name: "bild ü.png",
        contentType: "image/png",
        inline: true,
        content: { blob: blobs.add(noise(20_000, 1)) },
      },
    ],
  });
  const before = server.store.accepted().length;
  const itemId = accepted(await destination.submit([delivery], { signal }));
  expect(server.store.accepted().length).toBe(before + 1);

  const stored = await readMessage(itemId);
  expect(stored).toMatchObject({
    subject: delivery.message.subject,
    isDraft: false,
    isRead: true,
    internetMessageId: delivery.message.id,
    receivedDateTime: "2024-02-03T04:06:06Z",
    sentDateTime: "2024-02-03T04:06:06Z",
    body: { contentType: "html", content: delivery.message.html },
    from: { emailAddress: { name: "Bob Østergård", address: BOB } },
    toRecipients: [
      { emailAddress: { name: "Alice, Ltd.", address: "alice@contoso.example" } },
      { emailAddress: { name: "#general", address: "c1@slack.invalid" } },
    ],
    singleValueExtendedProperties: [{ value: "IPM.NOTE.Slack.Message" }],
  });
  const inbox = await client.api(`/users/${BOB}/mailFolders/inbox`).get();
  expect(stored.parentFolderId).toBe(inbox.id);
  expect(stored.internetMessageHeaders).toContainEqual({
    name: "X-Hansard-6",
    value: "six, which Graph takes in the header block alone",
  });
  const attachments: FileAttachment[] = (await client.api(`/users/${BOB}/messages/${itemId}/attachments`).get()).value;
  expect(attachments.map(({ name, isInline, contentId }) => ({ name, isInline, contentId }))).toEqual([
    { name: "notes.txt", isInline: false, contentId: null },
    { name: "bild ü.png", isInline: true, contentId: "pic" },
  ]);
  expect(Buffer.from(String(attachments[0]?.contentBytes), "base64")).toEqual(Buffer.from("plain\r\ntext"));
  expect(Buffer.from(String(attachments[1]?.contentBytes), "base64")).toEqual(noise(20_000, 1));
});

test("attachments that one request cannot carry arrive byte for byte, and nothing is left in the staging folder", async () => {
  const sizes = [2_999_999, 3_000_000, 2_000_000, 9_000_001, 0, 1_500_000];
  const attachments = sizes.map((size, index) => file(`part-${index}.bin`, noise(size, index)));
  const delivery = await sampleDelivery(2, {
    blobs,
    attachments,
    folder: { kind: "visible", path: ["Slack", "general"] },
  });
  const itemId = accepted(await destination.submit([delivery], { signal }));
  const stored = await readMessage(itemId);
  expect(stored.isDraft).toBe(false);
  const folderOf = await client.api(`/users/${BOB}/mailFolders/${stored.parentFolderId}`).get();
  expect(folderOf.displayName).toBe("general");
  const listed: FileAttachment[] = (
    await client.api(`/users/${BOB}/messages/${itemId}/attachments`).select("id,name,size").get()
  ).value;
  expect(Object.fromEntries(listed.map(({ name, size }) => [name, size]))).toEqual(
    Object.fromEntries(sizes.map((size, index) => [`part-${index}.bin`, size])),
  );
  for (const { id, name } of listed) {
    const content: ArrayBuffer = await client
      .api(`/users/${BOB}/messages/${itemId}/attachments/${id}/$value`)
      .responseType("arraybuffer" as never)
      .get();
    const index = Number(name?.match(/\d+/)?.[0]);
    expect(Buffer.from(content).equals(noise(sizes[index] ?? 0, index)), `${name}`).toBe(true);
  }
  expect(await countIn("Hansard staging")).toBe(0);
});

test("what goes into Purges lies in Recoverable Items, and the staging folder is hidden and empty", async () => {
  const deliveries = await Promise.all(
    [10, 11, 12].map((number) => sampleDelivery(number, { blobs, folder: { kind: "purges" } })),
  );
  const outcomes = await destination.submit(deliveries, { signal });
  expect(outcomes.map(({ status }) => status)).toEqual(["accepted", "accepted", "accepted"]);
  const purges = await client
    .api(`/users/${BOB}/mailFolders/recoverableitemspurges/messages`)
    .select("internetMessageId")
    .get();
  expect(purges.value.map(({ internetMessageId }: GraphMessage) => internetMessageId).sort()).toEqual(
    deliveries.map(({ message }) => message.id).sort(),
  );
  expect(await countIn("Hansard staging")).toBe(0);
  const shown = await client.api(`/users/${BOB}/mailFolders`).top(100).get();
  expect(shown.value.map(({ displayName }: { displayName: string }) => displayName)).not.toContain("Hansard staging");
});

test("find knows what is there by Message-ID, and finds nothing that is not", async () => {
  const [there, absent] = [await sampleDelivery(1, { blobs }), await sampleDelivery(99, { blobs })];
  const purged = await sampleDelivery(10, { blobs, folder: { kind: "purges" } });
  const [first, second, third] = await destination.find([there, absent, purged], { signal });
  expect(first?.itemId).toBeDefined();
  expect(second).toBeUndefined();
  expect(third?.itemId).toBeDefined();
});

test("a text that no request carries arrives whole as files, and the message says so", async () => {
  const text = "long ".repeat(1_000_000);
  const html = `<p>${text}</p>`;
  const itemId = accepted(
    await destination.submit([await sampleDelivery(30, { blobs, message: { text, html } })], { signal }),
  );
  expect((await readMessage(itemId)).body?.content).toContain("attached whole as message.txt and message.html");
  const listed: FileAttachment[] = (await client.api(`/users/${BOB}/messages/${itemId}/attachments`).get()).value;
  expect(
    listed.map(({ name, contentBytes }) => [
      name,
      Buffer.from(String(contentBytes), "base64").toString() === (name === "message.txt" ? text : html),
    ]),
  ).toEqual([
    ["message.txt", true],
    ["message.html", true],
  ]);
});

test("people are found by mail, further address, sign-in name and employee id", async () => {
  expect(await destination.resolve?.("ALICE@contoso.example")).toBe("alice@contoso.example");
  expect(await destination.resolve?.("al@contoso.example")).toBe("alice@contoso.example");
  expect(await destination.resolve?.("E77")).toBe("alice@contoso.example");
  expect(await destination.resolve?.("o'neil@contoso.example")).toBeUndefined();
});

test("a stored message reads back as mail, and the embedded archive finds its words", async () => {
  const itemId = accepted(
    await destination.submit(
      [await sampleDelivery(20, { blobs, message: { text: "quokka sighting", html: "<p>quokka sighting</p>" } })],
      { signal },
    ),
  );
  await server.store.settle();
  const chunks: Uint8Array[] = [];
  for await (const chunk of destination.read?.(BOB, { itemId, correlationId: "" }) ?? []) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toContain("X-Hansard-Message-Class: IPM.NOTE.Slack.Message");
  expect(await server.store.archive.count("quokka")).toBe(1);
});

function settingsOf(): Settings {
  return Settings.parse({
    tenantId: "contoso.example",
    clientId: APPLICATION.clientId,
    signIn: { method: "client-secret", clientSecret: APPLICATION.secret },
    authorityUrl: server.url,
    graphUrl: server.url,
    holds: { confirmed: [{ mailboxes: "*", on: new Date().toISOString().slice(0, 10), by: "an administrator" }] },
    readBackShare: 1,
    settleMs: 200,
  });
}

function file(
  name: string,
  content: Buffer,
): { id: string; name: string; contentType: string; content: { blob: { sha256: string; size: number } } } {
  return { id: name, name, contentType: "application/octet-stream", content: { blob: blobs.add(content) } };
}

function accepted([outcome]: Outcome[]): string {
  expect(outcome).toMatchObject({ status: "accepted" });
  return outcome?.status === "accepted" ? outcome.receipt.itemId : "";
}

async function readMessage(itemId: string): Promise<GraphMessage> {
  return client
    .api(`/users/${BOB}/messages/${itemId}`)
    .header("Prefer", 'IdType="ImmutableId"')
    .select(
      "subject,isDraft,isRead,internetMessageId,receivedDateTime,sentDateTime,body,from,toRecipients,parentFolderId,internetMessageHeaders",
    )
    .expand("singleValueExtendedProperties($filter=id eq 'String 0x001A')")
    .get();
}

async function countIn(name: string): Promise<number> {
  const page = await client.api(`/users/${BOB}/mailFolders`).query({ includeHiddenFolders: "true" }).top(100).get();
  return page.value.find(({ displayName }: { displayName: string }) => displayName === name)?.totalItemCount ?? 0;
}
