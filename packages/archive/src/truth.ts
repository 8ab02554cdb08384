import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { join } from "node:path";
import { Database } from "./database.ts";

const SCHEMA_VERSION = 2;

/**
 * What the archive holds. A message's id is its place in time: seconds since 1970 times 256, plus a number within the
 * second, so that the newest come first in the order of the index. Where a second is full, the next ones take its
 * overflow; `spill` says how many seconds away the furthest is. Its number is its place in the order of storage, by which
 * its row and its items lie next to those that came with it: a history that is imported conversation by conversation
 * touches few pages at a time, however large the archive is. Items name a message by its number, all else by its id.
 */
const SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) WITHOUT ROWID, STRICT;
  CREATE TABLE class (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE domain (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE mailbox (id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, created INTEGER NOT NULL) STRICT;
  CREATE TABLE folder (
    id INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, parent INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    hidden INTEGER NOT NULL, UNIQUE (mailbox, parent, name)
  ) STRICT;
  CREATE TABLE request (
    id INTEGER PRIMARY KEY, correlation TEXT NOT NULL UNIQUE, time INTEGER NOT NULL, messages INTEGER NOT NULL, items INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE block (
    id INTEGER PRIMARY KEY, messages INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL
  ) STRICT;
  CREATE TABLE message (
    number INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE, key BLOB NOT NULL UNIQUE, local TEXT NOT NULL, domain INTEGER NOT NULL, class INTEGER NOT NULL, date INTEGER NOT NULL,
    sha256 BLOB NOT NULL, size INTEGER NOT NULL, block INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL,
    layout TEXT, subject TEXT NOT NULL, sender INTEGER NOT NULL
  ) STRICT;
  CREATE VIEW listed AS
    SELECT number, message.id, block, key, local || domain.name AS name, class AS classId, class.name AS class, date,
      lower(hex(sha256)) AS sha256, size, start, length, layout, subject, person.name AS sender
    FROM message LEFT JOIN domain ON domain.id = domain LEFT JOIN class ON class.id = class LEFT JOIN person ON person.id = sender;
  CREATE TABLE item (
    message INTEGER NOT NULL, mailbox INTEGER NOT NULL, folder INTEGER NOT NULL, request INTEGER NOT NULL,
    PRIMARY KEY (message, mailbox)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE withdrawn (
    message INTEGER NOT NULL, mailbox INTEGER NOT NULL, folder INTEGER NOT NULL, request INTEGER NOT NULL, time INTEGER NOT NULL,
    PRIMARY KEY (message, mailbox)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE blob (sha256 TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID, STRICT;
`;

/** Opens `archive.db`, the truth: what stands in it is durable, and all else is derived from it. */
export function openTruth(folder: string): Database {
  const file = truthFile(folder);
  const database = new Database(file, { synchronous: "FULL" });
  if (database.number("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'") === 0) create(database, folder);
  const version = database.number("SELECT value FROM meta WHERE name = 'schema'");
  if (version === SCHEMA_VERSION) return database;
  database.close();
  throw new Error(
    `${file} was written by another version of the archive (its tables are version ${version}, this one knows ${SCHEMA_VERSION}). Install the version that wrote it, or a later one.`,
  );
}

export function truthFile(folder: string): string {
  return join(folder, "archive.db");
}

/** A new file is durable only once its folder's entry is. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function create(database: Database, folder: string): void {
  database.transaction(() => {
    // Two processes may have found it empty.
    if (database.number("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'") > 0) return;
    database.exec(SCHEMA);
    const insert = database.statement("INSERT INTO meta (name, value) VALUES (?, ?)");
    insert.run("schema", SCHEMA_VERSION);
    insert.run("id", randomUUID());
    insert.run("spill", 0);
  });
  syncFolder(folder);
}
