import { randomBytes, randomUUID } from "node:crypto";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { SCHEMA, SCHEMA_VERSION, STEPS } from "./schema.ts";

/** Runs `work` while no other process writes to the installation, and throws where one does. */
export type Alone = (work: () => void) => void;

/** A row as SQLite gives it. */
export type Row = Record<string, string | number | bigint | Uint8Array | null>;

/**
 * The journal's SQLite database. After an input or output error it refuses all further use: what the disk then holds is
 * known only by opening it again.
 */
export class JournalDatabase {
  readonly installation: { id: string; key: Uint8Array };
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #failure: Error | undefined;

  /** `alone` is for bringing up the tables of an earlier version, on which a run of that version would fail. */
  constructor(file: string, alone: Alone = (work) => work()) {
    this.#file = file;
    this.#database = new DatabaseSync(file, { timeout: 10_000 });
    this.exec("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    // 64 MB of log between checkpoints: each checkpoint costs two synchronous writes of its own.
    this.exec("PRAGMA wal_autocheckpoint = 8192; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;");
    if (this.number("PRAGMA synchronous") !== 2)
      throw new Error(
        `${file} could not be opened with synchronous=FULL, without which a power cut loses what was acknowledged.`,
      );
    if (this.#isEmpty()) this.transaction(() => this.#create());
    if (STEPS[this.#version()] !== undefined) alone(() => this.transaction(() => this.#bringUp()));
    const version = this.#version();
    if (version !== SCHEMA_VERSION) {
      throw new Error(
        `${file} was written by another version of the journal (its tables are version ${version}, this one knows ${SCHEMA_VERSION}). Install the version that wrote it, or a later one.`,
      );
    }
    this.installation = {
      id: String(this.get("SELECT value FROM meta WHERE name = 'installation'")?.["value"]),
      key: this.get("SELECT value FROM meta WHERE name = 'key'")?.["value"] as Uint8Array,
    };
  }

  /** Runs `work` in one transaction. What it throws undoes all of it. */
  transaction<Result>(work: () => Result): Result {
    this.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.exec("COMMIT");
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after a full disk or an input error; a second rollback would hide the cause.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw this.#failed(error);
    }
  }

  /** Runs `work`, which only reads, on one state of the journal, whatever another process writes meanwhile. */
  reading<Result>(work: () => Result): Result {
    this.exec("BEGIN");
    try {
      return work();
    } finally {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    }
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#guard(() => this.#prepare(sql).get(...values)) as Row | undefined;
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#guard(() => this.#prepare(sql).all(...values)) as Row[];
  }

  /** Runs a statement and gives the number of rows that it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#guard(() => this.#prepare(sql).run(...values)).changes);
  }

  /** The one number that a query gives; 0 for NULL and for no row. */
  number(sql: string, ...values: SQLInputValue[]): number {
    const row = this.get(sql, ...values);
    return row ? Number(Object.values(row)[0] ?? 0) : 0;
  }

  /** A prepared statement for a hot loop. */
  prepare(sql: string): StatementSync {
    return this.#prepare(sql);
  }

  exec(sql: string): void {
    this.#guard(() => this.#database.exec(sql));
  }

  close(): void {
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guard<Result>(work: () => Result): Result {
    if (this.#failure)
      throw new Error(`The journal cannot be used after an earlier failure: ${this.#failure.message}`, {
        cause: this.#failure,
      });
    try {
      return work();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** An error of the disk ends the use of the journal, and names it. Any other is left as it is. */
  #failed(error: unknown): unknown {
    if (!isStorageFailure(error) || error === this.#failure) return error;
    const remedy = isDamage(error)
      ? "It is not what was written: put the data folder back from a copy, then run verify."
      : "Mend or free the disk, then start again: what was acknowledged is kept.";
    const message = `${this.#file} could not be read or written: ${error.message}. ${remedy}`;
    this.#failure ??= Object.assign(new Error(message, { cause: error }), { errcode: error.errcode });
    return this.#failure;
  }

  #isEmpty(): boolean {
    return this.number("SELECT count(*) FROM sqlite_schema") === 0;
  }

  #version(): number {
    return this.number("SELECT value FROM meta WHERE name = 'schema'");
  }

  /** Within one transaction, since another process may be quicker. */
  #bringUp(): void {
    for (let step = STEPS[this.#version()]; step !== undefined; step = STEPS[this.#version()]) {
      this.#database.exec(step);
      this.run("UPDATE meta SET value = value + 1 WHERE name = 'schema'");
    }
  }

  #create(): void {
    // Another process may have been quicker.
    if (!this.#isEmpty()) return;
    this.#database.exec(SCHEMA);
    const meta = this.#database.prepare("INSERT INTO meta (name, value) VALUES (?, ?)");
    meta.run("schema", SCHEMA_VERSION);
    meta.run("installation", randomUUID());
    meta.run("key", randomBytes(32));
  }
}

/** SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_FULL, SQLITE_CANTOPEN and SQLITE_NOTADB: the disk, not the statement, is at fault. */
const STORAGE_FAILURES = new Set([10, 11, 13, 14, 26]);

function isStorageFailure(error: unknown): error is Error & { errcode: unknown } {
  return error instanceof Error && "errcode" in error && STORAGE_FAILURES.has(Number(error.errcode) & 0xff);
}

/** SQLITE_CORRUPT and SQLITE_NOTADB: the file is not what was written. */
function isDamage({ errcode }: { errcode: unknown }): boolean {
  return [11, 26].includes(Number(errcode) & 0xff);
}
