import { createHash } from "node:crypto";
import type { BlobReader, Delivery, DestinationContext, Folder } from "@hansard/core/ingestion";

/** The content of a sample's large attachment, which no message holds itself. */
export const LARGE_CONTENT: Buffer = Buffer.alloc(3_000_017, "hansard ");

/** The one blob that the sample mails refer to. */
export const blobs: BlobReader = {
  async *read({ sha256 }) {
    if (sha256 !== hashOf(LARGE_CONTENT)) throw new Error(`The content ${sha256} is absent.`);
    for (let at = 0; at < LARGE_CONTENT.length; at += 65_536) yield LARGE_CONTENT.subarray(at, at + 65_536);
  },
};

/** A delivery of a small message, or of one with a large attachment that only the journal's store holds. */
export function sampleDelivery(
  number: number,
  options: { mailbox?: string; folder?: Folder; text?: string; large?: boolean; subject?: string } = {},
): Delivery {
  const { mailbox = "alice@contoso.example", folder = { kind: "visible", path: ["Slack"] }, large = false } = options;
  const text = options.text ?? `Message number ${number}.\r\n.\r\nA line with one dot stands above.\r\n`;
  const date = new Date(Date.UTC(2026, 0, 2, 3, 4, number)).toISOString();
  const head = Buffer.from(headOf(number, date, text, large));
  const segments = large
    ? [head, { blob: { sha256: hashOf(LARGE_CONTENT), size: LARGE_CONTENT.length } }, Buffer.from("--=_b--\r\n")]
    : [head];
  const bytes = large ? Buffer.concat([head, base64Lines(LARGE_CONTENT), Buffer.from("--=_b--\r\n")]) : head;
  return {
    id: `delivery-${number}-${mailbox}`,
    mailbox,
    folder,
    mail: { segments, size: bytes.length, sha256: hashOf(bytes) },
    message: {
      id: `<m${number}.9f2c@hansard.invalid>`,
      messageClass: "IPM.NOTE.Slack.Message",
      date,
      from: { id: "U1", name: "Bob", address: "bob@contoso.example" },
      to: [{ id: "U2", name: "Alice", address: "alice@contoso.example" }],
      subject: options.subject ?? `Number ${number}`,
      text,
      attachments: [],
      references: [],
      headers: [],
    },
  };
}

/** What a destination is opened with: settings that its schema has read, the blob of the samples, and a log that nobody reads. */
export function contextOf<Settings>(
  id: string,
  settings: Settings,
  folder = "/nonexistent",
): DestinationContext<Settings> {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  return { id, settings, blobs, folder, log };
}

/** SHA-256 as 64 hexadecimal digits. */
export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function headOf(number: number, date: string, text: string, large: boolean): string {
  const head = [
    `Message-ID: <m${number}.9f2c@hansard.invalid>`,
    `Date: ${new Date(date).toUTCString().replace("GMT", "+0000")}`,
    "From: Bob <bob@contoso.example>",
    "To: Alice <alice@contoso.example>",
    `Subject: Number ${number}`,
    "MIME-Version: 1.0",
  ];
  const body = ["Content-Type: text/plain; charset=us-ascii", "", text];
  if (!large) return [...head, ...body].join("\r\n");
  const file = [
    "--=_b",
    "Content-Type: application/octet-stream; name=big.bin",
    "Content-Transfer-Encoding: base64",
    "",
    "",
  ];
  return [...head, 'Content-Type: multipart/mixed; boundary="=_b"', "", "--=_b", ...body, ...file].join("\r\n");
}

function base64Lines(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString("base64").replace(/.{1,76}/g, "$&\r\n"));
}
