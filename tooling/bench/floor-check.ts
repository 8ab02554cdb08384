import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { isVirtual, schemaOf } from "./floor-file.ts";

/** Compares the number and a checksum of each table's rows, and every word that the index knows, with where it stands. */
export function assertSameRows({ from, to }: { from: string; to: string }): void {
  const [theirs, ours] = [new DatabaseSync(from), new DatabaseSync(to)];
  const schemas = [theirs, ours].map((database) => JSON.stringify(schemaOf(database, "main")));
  if (schemas[0] !== schemas[1]) throw new Error(`The floor's ${to} has other tables than ${from}.`);
  for (const { name, sql } of schemaOf(theirs, "main")) {
    const rows = rowsQuery(name, sql);
    if (rows === undefined) continue;
    const [expected, found] = [digest(theirs, rows), digest(ours, rows)];
    if (expected.count !== found.count || expected.sha256 !== found.sha256)
      throw new Error(
        `The floor did not write the same rows: ${name} of ${to} has ${found.count} (${found.sha256.slice(0, 12)}), and ${from} has ${expected.count} (${expected.sha256.slice(0, 12)}).`,
      );
  }
  theirs.close();
  ours.close();
}

/** Each row as one text. Undefined for what is neither a table nor the index. */
function rowsQuery(name: string, sql: string): ((database: DatabaseSync) => string) | undefined {
  if (isVirtual(sql))
    return (database) => {
      // An index without content gives only its words back: each with its column, documents and occurrences.
      database.exec(`CREATE VIRTUAL TABLE temp.word_of_${name} USING fts5vocab(main, '${name}', 'col')`);
      return `SELECT concat_ws(' ', quote(term), col, doc, cnt) AS line FROM word_of_${name}
        UNION ALL SELECT concat_ws(' ', id, hex(sz)) FROM ${name}_docsize`;
    };
  if (!/^CREATE TABLE/i.test(sql)) return undefined;
  return (database) => {
    const columns = database.prepare(`SELECT name, pk FROM pragma_table_info('${name}') ORDER BY cid`).all();
    const key = columns
      .filter(({ pk }) => Number(pk) > 0)
      .sort((one, other) => Number(one["pk"]) - Number(other["pk"]));
    const quoted = (list: typeof columns) => list.map((column) => `"${String(column["name"])}"`);
    const values = quoted(columns).map((column) => `quote(${column})`);
    return `SELECT concat_ws(',', ${values.join()}) AS line FROM "${name}" ORDER BY ${quoted(key).join() || "rowid"}`;
  };
}

function digest(database: DatabaseSync, rows: (database: DatabaseSync) => string): { count: number; sha256: string } {
  const hash = createHash("sha256");
  let count = 0;
  for (const { line } of database.prepare(rows(database)).iterate()) {
    hash.update(`${String(line)}\n`);
    count += 1;
  }
  return { count, sha256: hash.digest("hex") };
}
