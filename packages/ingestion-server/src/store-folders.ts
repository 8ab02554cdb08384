import { randomUUID } from "node:crypto";
import type { Row, StoreDatabase } from "./store-database.ts";
import {
  type Mailbox,
  type MailboxSettings,
  type StoredFolder,
  StoreRefusal,
  WELL_KNOWN,
  type WellKnown,
} from "./store-types.ts";

const NAMES: Record<WellKnown, string> = {
  msgfolderroot: "Top of Information Store",
  inbox: "Inbox",
  drafts: "Drafts",
  sentitems: "Sent Items",
  deleteditems: "Deleted Items",
  outbox: "Outbox",
  junkemail: "Junk Email",
  archive: "Archive",
  recoverableitemsroot: "Recoverable Items",
  recoverableitemsdeletions: "Deletions",
  recoverableitemsversions: "Versions",
  recoverableitemspurges: "Purges",
  recoverableitemsdiscoveryholds: "DiscoveryHolds",
};
const QUOTA_BYTES = 100 * 1024 ** 3;
const FOLDER_ITEMS = 1_000_000;

/** Mailboxes by each of their names, and their folders. They are few, and so they are kept in memory as well. */
export class Mailboxes {
  readonly #database: StoreDatabase;
  readonly #byId = new Map<number, Mailbox>();
  readonly #byName = new Map<string, Mailbox>();
  readonly #wellKnown = new Map<string, StoredFolder>();

  constructor(database: StoreDatabase) {
    this.#database = database;
    for (const row of database.all("SELECT id, settings, used FROM mailbox ORDER BY id")) {
      this.#remember({ ...JSON.parse(String(row["settings"])), id: Number(row["id"]), usedBytes: Number(row["used"]) });
    }
  }

  set(settings: MailboxSettings): Mailbox {
    const address = settings.address.toLowerCase();
    const known = this.#byName.get(address);
    if (known?.address === address) return this.#change(known, settings);
    const { usedBytes: _, id: __, ...whole } = complete({ ...settings, address });
    const id = this.#database.writeNow(() => {
      const mailbox = this.#database.run(
        "INSERT INTO mailbox (address, settings) VALUES (?, ?)",
        address,
        JSON.stringify(whole),
      );
      for (const name of WELL_KNOWN) this.#makeWellKnown(mailbox, name);
      return mailbox;
    });
    return this.#remember({ ...whole, id, usedBytes: 0 });
  }

  remove(address: string): void {
    const mailbox = this.find(address);
    if (mailbox === undefined) return;
    this.#database.writeNow(() => this.#database.run("DELETE FROM mailbox WHERE id = ?", mailbox.id));
    this.#byId.delete(mailbox.id);
    this.#index();
  }

  list(): Mailbox[] {
    return [...this.#byId.values()];
  }

  find(name: string): Mailbox | undefined {
    return this.#byName.get(name.toLowerCase());
  }

  byId(id: number): Mailbox | undefined {
    return this.#byId.get(id);
  }

  wellKnown(mailbox: number, name: WellKnown): StoredFolder {
    const key = `${mailbox} ${name}`;
    let folder = this.#wellKnown.get(key);
    if (folder === undefined) {
      folder = this.#one("mailbox = ? AND wellknown = ?", mailbox, name);
      if (folder === undefined) throw new Error(`The mailbox ${mailbox} has no folder ${name}.`);
      this.#wellKnown.set(key, folder);
    }
    return folder;
  }

  folder(id: number): StoredFolder | undefined {
    return this.#one("id = ? AND mailbox > 0", id);
  }

  children(mailbox: number, parent: number): StoredFolder[] {
    return this.#database
      .all("SELECT * FROM folder WHERE mailbox = ? AND parent = ? ORDER BY name", mailbox, parent)
      .map(toFolder);
  }

  /** Within a transaction. */
  create(mailbox: number, parent: number, name: string, isHidden: boolean): StoredFolder {
    if (this.#one("mailbox = ? AND parent = ? AND name = ? COLLATE NOCASE", mailbox, parent, name) !== undefined) {
      throw new StoreRefusal("folder-exists", "A folder with the specified name already exists.");
    }
    const id = this.#database.run(
      "INSERT INTO folder (mailbox, parent, name, hidden) VALUES (?, ?, ?, ?)",
      mailbox,
      parent,
      name,
      Number(isHidden),
    );
    return { id, mailbox, parent, name, isHidden, items: 0 };
  }

  /** Within a transaction. Its row stays, so that no later folder gets its id. */
  removeFolder(id: number): void {
    this.#database.run("UPDATE folder SET mailbox = 0, parent = 0, name = id WHERE id = ?", id);
  }

  /** Within a transaction. */
  book(mailbox: number, bytes: number): void {
    this.#database.run("UPDATE mailbox SET used = used + ? WHERE id = ?", bytes, mailbox);
    const known = this.#byId.get(mailbox);
    if (known) known.usedBytes += bytes;
  }

  #change(known: Mailbox, settings: MailboxSettings): Mailbox {
    const { id, usedBytes, ...whole } = { ...known, ...settings, address: known.address };
    this.#database.writeNow(() =>
      this.#database.run("UPDATE mailbox SET settings = ? WHERE id = ?", JSON.stringify(whole), id),
    );
    return this.#remember({ ...whole, id, usedBytes });
  }

  #remember(mailbox: Mailbox): Mailbox {
    this.#byId.set(mailbox.id, mailbox);
    this.#index();
    return mailbox;
  }

  #index(): void {
    this.#byName.clear();
    for (const mailbox of this.#byId.values()) {
      const names = [mailbox.objectId, ...mailbox.proxyAddresses, mailbox.userPrincipalName, mailbox.address];
      for (const name of names) this.#byName.set(name.replace(/^smtp:/i, "").toLowerCase(), mailbox);
    }
  }

  #makeWellKnown(mailbox: number, name: WellKnown): void {
    const isRoot = name === "msgfolderroot" || name === "recoverableitemsroot";
    const root = name.startsWith("recoverable") ? "recoverableitemsroot" : "msgfolderroot";
    const parent = isRoot
      ? 0
      : this.#database.number("SELECT id FROM folder WHERE mailbox = ? AND wellknown = ?", mailbox, root);
    const hidden = Number(name.startsWith("recoverable"));
    this.#database.run(
      "INSERT INTO folder (mailbox, parent, wellknown, name, hidden) VALUES (?, ?, ?, ?, ?)",
      mailbox,
      parent,
      name,
      NAMES[name],
      hidden,
    );
  }

  #one(where: string, ...values: (string | number)[]): StoredFolder | undefined {
    const row = this.#database.get(`SELECT * FROM folder WHERE ${where}`, ...values);
    return row === undefined ? undefined : toFolder(row);
  }
}

function complete(settings: MailboxSettings): Mailbox {
  const { address } = settings;
  return {
    displayName: address.split("@")[0] ?? address,
    userPrincipalName: address,
    objectId: randomUUID(),
    proxyAddresses: [],
    employeeId: "",
    hasMailbox: true,
    onHold: true,
    quotaBytes: QUOTA_BYTES,
    folderItems: FOLDER_ITEMS,
    ...settings,
    id: 0,
    usedBytes: 0,
  };
}

function toFolder(row: Row): StoredFolder {
  const wellKnown = WELL_KNOWN.find((name) => name === row["wellknown"]);
  return {
    id: Number(row["id"]),
    mailbox: Number(row["mailbox"]),
    parent: Number(row["parent"]),
    ...(wellKnown !== undefined && { wellKnown }),
    name: String(row["name"]),
    isHidden: row["hidden"] === 1,
    items: Number(row["items"]),
  };
}
