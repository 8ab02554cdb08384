import { createHash, hash } from "node:crypto";
import {
  type BlobReader,
  composeMail,
  type Delivery,
  type Folder,
  type MailAttachment,
  type Message,
} from "@hansard/core/ingestion";
import type { Application, MailboxSettings } from "./index.ts";

export const APPLICATION: Application = {
  clientId: "11111111-2222-3333-4444-555555555555",
  secret: "s3cret-value",
  permissions: ["Mail.ReadWrite", "User.Read.All"],
};

/** Contents by their hash, as the journal's store holds them. */
export class SampleBlobs implements BlobReader {
  readonly #contents = new Map<string, Uint8Array>();

  add(content: Uint8Array): { sha256: string; size: number } {
    const sha256 = hash("sha256", content, "hex");
    this.#contents.set(sha256, content);
    return { sha256, size: content.length };
  }

  async *read({ sha256 }: { sha256: string }): AsyncIterable<Uint8Array> {
    const content = this.#contents.get(sha256);
    if (content === undefined) throw new Error(`The content ${sha256} is absent.`);
    for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
  }
}

export function mailboxesNamed(count: number): MailboxSettings[] {
  return Array.from({ length: count }, (_, index) => ({ address: `user${index}@contoso.example` }));
}

export async function sampleDelivery(
  number: number,
  options: {
    mailbox?: string;
    folder?: Folder;
    attachments?: MailAttachment[];
    blobs?: SampleBlobs;
    message?: Partial<Message>;
  } = {},
): Promise<Delivery> {
  const {
    mailbox = "bob@contoso.example",
    folder = { kind: "inbox" },
    attachments = [],
    blobs = new SampleBlobs(),
  } = options;
  const message: Message = {
    id: `<m${number}.${createHash("sha256").update(String(number)).digest("hex").slice(0, 12)}@hansard.invalid>`,
    messageClass: "IPM.NOTE.Slack.Message",
    date: new Date(Date.UTC(2024, 1, 3, 4, 5, 6) + number * 60_000).toISOString(),
    from: { id: "U1", name: "Bob Østergård", address: "bob@contoso.example" },
    to: [
      { id: "U2", name: "Alice, Ltd.", address: "alice@contoso.example" },
      { id: "C1", name: "#general", address: "c1@slack.invalid", kind: "place" },
    ],
    subject: `Number ${number}: grüße 😀`,
    text: `Message number ${number}.\nSecond line.\n`,
    html: `<p>Message <b>number ${number}</b>.</p>`,
    attachments,
    references: ["<earlier@hansard.invalid>"],
    headers: [
      ["X-Hansard-Source", "Slack"],
      ["X-Hansard-Event", `C1:${number}`],
      ["X-Hansard-3", "three"],
      ["X-Hansard-4", "four"],
      ["X-Hansard-5", "five"],
      ["X-Hansard-6", "six, which Graph takes in the header block alone"],
    ],
    ...options.message,
  };
  return { id: `${number}`, message, mail: await composeMail(message, { blobs }), mailbox, folder };
}

/** Bytes that look like nothing, always the same. */
export function noise(size: number, seed: number): Buffer {
  const block = createHash("sha256").update(`noise ${seed}`).digest();
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 32) {
    block.writeUInt32LE((block.readUInt32LE(0) * 1_664_525 + 1_013_904_223 + at) >>> 0, 0);
    block.copy(bytes, at, 0, Math.min(32, size - at));
  }
  return bytes;
}
