import type { StoreDatabase } from "./store-database.ts";
import { toItem } from "./store-item-row.ts";
import type { StoredFolder, StoredItem } from "./store-types.ts";

/** What has come to rest, and is to go on into the archive. Methods that write are to be called within a transaction. */
export class Rest {
  readonly #database: StoreDatabase;

  constructor(database: StoreDatabase) {
    this.#database = database;
  }

  come(id: number): void {
    this.#database.run(
      `UPDATE item SET archive = 'pending' WHERE id = ? AND archive = 'none' AND draft = 0
       AND folder IN (SELECT id FROM folder WHERE hidden = 0 OR wellknown = 'recoverableitemspurges')`,
      id,
    );
  }

  pending(limit: number): StoredItem[] {
    return this.#database.all("SELECT * FROM item WHERE archive = 'pending' ORDER BY id LIMIT ?", limit).map(toItem);
  }

  /** The archive keeps the mail from now on. What it refuses stays here. */
  settle(results: { item: number; receipt?: string }[]): void {
    for (const { item, receipt } of results) {
      if (receipt === undefined) this.#database.run("UPDATE item SET archive = 'refused' WHERE id = ?", item);
      else
        this.#database.run("UPDATE item SET archive = 'stored', receipt = ?, mime = NULL WHERE id = ?", receipt, item);
    }
  }
}

/** Whether an item rests as soon as it is made. */
export function restAtFirst(folder: StoredFolder, isDraft: boolean): StoredItem["archive"] {
  return !isDraft && (!folder.isHidden || folder.wellKnown === "recoverableitemspurges") ? "pending" : "none";
}
