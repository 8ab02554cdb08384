import type { StoreDatabase } from "./store-database.ts";
import type { Store } from "./store-types.ts";

interface Acceptance {
  item: number;
  /** The mailbox's address. */
  mailbox: string;
  messageId: string;
  requestId: string;
}

/** The log of what was taken, in its order. Methods that write are to be called within a transaction. */
export class Accepted {
  readonly #database: StoreDatabase;

  constructor(database: StoreDatabase) {
    this.#database = database;
  }

  add({ item, mailbox, messageId, requestId }: Acceptance): void {
    this.#database.run(
      "INSERT INTO accepted (item, mailbox, message_id, request, at) VALUES (?, ?, ?, ?, ?)",
      item,
      mailbox,
      messageId,
      requestId,
      Date.now(),
    );
  }

  all(): ReturnType<Store["accepted"]> {
    return this.#database.all("SELECT * FROM accepted ORDER BY seq").map((row) => ({
      seq: Number(row["seq"]),
      item: Number(row["item"]),
      mailbox: String(row["mailbox"]),
      internetMessageId: String(row["message_id"]),
      requestId: String(row["request"]),
      at: new Date(Number(row["at"])),
    }));
  }

  /** What a mailbox has more than once. */
  duplicates(): ReturnType<Store["duplicates"]> {
    return this.#database
      .all(
        "SELECT mailbox, message_id, count(*) AS copies FROM accepted WHERE item IN (SELECT id FROM item) GROUP BY mailbox, message_id HAVING count(*) > 1",
      )
      .map((row) => ({
        mailbox: String(row["mailbox"]),
        internetMessageId: String(row["message_id"]),
        copies: Number(row["copies"]),
      }));
  }
}
