import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { isMainThread, Worker, workerData } from "node:worker_threads";

// The floor: the same final rows and the same index, durably, and nothing else. SQLite copies them itself with
// INSERT … SELECT, so that no line of JavaScript runs for a row. One thread writes the journal and the archive, the other
// the index, as Hansard does. A batch is as large as Hansard's.
//
//   node floor.ts <folder of a finished run> <folder to write to>
const BATCH = 2_500;
const INDEX_BATCH = 10_000;

interface Copying {
  from: string;
  to: string;
}

if (isMainThread) await main();
else copy(workerData as Copying);

async function main(): Promise<void> {
  const [finished = "", target = ""] = process.argv.slice(2);
  const start = performance.now();
  const files = [
    [join(finished, "journal", "journal.db"), join(target, "journal.db")],
    [join(finished, "archive", "archive.db"), join(target, "archive.db")],
  ] as const;
  const index = new Worker(new URL(import.meta.url), {
    workerData: { from: join(finished, "archive", "index.db"), to: join(target, "index.db") },
  });
  const ended = new Promise((resolve, reject) => index.on("exit", resolve).on("error", reject));
  for (const [from, to] of files) copy({ from, to });
  await ended;
  process.stdout.write(JSON.stringify({ seconds: (performance.now() - start) / 1000 }));
}

function copy({ from, to }: Copying): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(to + suffix, { force: true });
  const database = new DatabaseSync(to);
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16384; PRAGMA cache_size = -65536",
  );
  database.exec(`ATTACH '${from}' AS old`);
  for (const { name, sql } of schemaOf(database)) {
    database.exec(sql);
    if (/CREATE VIRTUAL TABLE/i.test(sql)) fillIndex(database, from, name);
    else if (/^CREATE TABLE/i.test(sql)) fillTable(database, name);
  }
  database.close();
}

/** Tables in the order in which they were made, without the shadow tables that FTS5 keeps for itself. */
function schemaOf(database: DatabaseSync): { name: string; sql: string }[] {
  const all = database
    .prepare("SELECT name, sql FROM old.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
    .all() as { name: string; sql: string }[];
  const virtual = all.filter(({ sql }) => /CREATE VIRTUAL TABLE/i.test(sql)).map(({ name }) => name);
  return all.filter(
    ({ name }) => !name.startsWith("sqlite_") && !virtual.some((table) => name.startsWith(`${table}_`)),
  );
}

/** In the order of its key, each batch from where the last one ended: an OFFSET would walk all that was copied before, again and again. */
function fillTable(database: DatabaseSync, name: string): void {
  const columns = database.prepare(`SELECT name FROM pragma_table_info('${name}') WHERE pk > 0 ORDER BY pk`).all();
  const key = columns.map((column) => `"${String(column["name"])}"`).join() || "rowid";
  const backwards = key.replaceAll(",", " DESC,");
  const end = database.prepare(`SELECT ${key} FROM main."${name}" ORDER BY ${backwards} DESC LIMIT 1`);
  const copy = `INSERT INTO main."${name}" SELECT * FROM old."${name}"`;
  let copied = database.prepare(`${copy} ORDER BY ${key} LIMIT ${BATCH}`).run().changes;
  const next = database.prepare(
    `${copy} WHERE (${key}) > (${key.replaceAll(/"[^"]+"|rowid/g, "?")}) ORDER BY ${key} LIMIT ${BATCH}`,
  );
  while (copied === BATCH) copied = next.run(...(Object.values(end.get() ?? {}) as SQLInputValue[])).changes;
}

/** The index's words come from a staging table that was written beforehand, since an index without content cannot be read. */
function fillIndex(database: DatabaseSync, from: string, name: string): void {
  database.exec(`INSERT INTO main."${name}"("${name}", rank) VALUES ('hashsize', 33554432)`);
  database.exec(`ATTACH '${from}.words' AS words`);
  const columns = "body, subject, sender, recipients, labels";
  const rows = Number(database.prepare("SELECT max(position) AS last FROM words.document").get()?.["last"] ?? 0);
  for (let first = 0; first < rows; first += INDEX_BATCH) {
    database.exec(
      `BEGIN; INSERT INTO main."${name}" (rowid, ${columns}) SELECT id, ${columns} FROM words.document WHERE position > ${first} AND position <= ${first + INDEX_BATCH} ORDER BY id; COMMIT`,
    );
  }
}
