import type { Content, ContentStore } from "./store-content.ts";
import type { Row, StoreDatabase } from "./store-database.ts";
import type { StoredAttachment } from "./store-types.ts";

export type BroughtAttachment = Omit<StoredAttachment, "id" | "item" | "createdAt" | "sha256" | "size"> & {
  content: Content;
};

/** The attachments of items. Methods that write are to be called within a transaction. */
export class Attachments {
  readonly #database: StoreDatabase;
  readonly #contents: ContentStore;

  constructor(database: StoreDatabase, contents: ContentStore) {
    this.#database = database;
    this.#contents = contents;
  }

  insert(item: number, { name, contentType, isInline, contentId, content }: BroughtAttachment): number {
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

  of(item: number): StoredAttachment[] {
    return this.#database.all("SELECT * FROM attachment WHERE item = ? ORDER BY id", item).map(toAttachment);
  }

  get(id: number): StoredAttachment | undefined {
    const row = this.#database.get("SELECT * FROM attachment WHERE id = ?", id);
    return row === undefined ? undefined : toAttachment(row);
  }

  removeOf(item: number): void {
    this.#database.run("DELETE FROM attachment WHERE item = ?", item);
  }
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
