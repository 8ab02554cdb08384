import type { Database } from "./database.ts";

/** A query that gives a name for every row that should not be, and what is wrong with it. */
type Check = [sql: string, sentence: (name: string) => string];

/** A sentence for each row of the truth that contradicts another. */
export function checkTruth(database: Database): string[] {
  return check(database, TRUTH_CHECKS);
}

/** A sentence for each row of the index that contradicts the truth. */
export function checkIndex(database: Database): string[] {
  return check(database, INDEX_CHECKS);
}

const TRUTH_CHECKS: Check[] = [
  [
    "SELECT integrity_check AS name FROM pragma_integrity_check WHERE schema = 'main' AND integrity_check <> 'ok'",
    (name) => `The database file is damaged: ${name}.`,
  ],
  [
    "SELECT message AS name FROM item WHERE NOT EXISTS (SELECT 1 FROM message WHERE number = item.message)",
    (name) => `An item refers to the message ${name}, which is not there.`,
  ],
  [
    "SELECT name FROM listed AS message WHERE NOT EXISTS (SELECT 1 FROM item WHERE item.message = message.number) AND NOT EXISTS (SELECT 1 FROM withdrawn WHERE withdrawn.message = message.number)",
    (name) => `The message ${name} is in no mailbox.`,
  ],
  [
    "SELECT name FROM listed AS message WHERE NOT EXISTS (SELECT 1 FROM block WHERE id = message.block)",
    (name) => `The message ${name} lies in a block that is not there.`,
  ],
  [
    "SELECT name FROM listed WHERE floor(id / 256.0) - floor(date / 1000.0) NOT BETWEEN 0 AND (SELECT value FROM main.meta WHERE name = 'spill')",
    (name) => `The message ${name} has another date than when it was stored.`,
  ],
  [
    "SELECT message || ' of mailbox ' || item.mailbox AS name FROM item LEFT JOIN folder ON folder.id = item.folder WHERE folder.mailbox IS NOT item.mailbox",
    (name) => `The item ${name} lies in a folder of another mailbox or of none.`,
  ],
  [
    "SELECT message || ' of mailbox ' || mailbox AS name FROM item WHERE NOT EXISTS (SELECT 1 FROM request WHERE id = item.request)",
    (name) => `The item ${name} came by no known request.`,
  ],
  [
    "SELECT correlation AS name FROM request LEFT JOIN (SELECT request, count(*) AS found FROM (SELECT request FROM item UNION ALL SELECT request FROM withdrawn) GROUP BY request) ON request = id WHERE items <> coalesce(found, 0)",
    (name) => `The request ${name} brought another number of items than are there.`,
  ],
  [
    "SELECT block.id AS name FROM block LEFT JOIN (SELECT block, count(*) AS found FROM message GROUP BY block) AS listed ON listed.block = block.id WHERE messages <> coalesce(found, 0)",
    (name) => `Another number of messages is listed under block ${name} than it holds.`,
  ],
];

const INDEX_CHECKS: Check[] = [
  [
    "SELECT integrity_check AS name FROM pragma_integrity_check WHERE schema = 'derived' AND integrity_check <> 'ok'",
    (name) => `The index is damaged: ${name}. Make the index anew.`,
  ],
  [
    "SELECT folder || ' of mailbox ' || mailbox AS name FROM item JOIN message ON number = message WHERE NOT EXISTS (SELECT 1 FROM holding WHERE folder = item.folder AND holding.message = message.id)",
    (name) => `An item in folder ${name} is not in the index. Make the index anew.`,
  ],
  [
    "SELECT count(*) AS name FROM holding HAVING count(*) <> (SELECT count(*) FROM item)",
    (name) => `The index knows ${name} items, which is not their number. Make the index anew.`,
  ],
  [
    "SELECT count(*) AS name FROM text_docsize HAVING count(*) <> (SELECT count(*) FROM message)",
    (name) => `The index knows ${name} messages, which is not their number. Make the index anew.`,
  ],
];

function check(database: Database, checks: Check[]): string[] {
  const problems: string[] = [];
  for (const [sql, sentence] of checks) {
    try {
      // A damaged table may have a million rows that are wrong in one way.
      for (const row of database.statement(`${sql} LIMIT 1000`).all()) problems.push(sentence(String(row["name"])));
    } catch (error) {
      problems.push(`A table cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
    }
  }
  return problems;
}
