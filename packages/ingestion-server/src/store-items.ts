import { randomUUID } from "node:crypto";
import type { Accepted } from "./store-accepted.ts";
import type { Attachments, BroughtAttachment } from "./store-attachments.ts";
import type { StoreDatabase } from "./store-database.ts";
import type { Mailboxes } from "./store-folders.ts";
import { toItem } from "./store-item-row.ts";
import { type Rest, restAtFirst } from "./store-rest.ts";
import type { ItemSearch } from "./store-query.ts";
import { searchQuery } from "./store-search.ts";
import {
  type NewItem,
  type StoredAttachment,
  type StoredFolder,
  type StoredItem,
  StoreRefusal,
} from "./store-types.ts";

export type ItemChanges = Partial<
  Pick<
    NewItem,
    | "isRead"
    | "isDraft"
    | "subject"
    | "content"
    | "properties"
    | "receivedAt"
    | "sentAt"
    | "itemClass"
    | "internetMessageId"
  >
>;
export interface ItemsContext {
  database: StoreDatabase;
  mailboxes: Mailboxes;
  attachments: Attachments;
  rest: Rest;
  accepted: Accepted;
}

/** Items and their properties. Methods that write are to be called within a transaction. */
export class Items {
  readonly #database: StoreDatabase;
  readonly #mailboxes: Mailboxes;
  readonly #attachments: Attachments;
  readonly #rest: Rest;
  readonly #accepted: Accepted;

  constructor({ database, mailboxes, attachments, rest, accepted }: ItemsContext) {
    this.#database = database;
    this.#mailboxes = mailboxes;
    this.#attachments = attachments;
    this.#rest = rest;
    this.#accepted = accepted;
  }

  create(folder: StoredFolder, item: NewItem, attachments: BroughtAttachment[]): StoredItem {
    const now = Date.now();
    const content = JSON.stringify(item.content);
    const size =
      (item.mime?.length ?? content.length + item.subject.length) +
      attachments.reduce((sum, { content }) => sum + content.size, 0);
    const mailbox = this.#mailboxes.byId(folder.mailbox);
    const messageId = item.internetMessageId ?? `<${randomUUID()}@${mailbox?.address.split("@")[1] ?? "invalid"}>`;
    this.#makeRoom(folder, size);
    const id = this.#database.run(
      `INSERT INTO item (mailbox, folder, change, class, draft, read, received, sent, created, modified, subject, message_id, size, has_attachments, content, mime, visible, archive, request)
       VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      folder.mailbox,
      folder.id,
      item.itemClass,
      Number(item.isDraft),
      Number(item.isRead),
      item.receivedAt.getTime(),
      item.sentAt.getTime(),
      now,
      now,
      item.subject,
      messageId,
      size,
      Number(attachments.some(({ isInline }) => !isInline)),
      content,
      item.mime ?? null,
      item.visibleAt?.getTime() ?? 0,
      restAtFirst(folder, item.isDraft),
      item.requestId,
    );
    for (const [name, value] of Object.entries(item.properties ?? {})) this.#setProperty(id, name, value);
    for (const attachment of attachments) this.#attachments.insert(id, attachment);
    this.#accepted.add({ item: id, mailbox: mailbox?.address ?? "", messageId, requestId: item.requestId });
    this.#database.run("UPDATE folder SET items = items + 1 WHERE id = ?", folder.id);
    const stored = this.get(id);
    if (stored === undefined) throw new Error(`The item ${id} is not there after it was written.`);
    return stored;
  }

  get(id: number): StoredItem | undefined {
    const row = this.#database.get("SELECT * FROM item WHERE id = ? AND (gone IS NULL OR gone > ?)", id, Date.now());
    return row === undefined ? undefined : toItem(row);
  }

  find(search: ItemSearch): { items: StoredItem[]; total: number } {
    const { where, values, order } = searchQuery(search, Date.now());
    const { offset = 0, limit = 1000 } = search;
    const rows = this.#database.all(
      `SELECT * FROM item WHERE ${where} ORDER BY ${order} LIMIT ? OFFSET ?`,
      ...values,
      limit,
      offset,
    );
    const isAll = offset === 0 && rows.length < limit;
    return {
      items: rows.map(toItem),
      total: isAll ? rows.length : this.#database.number(`SELECT count(*) FROM item WHERE ${where}`, ...values),
    };
  }

  in(folder: number): StoredItem[] {
    return this.#database
      .all("SELECT * FROM item WHERE folder = ? AND (gone IS NULL OR gone > ?) ORDER BY id", folder, Date.now())
      .map(toItem);
  }

  update(id: number, changes: ItemChanges): StoredItem | undefined {
    const item = this.get(id);
    if (item === undefined) return undefined;
    const next = { ...item, ...changes };
    this.#database.run(
      `UPDATE item SET change = change + 1, modified = ?, class = ?, draft = ?, read = ?, received = ?, sent = ?, subject = ?, message_id = ?, content = ?,
       mime = CASE WHEN ? THEN NULL ELSE mime END WHERE id = ?`,
      Date.now(),
      next.itemClass,
      Number(next.isDraft),
      Number(next.isRead),
      next.receivedAt.getTime(),
      next.sentAt.getTime(),
      next.subject,
      next.internetMessageId,
      JSON.stringify(next.content),
      Number(changes.content !== undefined || changes.subject !== undefined),
      id,
    );
    for (const [name, value] of Object.entries(changes.properties ?? {})) this.#setProperty(id, name, value);
    this.#rest.come(id);
    return this.get(id);
  }

  move(id: number, folder: StoredFolder, gone?: number): StoredItem | undefined {
    const item = this.get(id);
    if (item === undefined) return undefined;
    this.#database.run(
      "UPDATE item SET folder = ?, mailbox = ?, change = change + 1, gone = ? WHERE id = ?",
      folder.id,
      folder.mailbox,
      gone ?? null,
      id,
    );
    this.#database.run("UPDATE folder SET items = items - 1 WHERE id = ?", item.folder);
    this.#database.run("UPDATE folder SET items = items + 1 WHERE id = ?", folder.id);
    this.#rest.come(id);
    return gone === undefined ? this.get(id) : item;
  }

  remove(id: number): void {
    const item = this.get(id);
    if (item === undefined) return;
    this.#attachments.removeOf(id);
    this.#database.run("DELETE FROM property WHERE item = ?", id);
    this.#database.run("DELETE FROM item WHERE id = ?", id);
    this.#database.run("UPDATE folder SET items = items - 1 WHERE id = ?", item.folder);
    this.#mailboxes.book(item.mailbox, -item.size);
  }

  properties(id: number): Record<string, string> {
    return Object.fromEntries(
      this.#database
        .all("SELECT name, value FROM property WHERE item = ?", id)
        .map((row) => [String(row["name"]), String(row["value"])]),
    );
  }

  mime(id: number): { mime?: Uint8Array; receipt?: string } {
    const row = this.#database.get("SELECT mime, receipt FROM item WHERE id = ?", id);
    return {
      ...(row?.["mime"] instanceof Uint8Array && { mime: row["mime"] }),
      ...(typeof row?.["receipt"] === "string" && { receipt: row["receipt"] }),
    };
  }

  /** What was composed of the item before no longer says all of it. */
  addAttachment(id: number, attachment: BroughtAttachment): StoredAttachment {
    const item = this.get(id);
    if (item === undefined) throw new Error(`There is no item ${id}.`);
    const quota = this.#mailboxes.byId(item.mailbox)?.quotaBytes ?? 0;
    if ((this.#mailboxes.byId(item.mailbox)?.usedBytes ?? 0) + attachment.content.size > quota) throw quotaExceeded();
    const number = this.#attachments.insert(id, attachment);
    this.#database.run(
      "UPDATE item SET change = change + 1, modified = ?, size = size + ?, has_attachments = max(has_attachments, ?), receipt = NULL WHERE id = ?",
      Date.now(),
      attachment.content.size,
      Number(!attachment.isInline),
      id,
    );
    this.#mailboxes.book(item.mailbox, attachment.content.size);
    const stored = this.#attachments.get(number);
    if (stored === undefined) throw new Error(`The attachment ${number} is not there after it was written.`);
    return stored;
  }

  /** Without a hold, what lies in Purges goes after the retention; with one, it stays. */
  setHold(purges: StoredFolder, gone: number | null): void {
    this.#database.run(
      "UPDATE item SET gone = ? WHERE folder = ? AND (gone IS NULL OR gone > ?)",
      gone,
      purges.id,
      Date.now(),
    );
  }

  #makeRoom(folder: StoredFolder, size: number): void {
    const mailbox = this.#mailboxes.byId(folder.mailbox);
    if (mailbox === undefined) throw new Error(`There is no mailbox ${folder.mailbox}.`);
    if (mailbox.usedBytes + size > mailbox.quotaBytes) throw quotaExceeded();
    if (this.#database.number("SELECT items FROM folder WHERE id = ?", folder.id) >= mailbox.folderItems) {
      throw new StoreRefusal("folder-full", "The folder has reached the maximum number of items.");
    }
    this.#mailboxes.book(folder.mailbox, size);
  }

  #setProperty(item: number, name: string, value: string): void {
    this.#database.run(
      "INSERT INTO property (item, name, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      item,
      name,
      value,
    );
  }
}

function quotaExceeded(): StoreRefusal {
  return new StoreRefusal("quota-exceeded", "The mailbox has exceeded the maximum mailbox size.");
}
