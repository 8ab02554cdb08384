import { createHash } from "node:crypto";
import type { Delivery } from "@hansard/core/ingestion";
import { isPlainAddress } from "./address.ts";
import { asciiOrEncodedWords, quotedPrintable, singleLine } from "./header-text.ts";

const NOT_ASCII = /[^\x20-\x7e\r\n]/;

/** What stands before and after the message's own bytes. */
export interface Wrapping {
  before: string;
  after: string;
  /** The Message-ID that the archive sees. */
  messageId: string;
}

/**
 * An Exchange envelope journal report (MS-XJRNL): the fields of the envelope as text, the message attached as it is. All
 * of it follows from the delivery, so that the archive sees the same bytes at every attempt.
 */
export function journalReport(delivery: Delivery, addresses: { from: string; to: string }): Wrapping {
  const { message, mail } = delivery;
  const identity = createHash("sha256")
    .update(JSON.stringify([message.id, delivery.mailbox, delivery.folder]))
    .digest("hex");
  const boundary = `=_${createHash("sha256").update(`${identity}${mail.sha256}`).digest("hex").slice(0, 48)}`;
  const messageId = `<${identity.slice(0, 40)}.journal@${addresses.from.slice(addresses.from.lastIndexOf("@") + 1)}>`;
  const head = [
    `From: ${addresses.from}`,
    `To: ${addresses.to}`,
    `Subject: ${asciiOrEncodedWords(message.subject, "Subject: ".length)}`,
    `Message-ID: ${messageId}`,
    `Date: ${new Date(message.date).toUTCString().replace("GMT", "+0000")}`,
    // The value is empty, and archives look for just this line. Mail composers drop such a field.
    "X-MS-Journal-Report:",
    "MIME-Version: 1.0",
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    "",
    `--${boundary}`,
    ...envelopePart(delivery),
    "",
    `--${boundary}`,
    "Content-Type: message/rfc822",
    ...(hasEightBits(delivery) ? ["Content-Transfer-Encoding: 8bit"] : []),
    "",
    "",
  ];
  return { before: head.join("\r\n"), after: `\r\n--${boundary}--\r\n`, messageId };
}

function envelopePart(delivery: Delivery): string[] {
  const body = envelopeFields(delivery).join("\r\n");
  if (!NOT_ASCII.test(body)) return ['Content-Type: text/plain; charset="us-ascii"', "", body];
  return [
    'Content-Type: text/plain; charset="utf-8"',
    "Content-Transfer-Encoding: quoted-printable",
    "",
    quotedPrintable(body),
  ];
}

/** `To:` for those whom the message is addressed to; `Recipient:` for the mailbox where it is none of them. */
function envelopeFields({ message, mailbox }: Delivery): string[] {
  const to = [...new Set(message.to.map(({ address }) => address.toLowerCase()))].filter(isPlainAddress);
  return [
    `Sender: ${singleLine(message.from.address)}`,
    `Subject: ${singleLine(message.subject)}`,
    `Message-Id: ${singleLine(message.id)}`,
    ...to.map((address) => `To: ${address}`),
    ...(to.includes(mailbox.toLowerCase()) ? [] : [`Recipient: ${mailbox}`]),
    "",
  ];
}

/** Content of the journal's store is in base64, so only the bytes at hand can be more than ASCII. */
export function hasEightBits({ mail }: Delivery): boolean {
  return mail.segments.some((segment) => segment instanceof Uint8Array && segment.some((byte) => byte > 0x7f));
}
