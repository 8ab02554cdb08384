import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Delivery, type Folder, type Message, composeMail } from "@hansard/core/ingestion";
import { onTestFinished } from "vitest";
import { type Archive, type ArchiveOptions, openArchive } from "./open-archive.ts";

export const PURGES: Folder = { kind: "purges" };
export const INBOX: Folder = { kind: "inbox" };

export function sampleMessage(number: number, fields: Partial<Message> = {}): Message {
  return {
    id: `<message-${number}@sample.invalid>`,
    messageClass: "IPM.NOTE.Slack.Message",
    date: new Date(Date.UTC(2026, 0, 1) + number * 60_000).toISOString(),
    from: { id: "U1", name: "Alice Anders", address: "alice@contoso.example" },
    to: [{ id: "U2", name: "Bob Berg", address: "bob@contoso.example" }],
    subject: `Message ${number}`,
    text: `The text of message number ${number}.`,
    attachments: [],
    references: [],
    headers: [["X-Hansard-Source", "slack"]],
    ...fields,
  };
}

export function deliveryOf(message: Message, mailbox = "bob@contoso.example", folder: Folder = PURGES): Delivery {
  return { id: `${message.id} ${mailbox}`, message, mail: composeMail(message), mailbox, folder };
}

/** One message to several mailboxes, sharing the one mail as a batch of the runner's does. */
export function deliveriesOf(message: Message, mailboxes: string[], folder: Folder = PURGES): Delivery[] {
  const mail = composeMail(message);
  return mailboxes.map((mailbox) => ({ id: `${message.id} ${mailbox}`, message, mail, mailbox, folder }));
}

/** A folder that is gone when the test ends, or when `ended` says so. */
export function temporaryFolder(ended: (clean: () => void | Promise<void>) => void = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), "hansard-archive-"));
  ended(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An archive that is closed when the test ends. */
export async function sampleArchive(folder = temporaryFolder(), options: ArchiveOptions = {}): Promise<Archive> {
  const archive = await openArchive(folder, options);
  onTestFinished(() => archive.close());
  return archive;
}

export async function bytesOf(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
