import { createServer } from "node:http";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Delivery, Destination, Folder, Outcome, Receipt } from "@hansard/core/ingestion";
import { simpleParser } from "mailparser";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { LARGE_CONTENT, contextOf, hashOf, sampleDelivery } from "@hansard/testkit/deliveries";
import { openImapDestination } from "./destination.ts";
import { type Dovecot, MASTER_PASSWORD, PASSWORD, hasDovecot, startDovecot } from "./dovecot.test.server.ts";
import { Settings } from "./settings.ts";

const signal = new AbortController().signal;
const ALICE = "alice@contoso.example";
const BOB = "bob@contoso.example";
const NAMED: Folder = { kind: "visible", path: ["Slack", 'général.2026/"Q&A"'] };
const withDovecot = test.skipIf(!hasDovecot());
if (!hasDovecot())
  console.warn("Skipped: Dovecot is absent. Install Debian's dovecot-imapd and openssl to run these tests.");
let dovecot: Dovecot;
let opened: Destination[] = [];
const tokens = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => (body += chunk.toString()));
  request.on("end", () => {
    const form = new URLSearchParams(body);
    response.setHeader("content-type", "application/json");
    if (request.url === "/introspect") {
      response.end(JSON.stringify({ active: form.get("token") === "good-token", username: ALICE }));
    } else if (form.get("client_secret") === "right") {
      response.end(JSON.stringify({ access_token: "good-token", expires_in: 3600 }));
    } else {
      response.statusCode = 401;
      response.end(JSON.stringify({ error: "invalid_client", error_description: "The secret is wrong." }));
    }
  });
});

beforeAll(async () => {
  if (!hasDovecot()) return;
  await new Promise<void>((resolve) => tokens.listen(0, "127.0.0.1", resolve));
  dovecot = await startDovecot({ introspectionUrl: `${tokensUrl()}/introspect`, certificateDays: 20 });
});

afterEach(async () => {
  for (const destination of opened.splice(0)) await destination.close();
});

afterAll(async () => {
  await dovecot?.stop();
  tokens.close();
});

function tokensUrl(): string {
  const address = tokens.address();
  if (address === null || typeof address === "string") throw new Error("The token server is not listening.");
  return `http://127.0.0.1:${address.port}`;
}

async function open(settings: object = {}): Promise<Destination> {
  const defaults = { host: "localhost", port: dovecot.imapsPort, caFile: dovecot.caFile, ...perUser() };
  const destination = await openImapDestination(contextOf("imap", Settings.parse({ ...defaults, ...settings })));
  opened.push(destination);
  return destination;
}

function perUser(layout: object = {}) {
  return {
    signIn: { method: "password", user: "hansard", password: MASTER_PASSWORD },
    layout: { kind: "mailbox-per-user", probeMailbox: ALICE, ...layout },
  };
}

function shared(signIn: object = {}) {
  return {
    signIn: { method: "password", user: BOB, password: PASSWORD, ...signIn },
    layout: { kind: "shared-account", rootFolder: ["Archive"] },
  };
}

function receiptOf(outcome: Outcome | undefined): Receipt {
  if (outcome?.status !== "accepted") throw new Error(JSON.stringify(outcome));
  return outcome.receipt;
}

async function bytesOf(destination: Destination, delivery: Delivery, receipt: Receipt): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of destination.read!(delivery.mailbox, receipt)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

withDovecot(
  "messages go into each person's mailbox with folder, date and flag, and come back byte for byte",
  async () => {
    const destination = await open();
    const deliveries = [
      sampleDelivery(1, { folder: { kind: "inbox" } }),
      sampleDelivery(2, { folder: NAMED }),
      sampleDelivery(3, { folder: NAMED, large: true }),
      sampleDelivery(4, { folder: { kind: "purges" }, mailbox: BOB }),
    ];
    const outcomes = await destination.submit(deliveries, { signal });

    for (const [index, delivery] of deliveries.entries()) {
      const receipt = receiptOf(outcomes[index]);
      expect(receipt.itemId).toMatch(/^\d+:\d+:/);
      expect(hashOf(await bytesOf(destination, delivery, receipt))).toBe(delivery.mail.sha256);
      expect(await destination.find([delivery], { signal })).toEqual([receipt]);
    }
    const path = "Slack.général=2E2026=2F=22Q&A=22";
    const fetched = dovecot.doveadm(
      "-f",
      "flow",
      "fetch",
      "-u",
      ALICE,
      "hdr.message-id date.received.unixtime flags",
      "mailbox",
      path,
    );
    expect(fetched).toContain(
      `hdr.message-id=<m2.9f2c@hansard.invalid> date.received.unixtime=${Date.parse(deliveries[1]!.message.date) / 1000} flags=\\Seen`,
    );
    expect(fetched).toContain(
      `hdr.message-id=<m3.9f2c@hansard.invalid> date.received.unixtime=${Date.parse(deliveries[2]!.message.date) / 1000} flags=\\Seen`,
    );
    expect(dovecot.doveadm("mailbox", "list", "-u", BOB)).toContain("Recoverable Items.Purges");
  },
);

withDovecot("the Maildir that Dovecot wrote holds the mail's own bytes, and its attachment opens", async () => {
  const destination = await open({ layout: perUser({ probeMailbox: BOB }).layout });
  const delivery = sampleDelivery(30, { mailbox: BOB, folder: { kind: "inbox" }, large: true });
  receiptOf((await destination.submit([delivery], { signal }))[0]);
  const folder = join(dovecot.maildir(BOB), "cur");
  const [name] = await readdir(folder);
  const { attachments, messageId } = await simpleParser(await readFile(join(folder, name!)));
  expect(messageId).toBe(delivery.message.id);
  expect(hashOf(attachments[0]!.content)).toBe(hashOf(LARGE_CONTENT));
  expect((await stat(join(folder, name!))).mtime.toISOString()).toBe(delivery.message.date);
});

withDovecot("a master user in Dovecot's own form signs in too, over STARTTLS", async () => {
  const destination = await open({ ...perUser({ actAs: "master-user" }), tls: "starttls", port: dovecot.imapPort });
  const outcome = (await destination.submit([sampleDelivery(10)], { signal }))[0];
  expect(receiptOf(outcome).itemId).toMatch(/^\d+:\d+:Slack$/);
});

withDovecot("one shared account holds a folder for each mailbox, and different mailboxes never share one", async () => {
  const destination = await open(shared());
  const mailboxes = [
    "a.b@contoso.example",
    "a=2Eb@contoso.example",
    "a/b@contoso.example",
    "INBOX",
    "Ünï@contoso.example",
  ];
  const deliveries = mailboxes.map((mailbox) => sampleDelivery(20, { mailbox, folder: { kind: "inbox" } }));
  const outcomes = await destination.submit(deliveries, { signal });
  const paths = outcomes.map((outcome) => receiptOf(outcome).itemId.replace(/^\d+:\d+:/, ""));
  expect(paths[0]).toBe("Archive.a=2Eb@contoso=2Eexample.=Inbox");
  expect(new Set(paths).size).toBe(mailboxes.length);
  for (const [index, delivery] of deliveries.entries()) {
    expect(await destination.find([delivery], { signal })).toEqual([receiptOf(outcomes[index])]);
  }
});

withDovecot("200 messages over four connections arrive once each, with distinct receipts", async () => {
  const destination = await open(shared());
  const deliveries = Array.from({ length: 200 }, (_, index) =>
    sampleDelivery(100 + index, { mailbox: `user${index % 7}@contoso.example`, large: index % 50 === 0 }),
  );
  const outcomes = [];
  for (let at = 0; at < 200; at += 50)
    outcomes.push(...(await destination.submit(deliveries.slice(at, at + 50), { signal })));
  expect(new Set(outcomes.map((outcome) => receiptOf(outcome).itemId)).size).toBe(200);
  const fetched = dovecot.doveadm("fetch", "-u", BOB, "hdr.message-id", "mailbox", "Archive.user*");
  expect(fetched.match(/^hdr\.message-id:/gm)).toHaveLength(200);
  expect(await destination.find(deliveries, { signal })).toEqual(outcomes.map(receiptOf));
});

withDovecot("a message that is not there is not found, whether its folder exists or not", async () => {
  const destination = await open();
  const absent = [
    sampleDelivery(999, { folder: { kind: "inbox" } }),
    sampleDelivery(998, { folder: { kind: "visible", path: ["Never"] } }),
  ];
  expect(await destination.find(absent, { signal })).toEqual([undefined, undefined]);
});

withDovecot("a mailbox that does not exist is told from wrong credentials", async () => {
  const nobody = sampleDelivery(40, { mailbox: "nobody@contoso.example" });
  const [missing, present] = await (await open()).submit([nobody, sampleDelivery(41)], { signal });
  expect(missing).toMatchObject({ status: "no-mailbox", reason: expect.stringContaining("nobody@contoso.example") });
  expect(present).toMatchObject({ status: "accepted" });
  expect(await (await open()).find([nobody], { signal })).toEqual([undefined]);
  const strict = await open(perUser({ missingMailboxCodes: [] }));
  expect(await strict.submit([nobody], { signal })).toMatchObject([
    { status: "misconfigured", remedy: expect.stringContaining("act for this mailbox") },
  ]);

  const wrong = { ...perUser(), signIn: { method: "password", user: "hansard", password: "wrong-master" } };
  const [refused] = await (await open(wrong)).submit([nobody], { signal });
  expect(refused).toMatchObject({ status: "misconfigured", remedy: expect.stringContaining("password") });
  expect(JSON.stringify(refused)).not.toContain("wrong-master");
});

withDovecot("a full mailbox of one person waits, and a full shared account stops delivery", async () => {
  const full = "full@contoso.example";
  const delivery = sampleDelivery(50, { mailbox: full, text: "x".repeat(4000), folder: { kind: "inbox" } });
  const [waiting] = await (await open()).submit([delivery], { signal });
  expect(waiting).toMatchObject({
    status: "retry",
    reason: expect.stringContaining("OVERQUOTA"),
    retryAt: expect.any(Date),
  });
  const large = sampleDelivery(51, { mailbox: full, large: true, folder: { kind: "inbox" } });
  expect(await (await open()).submit([large], { signal })).toMatchObject([
    { status: "retry", reason: expect.stringContaining("OVERQUOTA") },
  ]);
  const [stopped] = await (await open(shared({ user: full }))).submit([delivery], { signal });
  expect(stopped).toMatchObject({ status: "misconfigured", remedy: expect.stringContaining("quota") });
});

withDovecot("an application signs in with XOAUTH2 and a token that it fetched", async () => {
  const signIn = {
    method: "client-credentials",
    user: ALICE,
    tokenUrl: `${tokensUrl()}/token`,
    clientId: "app",
    clientSecret: "right",
  };
  const destination = await open({ ...shared(), signIn });
  receiptOf((await destination.submit([sampleDelivery(60)], { signal }))[0]);
  const [refused] = await (
    await open({ ...shared(), signIn: { ...signIn, clientSecret: "left" } })
  ).submit([sampleDelivery(61)], { signal });
  expect(refused).toMatchObject({ status: "misconfigured", reason: expect.stringContaining("The secret is wrong.") });
  const stale = { method: "access-token", user: ALICE, accessToken: "stale" };
  expect(await (await open({ ...shared(), signIn: stale })).submit([sampleDelivery(62)], { signal })).toMatchObject([
    { status: "misconfigured" },
  ]);
});

withDovecot(
  "a certificate that is not trusted or not the server's stops delivery before anything is sent",
  async () => {
    const { caFile: _, ...untrusted } = { ...shared(), caFile: "" };
    const destination = await openImapDestination(
      contextOf("imap", Settings.parse({ host: "localhost", port: dovecot.imapsPort, ...untrusted })),
    );
    opened.push(destination);
    expect(await destination.submit([sampleDelivery(70)], { signal })).toMatchObject([
      { status: "misconfigured", remedy: expect.stringContaining("caFile") },
    ]);
    const misnamed = await open({ serverName: "other.example" });
    expect(await misnamed.submit([sampleDelivery(70)], { signal })).toMatchObject([{ status: "misconfigured" }]);
  },
);

withDovecot("check names what works and what will end soon, each with a remedy", async () => {
  const findings = await (await open(shared())).check();
  const text = findings.map(({ level, message }) => `${level}: ${message}`).join("\n");
  expect(text).toMatch(/ok: Signed in to localhost/);
  expect(text).toMatch(/ok: The server says where it stores a message \(UIDPLUS\)/);
  expect(text).toMatch(/ok: The folder "Archive" is there/);
  expect(text).toMatch(/ok: The connection is encrypted \(TLSv1\.[23]\)/);
  expect(text).toMatch(/warning: The server's certificate ends in (19|20) days/);
  expect(findings.filter(({ level, remedy }) => level !== "ok" && !remedy)).toEqual([]);
  const plain = await (await open({ ...shared(), tls: "none", port: dovecot.imapPort })).check();
  expect(plain).toContainEqual(
    expect.objectContaining({ level: "warning", message: expect.stringContaining("not encrypted") }),
  );
  const refused = await (await open(shared({ password: "wrong" }))).check();
  expect(refused).toMatchObject([{ level: "error", remedy: expect.stringContaining("password") }]);
  const unreachable = await (await open({ ...shared(), port: 1 })).check();
  expect(unreachable).toMatchObject([{ level: "error", remedy: expect.stringContaining("reachable") }]);
});
