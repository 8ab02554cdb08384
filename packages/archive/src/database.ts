import { DatabaseSync, type StatementSync } from "node:sqlite";

export type Row = Record<string, string | number | bigint | Uint8Array | null>;

export interface DatabaseOptions {
  /** FULL: what is committed survives a power cut. NORMAL: it may be lost, but the file stays whole. */
  synchronous: "FULL" | "NORMAL";
}

/** 64 MB of log between checkpoints: each costs synchronous writes of its own. */
const CHECKPOINT_PAGES = 16_384;
/** An archive has four connections open. What they miss, the operating system mostly has. */
const CACHE_KILOBYTES = 16_384;
const BUSY_TIMEOUT_MS = 10_000;

/**
 * A SQLite file. After an input or output error it refuses all further use: what the disk then holds is known only by
 * opening it again, and nothing is retried in place.
 */
export class Database {
  readonly file: string;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #failure: Error | undefined;

  constructor(file: string, { synchronous }: DatabaseOptions) {
    this.file = file;
    this.#connection = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    // Of a new file only: pages that fall free can be given back, where that is asked for.
    this.#connection.exec("PRAGMA auto_vacuum = INCREMENTAL");
    this.#connection.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA fullfsync = ON`);
    this.#connection.exec(
      `PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA cache_size = -${CACHE_KILOBYTES}; PRAGMA temp_store = MEMORY`,
    );
    this.#checkDurability(synchronous);
  }

  /** Runs `work` in one transaction. What it throws undoes all of it, and ends the use of the database where the disk is at fault. */
  transaction<Result>(work: () => Result): Result {
    this.#assertUsable();
    this.#connection.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#connection.exec("COMMIT");
      return result;
    } catch (error) {
      const named = this.#named(error);
      this.#undo(named);
      throw named;
    }
  }

  /** Runs `work`, which only reads. */
  reading<Result>(work: () => Result): Result {
    this.#assertUsable();
    try {
      return work();
    } catch (error) {
      const named = this.#named(error);
      if (isStorageFailure(named)) this.fail(named);
      throw named;
    }
  }

  /** A prepared statement, kept for the next time. To be run within `transaction` or `reading`. */
  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  get(sql: string, ...values: (string | number | Uint8Array | null)[]): Row | undefined {
    return this.reading(() => this.statement(sql).get(...values)) as Row | undefined;
  }

  all(sql: string, ...values: (string | number | Uint8Array | null)[]): Row[] {
    return this.reading(() => this.statement(sql).all(...values)) as Row[];
  }

  /** The one number that a query gives; 0 for NULL and for no row. */
  number(sql: string, ...values: (string | number | Uint8Array | null)[]): number {
    const row = this.get(sql, ...values);
    return row === undefined ? 0 : Number(Object.values(row)[0] ?? 0);
  }

  exec(sql: string): void {
    this.reading(() => this.#connection.exec(sql));
  }

  /** Ends the use of the database. */
  fail(cause: unknown): void {
    this.#failure ??= cause instanceof Error ? cause : new Error(String(cause));
  }

  close(): void {
    if (this.#connection.isOpen) this.#connection.close();
  }

  /** An error of the disk says which file and what to do. Any other is left as it is. */
  #named(error: unknown): unknown {
    if (!isStorageFailure(error) || (error instanceof Error && error.cause !== undefined)) return error;
    const reason = error instanceof Error ? error.message : String(error);
    const message = `${this.file} could not be read or written: ${reason}. Mend or free the disk, then start again: what was accepted is kept.`;
    return Object.assign(new Error(message, { cause: error }), { errcode: sqliteCode(error) });
  }

  #undo(cause: unknown): void {
    // SQLite has undone the transaction by itself after a full disk or an input error; a second ROLLBACK would hide the cause.
    if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
    // What a failed transaction leaves in the memory of the process is not known well enough to go on with it.
    this.fail(cause);
  }

  #assertUsable(): void {
    if (this.#failure === undefined) return;
    throw new Error(
      `${this.file} is out of use after a failure: ${this.#failure.message} Mend the cause and open it again.`,
      {
        cause: this.#failure,
      },
    );
  }

  #checkDurability(synchronous: "FULL" | "NORMAL"): void {
    const level = Number(Object.values(this.#connection.prepare("PRAGMA synchronous").get() ?? {})[0]);
    const journal = Object.values(this.#connection.prepare("PRAGMA journal_mode").get() ?? {})[0];
    if (level === (synchronous === "FULL" ? 2 : 1) && journal === "wal") return;
    throw new Error(
      `${this.file} could not be opened with a write-ahead log and synchronous=${synchronous}. Put the archive on a local disk.`,
    );
  }
}

/** SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_FULL, SQLITE_CANTOPEN and SQLITE_NOTADB: the disk is at fault, not the statement. */
const STORAGE_FAILURES = new Set([10, 11, 13, 14, 26]);

export function isStorageFailure(error: unknown): boolean {
  return STORAGE_FAILURES.has(sqliteCode(error));
}

/** SQLITE_CORRUPT and SQLITE_NOTADB: the file is not what was written. */
export function isDamage(error: unknown): boolean {
  return sqliteCode(error) === 11 || sqliteCode(error) === 26;
}

/** SQLITE_BUSY: another process holds the database. Nothing was written. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error) === 5;
}

function sqliteCode(error: unknown): number {
  if (!(error instanceof Error) || !("errcode" in error)) return 0;
  return Number(error.errcode) & 0xff;
}
