import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openBlock } from "../../packages/archive/src/block.ts";
import type { Database } from "../../packages/archive/src/database.ts";
import { DocumentWriter } from "../../packages/archive/src/document-writer.ts";

/**
 * Writes the very words that the index was given into a table, beside the index, for the floor to index again: an index
 * without content cannot be read back.
 */
export function stageWords(archive: string): void {
  const target = join(archive, "index.db.words");
  for (const suffix of ["", "-wal", "-shm"]) rmSync(target + suffix, { force: true });
  const words = new DatabaseSync(target);
  words.exec(
    "CREATE TABLE document (position INTEGER PRIMARY KEY, id INTEGER, body, subject, sender, recipients, labels)",
  );
  const insert = words.prepare(
    "INSERT INTO document (id, body, subject, sender, recipients, labels) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const recorder = {
    statement: (sql: string) => ({
      run: (...values: string[]) => sql.startsWith("INSERT INTO text") && insert.run(...values),
    }),
  };
  const writer = new DocumentWriter(recorder as unknown as Database);
  const truth = new DatabaseSync(join(archive, "archive.db"), { readOnly: true });
  words.exec("BEGIN");
  for (const { size, data } of truth.prepare("SELECT size, data FROM block ORDER BY id").iterate()) {
    if (data instanceof Uint8Array) writer.write([openBlock(data, Number(size))]);
  }
  words.exec("COMMIT");
  truth.close();
  words.close();
}
