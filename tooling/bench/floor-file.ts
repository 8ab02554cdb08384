import { rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";

/** Of the index's columns, those that were written. */
export const INDEXED = "body, subject, sender, recipients, labels";
/** As Hansard's: how much the index gathers before it writes it out, and how long the log grows between checkpoints. */
const FLUSH_BYTES = 32 * 1024 * 1024;
const CHECKPOINT_BYTES = 64 * 1024 * 1024;

interface Step {
  copy: StatementSync;
  /** Up to which row each batch reaches; the first batch starts after 0. */
  bounds: number[];
}

/** One of the floor's files while it is written: all small tables at once, then the large ones batch by batch. */
export class FloorFile {
  readonly batches: number;
  readonly #database: DatabaseSync;
  readonly #steps: Step[];

  constructor({ from, to }: { from: string; to: string }, synchronous: "FULL" | "NORMAL") {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(to + suffix, { force: true });
    this.#database = new DatabaseSync(to);
    this.#database.exec(`ATTACH '${from}' AS old; ATTACH '${from}.staged' AS staged`);
    const pageBytes = Number(this.#database.prepare("PRAGMA old.page_size").get()?.["page_size"]);
    this.#database.exec(
      `PRAGMA main.page_size = ${pageBytes}; PRAGMA main.journal_mode = WAL; PRAGMA main.synchronous = ${synchronous};
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_BYTES / pageBytes}; PRAGMA main.cache_size = -65536; PRAGMA temp_store = MEMORY`,
    );
    const bounds = this.#bounds();
    this.#inTransaction(() => this.#begin(bounds));
    this.#steps = [...bounds].map(([table, ends]) => ({ copy: this.#copyOf(table), bounds: ends }));
    this.batches = Math.max(...this.#steps.map((step) => step.bounds.length - 1));
  }

  /** The rows of one batch of messages, in all tables, in one transaction. */
  write(batch: number): void {
    if (batch >= this.batches) return;
    this.#inTransaction(() => {
      for (const { copy, bounds } of this.#steps) {
        const [after, through] = [bounds[batch], bounds[batch + 1]];
        if (after !== undefined && through !== undefined) copy.run(after, through);
      }
    });
  }

  close(): void {
    this.#database.close();
  }

  #bounds(): Map<string, number[]> {
    const rows = this.#database.prepare("SELECT name, last FROM staged.bound ORDER BY name, batch").all();
    const ends = Map.groupBy(rows, ({ name }) => String(name));
    return new Map([...ends].map(([name, group]) => [name, [0, ...group.map(({ last }) => Number(last))]]));
  }

  #begin(large: Map<string, number[]>): void {
    for (const { name, sql } of schemaOf(this.#database, "old")) {
      this.#database.exec(sql);
      if (isVirtual(sql))
        this.#database.exec(`INSERT INTO main."${name}"("${name}", rank) VALUES ('hashsize', ${FLUSH_BYTES})`);
      else if (/^CREATE TABLE/i.test(sql) && !large.has(name))
        this.#database.exec(`INSERT INTO main."${name}" SELECT * FROM old."${name}"`);
    }
  }

  #copyOf(table: string): StatementSync {
    const into =
      table === "document" ? `main.text (rowid, ${INDEXED}) SELECT id, ${INDEXED}` : `main."${table}" SELECT *`;
    return this.#database.prepare(
      `INSERT INTO ${into} FROM staged."${table}" WHERE rowid > ? AND rowid <= ? ORDER BY rowid`,
    );
  }

  #inTransaction(work: () => void): void {
    this.#database.exec("BEGIN");
    work();
    this.#database.exec("COMMIT");
  }
}

/** In the order in which all was made, without the shadow tables that FTS5 keeps for itself. */
export function schemaOf(database: DatabaseSync, schema: string): { name: string; sql: string }[] {
  const all = database
    .prepare(`SELECT name, sql FROM ${schema}.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid`)
    .all() as { name: string; sql: string }[];
  const virtual = all.filter(({ sql }) => isVirtual(sql)).map(({ name }) => name);
  return all.filter(
    ({ name }) => !name.startsWith("sqlite_") && !virtual.some((table) => name.startsWith(`${table}_`)),
  );
}

export function isVirtual(sql: string): boolean {
  return /^CREATE VIRTUAL TABLE/i.test(sql);
}
