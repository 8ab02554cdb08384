import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

export type Row = Record<string, string | number | bigint | Uint8Array | null>;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS mailbox (id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, settings TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE TABLE IF NOT EXISTS folder (
    id INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, parent INTEGER NOT NULL, wellknown TEXT, name TEXT NOT NULL, hidden INTEGER NOT NULL,
    items INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS folder_name ON folder (mailbox, parent, name COLLATE NOCASE);
  CREATE TABLE IF NOT EXISTS item (
    id INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, folder INTEGER NOT NULL, change INTEGER NOT NULL, class TEXT NOT NULL,
    draft INTEGER NOT NULL, read INTEGER NOT NULL, received INTEGER NOT NULL, sent INTEGER NOT NULL, created INTEGER NOT NULL,
    modified INTEGER NOT NULL, subject TEXT NOT NULL, message_id TEXT NOT NULL, size INTEGER NOT NULL, has_attachments INTEGER NOT NULL,
    content TEXT NOT NULL, mime BLOB, visible INTEGER NOT NULL, gone INTEGER, archive TEXT NOT NULL, receipt TEXT, request TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS item_folder ON item (folder, received);
  CREATE INDEX IF NOT EXISTS item_message_id ON item (message_id);
  CREATE INDEX IF NOT EXISTS item_pending ON item (id) WHERE archive = 'pending';
  CREATE TABLE IF NOT EXISTS property (item INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (item, name)) WITHOUT ROWID, STRICT;
  CREATE INDEX IF NOT EXISTS property_value ON property (name, value);
  CREATE TABLE IF NOT EXISTS attachment (
    id INTEGER PRIMARY KEY, item INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, inline INTEGER NOT NULL, content_id TEXT,
    sha256 TEXT NOT NULL, size INTEGER NOT NULL, created INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS attachment_item ON attachment (item);
  CREATE TABLE IF NOT EXISTS small_content (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE IF NOT EXISTS accepted (
    seq INTEGER PRIMARY KEY, item INTEGER NOT NULL, mailbox TEXT NOT NULL, message_id TEXT NOT NULL, request TEXT NOT NULL, at INTEGER NOT NULL
  ) STRICT;
`;

/** The store's SQLite file. Writes that arrive together share one transaction, and so one wait for the disk. */
export class StoreDatabase {
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #waiting: { work: () => unknown; resolve: (value: never) => void; reject: (error: unknown) => void }[] = [];
  #failure: unknown;

  constructor(file: string) {
    this.#connection = new DatabaseSync(file, { timeout: 10_000 });
    this.#connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY");
    this.#connection.exec(`PRAGMA wal_autocheckpoint = 16384; ${SCHEMA}`);
  }

  /** Resolves when what `work` wrote is on disk. What it throws undoes that work alone. */
  write<Result>(work: () => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ work, resolve: resolve, reject });
    });
  }

  /** The same, at once. */
  writeNow<Result>(work: () => Result): Result {
    this.#assertUsable();
    this.#connection.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#connection.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
      throw error;
    }
  }

  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values);
  }

  number(sql: string, ...values: SQLInputValue[]): number {
    return Number(Object.values(this.get(sql, ...values) ?? {})[0] ?? 0);
  }

  close(): void {
    this.flush();
    if (this.#connection.isOpen) this.#connection.close();
  }

  /** Writes what waits at once, for whoever must see it. */
  flush(): void {
    if (this.#waiting.length > 0) this.#flush();
  }

  #flush(): void {
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    const answers: (() => void)[] = [];
    try {
      this.#assertUsable();
      this.#connection.exec("BEGIN IMMEDIATE");
      for (const { work, resolve, reject } of batch) answers.push(this.#one(work, resolve, reject));
      this.#connection.exec("COMMIT");
    } catch (error) {
      // After a failed commit nobody knows what the disk holds: the store ends, and is opened again.
      this.#failure = error;
      for (const { reject } of batch) reject(error);
      return;
    }
    for (const answer of answers) answer();
  }

  #one(work: () => unknown, resolve: (value: never) => void, reject: (error: unknown) => void): () => void {
    this.#connection.exec("SAVEPOINT one");
    try {
      const result = work();
      this.#connection.exec("RELEASE one");
      return () => resolve(result as never);
    } catch (error) {
      this.#connection.exec("ROLLBACK TO one; RELEASE one");
      return () => reject(error);
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) {
      throw new Error("The store's database failed and must be opened again.", { cause: this.#failure });
    }
  }
}
