import type { Delivery, Destination, Outcome, Receipt } from "@hansard/core/ingestion";
import { type ParsedMail, simpleParser } from "mailparser";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { LARGE_CONTENT, contextOf, hashOf, sampleDelivery } from "@hansard/testkit/deliveries";
import { openJournalDestination } from "./destination.ts";
import { type Postfix, hasPostfix, startPostfix } from "./postfix.test.server.ts";
import { Settings } from "./settings.ts";

const signal = new AbortController().signal;
const ADDRESSES = [
  "journal@archive.example",
  "relay@archive.example",
  "vault@archive.example",
  "generic@archive.example",
  "again@archive.example",
  "many@archive.example",
  "dots@archive.example",
  "alice@contoso.example",
];
const withPostfix = test.skipIf(!hasPostfix());
if (!hasPostfix())
  console.warn(
    "Skipped: Postfix is absent, or the tests do not run as root, which its master insists on. Install Debian's postfix and openssl.",
  );
const opened: Destination[] = [];
let postfix: Postfix;

beforeAll(async () => {
  if (!hasPostfix()) return;
  postfix = await startPostfix(ADDRESSES);
});

afterEach(async () => {
  for (const destination of opened.splice(0)) await destination.close();
});

afterAll(async () => {
  await postfix?.stop();
});

async function open(settings: object): Promise<Destination> {
  const defaults = {
    host: "localhost",
    port: postfix.port,
    caFile: postfix.caFile,
    preset: "exchange",
    sender: "hansard@contoso.example",
  };
  const destination = await openJournalDestination(
    contextOf("smtp-journal", Settings.parse({ ...defaults, ...settings })),
  );
  opened.push(destination);
  return destination;
}

function receiptOf(outcome: Outcome | undefined): Receipt {
  if (outcome?.status !== "accepted") throw new Error(JSON.stringify(outcome));
  return outcome.receipt;
}

/** The mail within a journal report, by its boundary and nothing else. */
function attachedMail(report: Buffer): Buffer {
  const text = report.toString("latin1");
  const [, boundary] = /boundary="([^"]+)"/.exec(text)!;
  const start = text.indexOf("message/rfc822");
  const body = text.indexOf("\n\n", start) + 2;
  return Buffer.from(text.slice(body, text.lastIndexOf(`\n--${boundary}--`)).replaceAll("\n", "\r\n"), "latin1");
}

function headerLine(mail: ParsedMail, name: string): string | undefined {
  return mail.headerLines.find(({ key }) => key === name)?.line;
}

withPostfix("a journal report reaches the mailbox over STARTTLS, and the message within is unaltered", async () => {
  const delivery = sampleDelivery(1, {
    subject: "Grüße\r\nTo: mallory@evil.example",
    mailbox: "carol@contoso.example",
  });
  const receipt = receiptOf(
    (await (await open({ recipient: "journal@archive.example" })).submit([delivery], { signal }))[0],
  );
  expect(receipt.correlationId).toMatch(/^250 2\.0\.0 Ok: queued as [0-9A-F]+$/);

  const [stored] = await postfix.mailbox("journal@archive.example", 1);
  expect(stored!.toString()).toMatch(/^X-MS-Journal-Report:$/m);
  expect(stored!.toString()).toMatch(/with ESMTPS/);
  expect(hashOf(attachedMail(stored!))).toBe(delivery.mail.sha256);
  const report = await simpleParser(stored!);
  expect(report.messageId).toBe(receipt.itemId);
  expect(report.subject).toBe("Grüße To: mallory@evil.example");
  expect(report.date?.toISOString()).toBe(delivery.message.date);
  expect(report.text?.trimEnd().split("\n").slice(0, 5)).toEqual([
    "Sender: bob@contoso.example",
    "Subject: Grüße To: mallory@evil.example",
    "Message-Id: <m1.9f2c@hansard.invalid>",
    "To: alice@contoso.example",
    "Recipient: carol@contoso.example",
  ]);
  const within = await simpleParser(attachedMail(stored!));
  expect(within.messageId).toBe(delivery.message.id);
});

withPostfix("a large attachment passes the journal report whole", async () => {
  const delivery = sampleDelivery(2, { large: true });
  const destination = await open({ recipient: "alice@contoso.example" });
  receiptOf((await destination.submit([delivery], { signal }))[0]);
  const [stored] = await postfix.mailbox("alice@contoso.example", 1);
  expect(hashOf(attachedMail(stored!))).toBe(delivery.mail.sha256);
  const within = await simpleParser(attachedMail(stored!));
  expect(hashOf(within.attachments[0]!.content)).toBe(hashOf(LARGE_CONTENT));
});

withPostfix("Global Relay gets the message itself, marked with its source", async () => {
  const delivery = sampleDelivery(3);
  receiptOf(
    (
      await (await open({ preset: "globalrelay", recipient: "relay@archive.example" })).submit([delivery], { signal })
    )[0],
  );
  const mail = await simpleParser((await postfix.mailbox("relay@archive.example", 1))[0]!);
  expect(headerLine(mail, "x-globalrelay-msgtype")).toBe("X-GlobalRelay-MsgType: Slack");
  expect([mail.messageId, mail.text?.trimEnd()]).toEqual([
    delivery.message.id,
    delivery.message.text.trimEnd().replaceAll("\r\n", "\n"),
  ]);
});

withPostfix(
  "Enterprise Vault gets the archive's id and the index data; other archives get the fields they ask for",
  async () => {
    const vault = await open({
      preset: "enterprise-vault",
      recipient: "vault@archive.example",
      archiveId: "160EEB78evserver1",
    });
    receiptOf((await vault.submit([sampleDelivery(4)], { signal }))[0]);
    const inVault = await simpleParser((await postfix.mailbox("vault@archive.example", 1))[0]!);
    expect(headerLine(inVault, "x-kvs-archiveid")).toBe("X-Kvs-ArchiveId: 160EEB78evserver1");
    expect(headerLine(inVault, "x-kvs-indexdata")).toContain(
      '<PROP NAME="X-Archive-Source"><VALUE>Slack</VALUE></PROP>',
    );

    const headers = { "X-Archive-Mailbox": "", "X-Own": '<a b="{mailbox}"/>', "X-Class": "{messageClass} {unknown}" };
    const generic = await open({ preset: "generic", recipient: "generic@archive.example", headers });
    receiptOf((await generic.submit([sampleDelivery(5, { mailbox: "a&'b@contoso.example" })], { signal }))[0]);
    const mail = await simpleParser((await postfix.mailbox("generic@archive.example", 1))[0]!);
    expect(headerLine(mail, "x-archive-source")).toBe("X-Archive-Source: Slack");
    expect(headerLine(mail, "x-archive-event")).toBe("X-Archive-Event: Message");
    expect(headerLine(mail, "x-archive-mailbox")).toBeUndefined();
    expect(headerLine(mail, "x-own")).toBe('X-Own: <a b="a&#38;&#39;b@contoso.example"/>');
    expect(headerLine(mail, "x-class")).toBe("X-Class: IPM.NOTE.Slack.Message {unknown}");
  },
);

withPostfix("a message that is sent again is the same to the last byte", async () => {
  const delivery: Delivery = sampleDelivery(6, { subject: "Ünïcode" });
  for (let attempt = 0; attempt < 2; attempt++) {
    receiptOf((await (await open({ recipient: "again@archive.example" })).submit([delivery], { signal }))[0]);
  }
  const stored = await postfix.mailbox("again@archive.example", 2);
  const [one, other] = stored.map((mail) => mail.subarray(mail.indexOf("\nFrom: ")).toString());
  expect(one).toBe(other);
});

withPostfix("250 messages arrive once each over few connections, with dots and long lines as they were", async () => {
  const destination = await open({ recipient: "many@archive.example", messagesPerConnection: 40 });
  const deliveries = Array.from({ length: 250 }, (_, index) =>
    sampleDelivery(index, { text: `.\r\n..\r\n.${"x".repeat(900)}\r\n.\r\n` }),
  );
  const outcomes: Outcome[] = [];
  for (let at = 0; at < 250; at += 50)
    outcomes.push(...(await destination.submit(deliveries.slice(at, at + 50), { signal })));
  expect(outcomes.filter(({ status }) => status !== "accepted")).toEqual([]);
  const stored = await postfix.mailbox("many@archive.example", 250);
  expect(stored.map((mail) => hashOf(attachedMail(mail))).toSorted()).toEqual(
    deliveries.map(({ mail }) => mail.sha256).toSorted(),
  );
});

withPostfix(
  "an unknown mailbox is no mailbox, an unknown journal address is a wrong configuration, relaying is refused as such",
  async () => {
    const nobody = sampleDelivery(7, { mailbox: "nobody@contoso.example" });
    expect(await (await open({ recipient: "mailbox" })).submit([nobody], { signal })).toMatchObject([
      { status: "no-mailbox", reason: expect.stringContaining("5.1.1") },
    ]);
    expect(await (await open({ recipient: "wrong@archive.example" })).submit([nobody], { signal })).toMatchObject([
      { status: "misconfigured", remedy: expect.stringContaining("recipient") },
    ]);
    const foreign = sampleDelivery(8, { mailbox: "someone@elsewhere.example" });
    expect(await (await open({ recipient: "mailbox" })).submit([foreign], { signal })).toMatchObject([
      { status: "misconfigured" },
    ]);
  },
);

withPostfix("a message that is too large is refused, and the ones behind it arrive", async () => {
  const destination = await open({ recipient: "mailbox" });
  const large = sampleDelivery(9, { text: `${"y".repeat(900)}\r\n`.repeat(25_000) });
  const outcomes = await destination.submit([large, sampleDelivery(10)], { signal });
  expect(outcomes).toMatchObject([
    { status: "refused", remedy: expect.stringContaining("messageBytes") },
    { status: "accepted" },
  ]);
});

withPostfix(
  "a certificate that is not trusted or not the server's stops delivery before anything is sent",
  async () => {
    const settings = {
      host: "localhost",
      port: postfix.port,
      preset: "exchange",
      recipient: "journal@archive.example",
    };
    const untrusted = await openJournalDestination(contextOf("smtp-journal", Settings.parse(settings)));
    opened.push(untrusted);
    expect(await untrusted.submit([sampleDelivery(11)], { signal })).toMatchObject([
      { status: "misconfigured", remedy: expect.stringContaining("caFile") },
    ]);
    const misnamed = await open({ recipient: "journal@archive.example", serverName: "other.example" });
    expect(await misnamed.submit([sampleDelivery(11)], { signal })).toMatchObject([{ status: "misconfigured" }]);
  },
);

withPostfix("check names what works and what will not, each with a remedy, and delivers nothing", async () => {
  const findings = await (await open({ recipient: "dots@archive.example", messageBytes: 10_000_000 })).check();
  const text = findings.map(({ level, message }) => `${level}: ${message}`).join("\n");
  expect(text).toMatch(
    /ok: Connected to localhost:\d+\.\nok: The connection is encrypted \(TLSv1\.[23]\)\.\nwarning: The server's certificate ends in 1[12] days/,
  );
  expect(text).toMatch(/ok: The server takes mail for dots@archive\.example/);
  expect(findings.filter(({ level, remedy }) => level !== "ok" && !remedy)).toEqual([]);
  expect(await (await open({ recipient: "wrong@archive.example" })).check()).toContainEqual(
    expect.objectContaining({ level: "error", remedy: expect.stringContaining("messageBytes") }),
  );
  expect(await (await open({ recipient: "wrong@archive.example", messageBytes: 1_000_000 })).check()).toContainEqual(
    expect.objectContaining({
      level: "error",
      message: expect.stringContaining("5.1.1"),
      remedy: expect.stringContaining("recipient"),
    }),
  );
  expect(await (await open({ recipient: "dots@archive.example", port: 1 })).check()).toMatchObject([
    { level: "error", remedy: expect.any(String) },
  ]);
  const plain = await (await open({ recipient: "dots@archive.example", tls: "none", messageBytes: 1_000_000 })).check();
  expect(plain).toContainEqual(
    expect.objectContaining({ level: "warning", message: expect.stringContaining("not encrypted") }),
  );
  await (await open({ recipient: "dots@archive.example" })).submit([sampleDelivery(12)], { signal });
  expect(await postfix.mailbox("dots@archive.example", 1)).toHaveLength(1);
});
