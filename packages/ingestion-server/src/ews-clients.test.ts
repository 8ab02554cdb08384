import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Destination, readMail } from "@hansard/core/ingestion";
import { openExchangeDestination, Settings } from "@hansard/destination-exchange";
import {
  BasePropertySet,
  ConnectingIdType,
  EmailMessage,
  ExchangeService,
  ExchangeVersion,
  FileAttachment,
  FolderId,
  ImpersonatedUserId,
  ItemView,
  Mailbox,
  PropertySet,
  ItemSchema,
  EmailMessageSchema,
  type ItemId,
  Uri,
  WebCredentials,
  WellKnownFolderName,
} from "ews-javascript-api";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { ACCOUNT, openTestEws, recordingLog, settingsFor, type TestEws, THIRD_PARTY } from "./ews.test.support.ts";
import { ALICE, blobs, BOB, bytesOf, PICTURE, sample } from "./ews-sample.test.support.ts";

const signal = new AbortController().signal;
const JUDGE = join(import.meta.dirname, "ews-exchangelib.test.py");
/** Debian's own Python, which has Debian's packages, before another one that may stand first in the path. */
const python = await findPython(["/usr/bin/python3", "python3"]);
if (python === undefined)
  process.stderr.write("The test with exchangelib is skipped: python3-exchangelib is not installed.\n");

let ews: TestEws;
let destination: Destination;

beforeEach(async () => {
  ews = await openTestEws({ mailboxes: [BOB, ALICE, THIRD_PARTY, ACCOUNT.mailbox].map((address) => ({ address })) });
  destination = await openExchangeDestination({
    id: "exchange",
    settings: Settings.parse(settingsFor(ews)),
    blobs,
    folder: ews.folder,
    log: recordingLog(),
  });
});

afterEach(async () => {
  await destination.close();
  await ews.close();
});

/** What a reader saw of a stored message. */
const Seen = z.object({
  itemClass: z.string(),
  subject: z.string(),
  isDraft: z.boolean(),
  isRead: z.boolean(),
  received: z.string(),
  sent: z.string(),
  messageId: z.string(),
  from: z.tuple([z.string(), z.string()]),
  to: z.array(z.tuple([z.string(), z.string()])),
  body: z.string(),
  attachments: z.array(z.object({ name: z.string(), contentType: z.string(), base64: z.string() })),
  mime: z.string(),
});

async function expected(number: number, mail: Buffer): Promise<z.infer<typeof Seen>> {
  const at = `2021-03-04T05:06:0${number}Z`;
  return {
    itemClass: "IPM.NOTE.Slack.Message",
    subject: `Number ${number} <&> "ü"`,
    isDraft: false,
    isRead: true,
    received: at,
    sent: at,
    messageId: `<m${number}@hansard.invalid>`,
    from: ["Bob Ängström", BOB],
    to: [["Alice", ALICE]],
    body: `<p>Text of <b>${number}</b></p>`,
    attachments: [
      { name: "picture 1.bin", contentType: "application/octet-stream", base64: PICTURE.toString("base64") },
      { name: "notes ü.txt", contentType: "text/csv", base64: Buffer.from("one,two\r\n").toString("base64") },
    ],
    mime: mail.toString("base64"),
  };
}

test("ews-javascript-api reads from Purges and Inbox what was sent: class, dates, people, body and attachments byte for byte", async () => {
  const deliveries = [await sample(1), await sample(2, { folder: { kind: "inbox" } })];
  const outcomes = await destination.submit(deliveries, { signal });
  expect(outcomes.map(({ status }) => status)).toEqual(["accepted", "accepted"]);
  const service = new ExchangeService(ExchangeVersion.Exchange2013_SP1);
  service.Url = new Uri(`${ews.url}/EWS/Exchange.asmx`);
  service.Credentials = new WebCredentials(ACCOUNT.user, ACCOUNT.password);
  service.ImpersonatedUserId = new ImpersonatedUserId(ConnectingIdType.SmtpAddress, BOB);
  for (const [index, name] of [WellKnownFolderName.RecoverableItemsPurges, WellKnownFolderName.Inbox].entries()) {
    const { Items } = await service.FindItems(new FolderId(name, new Mailbox(BOB)), new ItemView(10));
    expect(Items).toHaveLength(1);
    const mail = await bytesOf(readMail(deliveries[index]!.mail, blobs));
    expect(withoutEndOfLine(await seenByJavascript(service, Items[0]!.Id))).toEqual(await expected(index + 1, mail));
  }
}, 60_000);

async function seenByJavascript(service: ExchangeService, id: ItemId): Promise<z.infer<typeof Seen>> {
  const properties = new PropertySet(BasePropertySet.FirstClassProperties, [
    ItemSchema.MimeContent,
    ItemSchema.Attachments,
    EmailMessageSchema.From,
  ]);
  const message = await EmailMessage.Bind(service, id, properties);
  const attachments = [];
  for (const attachment of message.Attachments.GetEnumerator()) {
    if (!(attachment instanceof FileAttachment)) continue;
    await attachment.Load();
    attachments.push({ name: attachment.Name, contentType: attachment.ContentType, base64: attachment.Base64Content });
  }
  return Seen.parse({
    itemClass: message.ItemClass,
    subject: message.Subject,
    isDraft: message.IsDraft,
    isRead: message.IsRead,
    received: message.DateTimeReceived.ToISOString().replace(".000", ""),
    sent: message.DateTimeSent.ToISOString().replace(".000", ""),
    messageId: message.InternetMessageId,
    from: [message.From.Name, message.From.Address],
    to: message.ToRecipients.GetEnumerator().map(({ Name, Address }) => [Name, Address]),
    body: message.Body.Text,
    attachments,
    mime: message.MimeContent.Content,
  });
}

test.skipIf(python === undefined)(
  "exchangelib reads from Purges, Inbox and a visible folder what was sent (skipped without python3-exchangelib)",
  async () => {
    const deliveries = [
      await sample(1),
      await sample(2, { folder: { kind: "inbox" } }),
      await sample(3, { folder: { kind: "visible", path: ["Slack", "general"] } }),
    ];
    const outcomes = await destination.submit(deliveries, { signal });
    expect(outcomes.map(({ status }) => status)).toEqual(["accepted", "accepted", "accepted"]);
    const { stdout } = await promisify(execFile)(
      python ?? "",
      [JUDGE, `${ews.url}/EWS/Exchange.asmx`, ACCOUNT.user, ACCOUNT.password, BOB],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    const seen = z.array(Seen).parse(JSON.parse(stdout)).map(withoutEndOfLine);
    for (const [index, delivery] of deliveries.entries()) {
      expect(seen[index]).toEqual(await expected(index + 1, await bytesOf(readMail(delivery.mail, blobs))));
    }
  },
  120_000,
);

async function findPython(candidates: string[]): Promise<string | undefined> {
  for (const candidate of candidates) {
    const found = await promisify(execFile)(candidate, ["-c", "import exchangelib"]).catch(() => undefined);
    if (found) return candidate;
  }
  return undefined;
}

/** Mail ends a body's last line, which the message itself need not. */
function withoutEndOfLine(seen: z.infer<typeof Seen>): z.infer<typeof Seen> {
  return { ...seen, body: seen.body.replace(/\r?\n$/, "") };
}
