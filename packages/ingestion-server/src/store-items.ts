import { randomUUID } from "node:crypto";
import type { Content, ContentStore } from "./store-content.ts";
import type { Row, StoreDatabase } from "./store-database.ts";
import type { Mailboxes } from "./store-folders.ts";
import { searchQuery } from "./store-search.ts";
import {
  type ItemSearch,
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
export type BroughtAttachment = Omit<StoredAttachment, "id" | "item" | "createdAt" | "sha256" | "size"> & {
  content: Content;
};

/** Items, their properties and their attachments. Methods that write are to be called within a transaction. */
export class Items {
  readonly #database: StoreDatabase;
  readonly #mailboxes: Mailboxes;
  readonly #contents: ContentStore;

  constructor(database: StoreDatabase, mailboxes: Mailboxes, contents: ContentStore) {
    this.#database = database;
    this.#mailboxes = mailboxes;
    this.#contents = contents;
  }

  create(folder: StoredFolder, item: NewItem, attachments: BroughtAttachment[]): StoredItem {
    const now = Date.now();
    const content = JSON.stringify(item.content);
    const size =
      (item.mime?.length ?? content.length + item.subject.length) +
      attachments.reduce((sum, { content }) => sum + content.size, 0);
    const messageId =
      item.internetMessageId ??
      `<${randomUUID()}@${this.#mailboxes.byId(folder.mailbox)?.address.split("@")[1] ?? "invalid"}>`;
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
      archiveState(folder, item.isDraft),
      item.requestId,
    );
    for (const [name, value] of Object.entries(item.properties ?? {})) this.#setProperty(id, name, value);
    for (const attachment of attachments) this.#insertAttachment(id, attachment);
    this.#log(id, folder.mailbox, messageId, item.requestId);
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
    this.#comeToRest(id);
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
    this.#comeToRest(id);
    return gone === undefined ? this.get(id) : item;
  }

  remove(id: number): void {
    const item = this.get(id);
    if (item === undefined) return;
    for (const table of ["property", "attachment"]) this.#database.run(`DELETE FROM ${table} WHERE item = ?`, id);
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
    const number = this.#insertAttachment(id, attachment);
    this.#database.run(
      "UPDATE item SET change = change + 1, modified = ?, size = size + ?, has_attachments = max(has_attachments, ?), receipt = NULL WHERE id = ?",
      Date.now(),
      attachment.content.size,
      Number(!attachment.isInline),
      id,
    );
    this.#mailboxes.book(item.mailbox, attachment.content.size);
    const stored = this.attachment(number);
    if (stored === undefined) throw new Error(`The attachment ${number} is not there after it was written.`);
    return stored;
  }

  attachments(item: number): StoredAttachment[] {
    return this.#database.all("SELECT * FROM attachment WHERE item = ? ORDER BY id", item).map(toAttachment);
  }

  attachment(id: number): StoredAttachment | undefined {
    const row = this.#database.get("SELECT * FROM attachment WHERE id = ?", id);
    return row === undefined ? undefined : toAttachment(row);
  }

  pending(limit: number): StoredItem[] {
    return this.#database.all("SELECT * FROM item WHERE archive = 'pending' ORDER BY id LIMIT ?", limit).map(toItem);
  }

  /** The archive keeps the mail from now on. What it refuses stays here. */
  settleArchive(results: { item: number; receipt?: string }[]): void {
    for (const { item, receipt } of results) {
      if (receipt === undefined) this.#database.run("UPDATE item SET archive = 'refused' WHERE id = ?", item);
      else
        this.#database.run("UPDATE item SET archive = 'stored', receipt = ?, mime = NULL WHERE id = ?", receipt, item);
    }
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

  #comeToRest(id: number): void {
    this.#database.run(
      `UPDATE item SET archive = 'pending' WHERE id = ? AND archive = 'none' AND draft = 0
       AND folder IN (SELECT id FROM folder WHERE hidden = 0 OR wellknown = 'recoverableitemspurges')`,
      id,
    );
  }

  #setProperty(item: number, name: string, value: string): void {
    this.#database.run(
      "INSERT INTO property (item, name, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      item,
      name,
      value,
    );
  }

  #insertAttachment(item: number, { name, contentType, isInline, contentId, content }: BroughtAttachment): number {
    this.#contents.keep(content);
    return this.#database.run(
      "INSERT INTO attachment (item, name, type, inline, content_id, sha256, size, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      item,
      name,
      contentType,
      Number(isInline),
      contentId ?? null,
      content.sha256,
      content.size,
      Date.now(),
    );
  }

  #log(item: number, mailbox: number, messageId: string, requestId: string): void {
    const address = this.#mailboxes.byId(mailbox)?.address ?? "";
    this.#database.run(
      "INSERT INTO accepted (item, mailbox, message_id, request, at) VALUES (?, ?, ?, ?, ?)",
      item,
      address,
      messageId,
      requestId,
      Date.now(),
    );
  }
}

function archiveState(folder: StoredFolder, isDraft: boolean): StoredItem["archive"] {
  return !isDraft && (!folder.isHidden || folder.wellKnown === "recoverableitemspurges") ? "pending" : "none";
}

function quotaExceeded(): StoreRefusal {
  return new StoreRefusal("quota-exceeded", "The mailbox has exceeded the maximum mailbox size.");
}

function toItem(row: Row): StoredItem {
  return {
    id: Number(row["id"]),
    mailbox: Number(row["mailbox"]),
    folder: Number(row["folder"]),
    change: Number(row["change"]),
    itemClass: String(row["class"]),
    isDraft: row["draft"] === 1,
    isRead: row["read"] === 1,
    receivedAt: new Date(Number(row["received"])),
    sentAt: new Date(Number(row["sent"])),
    createdAt: new Date(Number(row["created"])),
    modifiedAt: new Date(Number(row["modified"])),
    subject: String(row["subject"]),
    internetMessageId: String(row["message_id"]),
    size: Number(row["size"]),
    hasAttachments: row["has_attachments"] === 1,
    content: JSON.parse(String(row["content"])),
    archive: String(row["archive"]) as StoredItem["archive"],
  };
}

function toAttachment(row: Row): StoredAttachment {
  return {
    id: Number(row["id"]),
    item: Number(row["item"]),
    name: String(row["name"]),
    contentType: String(row["type"]),
    isInline: row["inline"] === 1,
    ...(typeof row["content_id"] === "string" && { contentId: row["content_id"] }),
    sha256: String(row["sha256"]),
    size: Number(row["size"]),
    createdAt: new Date(Number(row["created"])),
  };
}
