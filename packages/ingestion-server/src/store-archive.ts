import type { Archive } from "@hansard/archive";
import {
  type BlobReader,
  composeMail,
  type Delivery,
  type Folder,
  type Mail,
  type Message,
} from "@hansard/core/ingestion";
import { hash } from "node:crypto";
import type { MailAddress, StoredAttachment, StoredFolder, StoredItem } from "./store-types.ts";

/** What the archive's feed asks of the store. */
export interface Feed {
  pending(limit: number): StoredItem[];
  mime(item: StoredItem): Uint8Array | undefined;
  attachments(item: number): StoredAttachment[];
  path(item: StoredItem): { mailbox: string; folders: StoredFolder[] };
  settle(results: { item: number; receipt?: string }[]): Promise<void>;
  blobs: BlobReader;
}

const BATCH = 500;
const PAUSE_MS = 250;

/**
 * Brings items that have come to rest into the embedded archive. The store is the record of what is owed, so that a
 * crash between the two loses nothing, and the archive takes each message once.
 */
export class ArchiveFeed {
  readonly #archive: Archive;
  readonly #feed: Feed;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(archive: Archive, feed: Feed) {
    this.#archive = archive;
    this.#feed = feed;
  }

  /** Something is pending. It waits for company: a batch costs the archive as much as one. */
  wake(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#drainOnce().catch(() => undefined);
    }, PAUSE_MS);
    this.#timer.unref();
  }

  async drain(): Promise<void> {
    while (await this.#drainOnce());
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Gives whether there may be more. */
  async #drainOnce(): Promise<boolean> {
    await this.#running;
    const work = this.#batch();
    this.#running = work.then(
      () => undefined,
      () => undefined,
    );
    const more = await work;
    if (more) this.wake();
    return more;
  }

  async #batch(): Promise<boolean> {
    const items = this.#feed.pending(BATCH);
    if (items.length === 0) return false;
    const deliveries: Delivery[] = [];
    for (const item of items) deliveries.push(await this.#delivery(item));
    const outcomes = await this.#archive.submit(deliveries);
    const results = items.flatMap(({ id }, index) => {
      const outcome = outcomes[index];
      if (outcome?.status === "accepted") return [{ item: id, receipt: outcome.receipt.itemId }];
      return outcome?.status === "retry" ? [] : [{ item: id }];
    });
    await this.#feed.settle(results);
    return results.length > 0;
  }

  async #delivery(item: StoredItem): Promise<Delivery> {
    const { mailbox, folders } = this.#feed.path(item);
    const message = messageOf(item, this.#feed.attachments(item.id));
    const mail = await mailOf(item, message, this.#feed);
    return { id: String(item.id), message, mail, mailbox, folder: folderOf(folders) };
  }
}

/** The item's mail: as it came, or composed of what it says. */
export async function mailOf(item: StoredItem, message: Message, feed: Pick<Feed, "mime" | "blobs">): Promise<Mail> {
  const mime = feed.mime(item);
  if (mime === undefined) return composeMail(message, { blobs: feed.blobs });
  return { segments: [mime], size: mime.length, sha256: hash("sha256", mime, "hex") };
}

export function messageOf(item: StoredItem, attachments: StoredAttachment[]): Message {
  const { content, itemClass, receivedAt, sentAt, subject, internetMessageId } = item;
  const from = content.from ?? content.sender;
  const text = [content.body, content.alternative].find((form) => form?.contentType === "text")?.content;
  const html = [content.body, content.alternative].find((form) => form?.contentType === "html")?.content;
  return {
    id: internetMessageId,
    messageClass: itemClass,
    date: (sentAt.getTime() > 0 ? sentAt : receivedAt).toISOString(),
    from: from === undefined ? { id: "", address: "" } : correspondent(from),
    to: [...content.to, ...content.cc, ...content.bcc].map(correspondent),
    subject,
    text: text ?? plainText(html ?? ""),
    ...(html !== undefined && { html }),
    attachments: attachments.map(({ id, name, contentType, isInline, contentId, sha256, size }) => ({
      id: contentId ?? `a${id}`,
      name,
      contentType,
      content: { blob: { sha256, size } },
      ...(isInline && { inline: true }),
    })),
    references: content.references,
    headers: content.headers
      .filter(({ name }) => /^x-/i.test(name) && name.toLowerCase() !== "x-hansard-message-class")
      .map(({ name, value }) => [name, value]),
  };
}

function correspondent({ name, address }: MailAddress): Message["from"] {
  return { id: address, address, ...(name !== undefined && { name }) };
}

/** Words for the search, where a message says itself in HTML alone. */
function plainText(html: string): string {
  return html
    .replace(/<(style|script)\b[^>]*>[^]*?<\/\1>/gi, " ")
    .replace(/<br\s*\/?>|<\/(p|div|tr|li)>/gi, "\n")
    .replace(/<[^>]*>/g, " ")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&nbsp;/g, " ")
    .replace(/&amp;/g, "&");
}

function folderOf(folders: StoredFolder[]): Folder {
  const last = folders.at(-1);
  if (last?.wellKnown === "recoverableitemspurges") return { kind: "purges" };
  if (last?.wellKnown === "inbox") return { kind: "inbox" };
  return { kind: "visible", path: folders.filter(({ parent }) => parent !== 0).map(({ name }) => name) };
}
