import { createHash } from "node:crypto";
import type { MessageDraft } from "@hansard/core";
import {
  type BlobReader,
  composeMail,
  composeMessage,
  type Delivery,
  type Folder,
  type Message,
} from "@hansard/core/ingestion";

export const BOB = "bob@contoso.example";
export const ALICE = "alice@contoso.example";
export const PICTURE: Buffer = Buffer.from(Array.from({ length: 70_001 }, (_, index) => (index * 31) % 256));

/** Holds the one picture that the samples refer to. */
export const blobs: BlobReader = {
  async *read() {
    yield PICTURE.subarray(0, 30_000);
    yield PICTURE.subarray(30_000);
  },
};

export interface SampleOptions {
  mailbox?: string;
  folder?: Folder;
  draft?: Partial<MessageDraft>;
}

/** A delivery as the ingestion client makes it. */
export async function sample(
  number: number,
  { mailbox = BOB, folder = { kind: "purges" }, draft = {} }: SampleOptions = {},
): Promise<Delivery> {
  const picture = { sha256: createHash("sha256").update(PICTURE).digest("hex"), size: PICTURE.length };
  const message: Message = composeMessage({
    draft: {
      from: { id: "U1", name: "Bob Ängström", address: BOB },
      to: [{ id: "U2", name: "Alice", address: ALICE }],
      date: `2021-03-04T05:06:${String(number % 60).padStart(2, "0")}Z`,
      subject: `Number ${number} <&> "ü"`,
      text: `Text of ${number}\nwith ümlauts`,
      html: `<p>Text of <b>${number}</b></p>`,
      attachments: [
        { id: "F1", name: "picture 1.bin", contentType: "application/octet-stream", content: { blob: picture } },
        { id: "F2", name: "notes ü.txt", contentType: "text/csv", content: { text: "one,two\r\n" } },
      ],
      ...draft,
    },
    source: "Slack",
    type: "Message",
    key: `C1:${number}`,
    version: "",
    messageId: `<m${number}@hansard.invalid>`,
    references: [],
    address: () => undefined,
  });
  return { id: String(number), mailbox, folder, message, mail: await composeMail(message, { blobs }) };
}

export async function bytesOf(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
