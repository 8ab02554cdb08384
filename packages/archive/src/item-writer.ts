import type { Database } from "./database.ts";

/** Items, and those that were withdrawn: a delivery that is submitted again must not bring them back. */
export const EVER_DELIVERED =
  "(SELECT message, mailbox, request FROM item UNION ALL SELECT message, mailbox, request FROM withdrawn)";

/** The items of the message with this id. */
export const OF_MESSAGE = "message = (SELECT number FROM message WHERE id = ?)";

const ROWS_AT_ONCE = 32;
const INSERT = "INSERT INTO item (message, mailbox, folder, request) VALUES";

/** Writes items, many rows with one statement: the call costs more than the row. */
export class ItemWriter {
  readonly #database: Database;
  #pending: number[] = [];

  constructor(database: Database) {
    this.#database = database;
  }

  /** For a message that this request brings, so that no mailbox has it yet. `message` is its number. */
  addNew(message: number, mailbox: number, folder: number, request: number): void {
    this.#pending.push(message, mailbox, folder, request);
    if (this.#pending.length === 4 * ROWS_AT_ONCE) this.flush();
  }

  /** For a message that was there before. Gives false where the mailbox has it, or had it until it was withdrawn. */
  addLate(message: number, mailbox: number, folder: number, request: number): boolean {
    const wasWithdrawn = this.#database
      .statement("SELECT 1 FROM withdrawn WHERE message = ? AND mailbox = ?")
      .get(message, mailbox);
    if (wasWithdrawn !== undefined) return false;
    const statement = this.#database.statement(`${INSERT} (?, ?, ?, ?) ON CONFLICT DO NOTHING`);
    return statement.run(message, mailbox, folder, request).changes === 1;
  }

  /** The correlation id of the request that stored the item. */
  correlation(message: number, mailbox: number): string | undefined {
    const row = this.#database.get(
      `SELECT correlation FROM ${EVER_DELIVERED} AS item JOIN request ON request.id = item.request WHERE message = ?1 AND mailbox = ?2`,
      message,
      mailbox,
    );
    // Absent: it is of the very request that is being written.
    return row === undefined ? undefined : String(row["correlation"]);
  }

  flush(): void {
    const rows = this.#pending.length / 4;
    if (rows > 0) this.#database.statement(insertRows(rows)).run(...this.#pending);
    this.#pending = [];
  }
}

function insertRows(rows: number): string {
  return `${INSERT} ${"(?, ?, ?, ?),".repeat(rows).slice(0, -1)}`;
}
