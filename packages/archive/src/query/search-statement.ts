import type { Database } from "../database.ts";
import { type Condition, type SearchPlan, dateCondition, folderCondition } from "./plan-search.ts";

/** `rows`: ids and dates, the newest first. `ids`: the oldest first. `count`: one row. */
export type Purpose = "rows" | "ids" | "count";

/** What gives the candidates, the column that is their id, and the order that it gives them in by itself. */
interface Driver {
  from: Condition;
  id: string;
  conditions: Condition[];
  /** Whether it gives the newest first without being told. */
  isOrdered?: boolean;
}

/** Up to this many copies are looked through one by one; beyond, the words' index is the shorter way. */
const FEW_COPIES = 1000;
const MOST_FOLDERS_MERGED = 30;

/** The statement that carries a plan out. */
export function searchStatement(database: Database, plan: SearchPlan, purpose: Purpose): Condition {
  const { from, id, conditions, isOrdered = false } = driverOf(database, plan, purpose);
  const where = [...conditions];
  if (plan.ids.from !== undefined) where.push({ sql: `${id} >= ?`, values: [plan.ids.from] });
  if (plan.ids.to !== undefined) where.push({ sql: `${id} < ?`, values: [plan.ids.to] });
  if (plan.dates !== undefined) where.push(dateCondition(plan.dates));
  where.push(...plan.conditions);
  const columns = { rows: `${id} AS id, message.date AS date`, ids: `${id} AS id`, count: "count(*) AS found" }[
    purpose
  ];
  const order = { rows: isOrdered ? "" : ` ORDER BY ${id} DESC`, ids: ` ORDER BY ${id}`, count: "" }[purpose];
  const clause = where.length === 0 ? "" : ` WHERE ${where.map(({ sql }) => `(${sql})`).join(" AND ")}`;
  return {
    sql: `SELECT ${columns} FROM ${from.sql}${clause}${order}`,
    values: [...from.values, ...where.flatMap(({ values }) => values)],
  };
}

/** Each driver gives its candidates in the order of their ids, so that the newest are at hand at once. */
function driverOf(database: Database, plan: SearchPlan, purpose: Purpose): Driver {
  const { text, folders } = plan;
  const few = folders === undefined ? undefined : fewFolders(database, folders);
  if (few !== undefined && (text === undefined || holdsFew(database, few))) return byFolders(few, text);
  const id = text === undefined ? "message.id" : "text.rowid";
  const conditions = folders === undefined ? [] : [folderCondition(few ?? folders, id)];
  if (text === undefined) return { from: { sql: "message", values: [] }, id, conditions };
  const isMessageNeeded = purpose === "rows" || plan.dates !== undefined || plan.conditions.length > 0;
  const from = isMessageNeeded ? "text CROSS JOIN message ON message.id = text.rowid" : "text";
  return {
    from: { sql: from, values: [] },
    id,
    conditions: [{ sql: "text MATCH ?", values: [text] }, ...conditions],
  };
}

function byFolders(folders: number[], text: string | undefined): Driver {
  const conditions =
    text === undefined
      ? []
      : [{ sql: "EXISTS (SELECT 1 FROM text WHERE text MATCH ? AND rowid = message.id)", values: [text] }];
  if (folders.length === 1) {
    const sql = "holding CROSS JOIN message ON message.id = holding.message";
    return {
      from: { sql, values: [] },
      id: "holding.message",
      conditions: [{ sql: "holding.folder = ?", values: folders }, ...conditions],
    };
  }
  const parts = folders.map(() => "SELECT message AS id FROM holding WHERE folder = ?").join(" UNION ");
  // Each part comes in order and so they are merged as they are read; told once more outside, SQLite would sort them all.
  const candidates = folders.length === 0 ? "SELECT 0 AS id WHERE FALSE" : `${parts} ORDER BY 1 DESC`;
  const from = { sql: `(${candidates}) AS candidate CROSS JOIN message ON message.id = candidate.id`, values: folders };
  return { from, id: "candidate.id", conditions, isOrdered: true };
}

/** Those of the folders that hold anything, where they are few. */
function fewFolders(database: Database, folders: number[]): number[] | undefined {
  if (folders.length > MOST_FOLDERS_MERGED) return undefined;
  return folders.filter(
    (folder) => database.get("SELECT 1 FROM holding WHERE folder = ? LIMIT 1", folder) !== undefined,
  );
}

function holdsFew(database: Database, folders: number[]): boolean {
  const sql = "SELECT count(*) FROM (SELECT 1 FROM holding WHERE folder IN (SELECT value FROM json_each(?)) LIMIT ?)";
  return database.number(sql, JSON.stringify(folders), FEW_COPIES + 1) <= FEW_COPIES;
}
