import type { Folder } from "@hansard/core/ingestion";
import type { Database } from "./database.ts";

/** What a folder of the tree is for. `visible` ones were made by their owner or by a delivery. */
export type FolderKind =
  | "root"
  | "inbox"
  | "recoverable-items"
  | "deletions"
  | "versions"
  | "purges"
  | "archive"
  | "visible";

/** A mailbox with what a delivery needs of it. */
export interface KnownMailbox {
  id: number;
  address: string;
  /** How the ids of its items begin. */
  itemPrefix: string;
  inbox: number;
  purges: number;
  root: number;
  /** Folder ids by path, the names joined by U+0000. */
  visible: Map<string, number>;
}

export function itemPrefix(mailbox: number): string {
  return `${mailbox.toString(36)}.`;
}

const PATH_SEPARATOR = "\u0000";

/** The mailboxes and their folders. Ids are never given anew, so what is known once stays true. */
export class Directory {
  readonly #database: Database;
  readonly #admitted: ReadonlySet<string> | undefined;
  readonly #known = new Map<string, KnownMailbox>();

  constructor(database: Database, mailboxes: "any" | readonly string[]) {
    this.#database = database;
    this.#admitted = mailboxes === "any" ? undefined : new Set(mailboxes.map((address) => address.toLowerCase()));
  }

  /** Whether a delivery may go to the mailbox, which need not exist yet. */
  admits(address: string): boolean {
    return this.#admitted === undefined || this.#admitted.has(address);
  }

  /** Whether the settings list the mailbox. Where they admit any, they list none. */
  lists(address: string): boolean {
    return this.#admitted?.has(address) === true;
  }

  find(address: string): KnownMailbox | undefined {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const row = this.#database.get("SELECT id FROM mailbox WHERE address = ?", address);
    return row === undefined ? undefined : this.#remember(address, Number(row["id"]));
  }

  /** Gives the mailbox, made with its folders where it does not exist. Within a transaction. */
  open(address: string): KnownMailbox {
    return this.find(address) ?? this.#create(address);
  }

  /** Gives the id of a folder, made where it does not exist. Within a transaction. */
  folder(mailbox: KnownMailbox, folder: Folder): number {
    if (folder.kind === "purges") return mailbox.purges;
    if (folder.kind === "inbox") return mailbox.inbox;
    const key = folder.path.join(PATH_SEPARATOR);
    const known = mailbox.visible.get(key);
    if (known !== undefined) return known;
    const id = folder.path.reduce((parent, name) => this.#visibleFolder(mailbox.id, parent, name), mailbox.root);
    mailbox.visible.set(key, id);
    return id;
  }

  #visibleFolder(mailbox: number, parent: number, name: string): number {
    const row = this.#database.get(
      "SELECT id FROM folder WHERE mailbox = ? AND parent = ? AND name = ?",
      mailbox,
      parent,
      name,
    );
    return row === undefined ? this.#insertFolder(mailbox, parent, "visible", name, false) : Number(row["id"]);
  }

  #create(address: string): KnownMailbox {
    const { lastInsertRowid } = this.#database
      .statement("INSERT INTO mailbox (address, created) VALUES (?, ?)")
      .run(address, Date.now());
    const id = Number(lastInsertRowid);
    const root = this.#insertFolder(id, 0, "root", "Top of Information Store", false);
    this.#insertFolder(id, root, "inbox", "Inbox", false);
    const recoverable = this.#insertFolder(id, 0, "recoverable-items", "Recoverable Items", true);
    this.#insertFolder(id, recoverable, "deletions", "Deletions", true);
    this.#insertFolder(id, recoverable, "versions", "Versions", true);
    this.#insertFolder(id, recoverable, "purges", "Purges", true);
    this.#insertFolder(id, 0, "archive", "Archive", false);
    return this.#remember(address, id);
  }

  #insertFolder(mailbox: number, parent: number, kind: FolderKind, name: string, hidden: boolean): number {
    const insert = this.#database.statement(
      "INSERT INTO folder (mailbox, parent, kind, name, hidden) VALUES (?, ?, ?, ?, ?)",
    );
    return Number(insert.run(mailbox, parent, kind, name, hidden ? 1 : 0).lastInsertRowid);
  }

  #remember(address: string, id: number): KnownMailbox {
    const kinds = new Map<string, number>();
    for (const row of this.#database.all("SELECT id, kind FROM folder WHERE mailbox = ?", id)) {
      kinds.set(String(row["kind"]), Number(row["id"]));
    }
    const [inbox, purges, root] = [kinds.get("inbox"), kinds.get("purges"), kinds.get("root")];
    if (inbox === undefined || purges === undefined || root === undefined) {
      throw new Error(
        `The mailbox ${address} lacks its Inbox, Purges or root folder. Run verify: the archive is damaged.`,
      );
    }
    const mailbox = {
      id,
      address,
      itemPrefix: itemPrefix(id),
      inbox,
      purges,
      root,
      visible: new Map<string, number>(),
    };
    this.#known.set(address, mailbox);
    return mailbox;
  }
}
