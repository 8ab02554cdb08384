import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openBlock } from "../../packages/archive/src/block.ts";
import type { Database } from "../../packages/archive/src/database.ts";
import { DocumentWriter } from "../../packages/archive/src/document-writer.ts";

/** Messages of one transaction of the journal and of the archive, and of one of the index: as many as Hansard's own. */
const BATCH = 2_500;
const INDEX_BATCH = 16_384;

/**
 * Writes the large tables of a finished run into a file beside each of its own, in the order in which the floor is to
 * write them, so that reading costs it next to nothing. Its table `bound` says up to which row each batch reaches.
 */
export function stageRows(finished: string): void {
  const archive = join(finished, "archive", "archive.db");
  const journal = stagingOf(join(finished, "journal", "journal.db"));
  stage(journal, "event", { batch: `${numbered("seq")} / ${BATCH}`, order: "source, key, version" });
  stage(journal, "entry", { batch: evenly("entry", "event", "seq"), order: "seq" });
  journal.close();
  const truth = stagingOf(archive);
  const own = "JOIN planned_message ON planned_message.number = item.message";
  stage(truth, "message", { batch: `${numbered("number")} / ${BATCH}`, order: "number" });
  stage(truth, "item", { batch: "planned_message.batch", from: `source.item ${own}`, order: "message, mailbox" });
  for (const table of ["block", "request"]) stage(truth, table, { batch: evenly(table, "message", "id"), order: "id" });
  truth.close();
  const index = stagingOf(join(finished, "archive", "index.db"));
  writeDocuments(index, archive);
  const held = "JOIN planned_document ON planned_document.id = holding.message";
  // A rowid that is not the highest so far makes the index write out all that it has gathered.
  stage(index, "document", { batch: `(position - 1) / ${INDEX_BATCH}`, from: "temp.document", order: "id" });
  stage(index, "holding", {
    batch: "planned_document.batch",
    from: `source.holding ${held}`,
    order: "folder, message",
  });
  index.close();
}

function stagingOf(file: string): DatabaseSync {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}.staged${suffix}`, { force: true });
  const database = new DatabaseSync(`${file}.staged`);
  database.exec("PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY");
  database.exec(`ATTACH '${file}' AS source; CREATE TABLE bound (name, batch, last, PRIMARY KEY (name, batch))`);
  return database;
}

function stage(
  database: DatabaseSync,
  table: string,
  { batch, from = `source.${table}`, order }: { batch: string; from?: string; order: string },
): void {
  database.exec(`CREATE TEMP TABLE planned_${table} AS SELECT ${batch} AS batch, ${table}.* FROM ${from}`);
  const columns = database.prepare(`SELECT name FROM pragma_table_info('planned_${table}') WHERE cid > 0`).all();
  const names = columns.map(({ name }) => `"${String(name)}"`).join();
  database.exec(
    `CREATE TABLE main.${table} AS SELECT ${names} FROM planned_${table} ORDER BY batch, ${order};
    INSERT INTO bound SELECT '${table}', batch, sum(count(*)) OVER (ORDER BY batch) FROM planned_${table} GROUP BY batch`,
  );
}

function numbered(key: string): string {
  return `(row_number() OVER (ORDER BY ${key}) - 1)`;
}

/** For a table of a few rows for each batch: spread over as many batches as there are of `leading`. */
function evenly(table: string, leading: string, key: string): string {
  const batches = `(SELECT count(*) FROM bound WHERE name = '${leading}')`;
  return `${numbered(key)} * ${batches} / (SELECT count(*) FROM source.${table})`;
}

/** The very words that the index was given: an index without content cannot be read back. */
function writeDocuments(database: DatabaseSync, archive: string): void {
  database.exec(
    "CREATE TEMP TABLE document (position INTEGER PRIMARY KEY, id INTEGER, body, subject, sender, recipients, labels)",
  );
  const insert = database.prepare(
    "INSERT INTO temp.document (id, body, subject, sender, recipients, labels) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const recorder = {
    statement: (sql: string) => ({
      run: (...values: string[]) => sql.startsWith("INSERT INTO text") && insert.run(...values),
    }),
  };
  const writer = new DocumentWriter(recorder as unknown as Database);
  const truth = new DatabaseSync(archive, { readOnly: true });
  database.exec("BEGIN");
  for (const { size, data } of truth.prepare("SELECT size, data FROM block ORDER BY id").iterate())
    if (data instanceof Uint8Array) writer.write([openBlock(data, Number(size))]);
  database.exec("COMMIT");
  truth.close();
}
