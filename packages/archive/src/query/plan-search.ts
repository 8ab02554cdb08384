import type { Database } from "../database.ts";
import { PLACES_PER_SECOND, firstPlace, spillOf } from "../message-place.ts";
import { compileText } from "./compile-text.ts";
import type { Period } from "./dates.ts";
import type { Query } from "./parse-query.ts";
import { findClasses, findFolders, findMailboxes } from "./find-named.ts";

type Value = string | number;

/** A piece of SQL with its values. */
export interface Condition {
  sql: string;
  values: Value[];
}

/** How a search is run: what gives the candidates, the newest first, and what they must fulfil besides. */
export interface SearchPlan {
  /** Words in the index's own language. Absent: none were asked for. */
  text?: string;
  /** The folders, where the whole query is confined to some. */
  folders?: number[];
  /** The candidates' ids: from `from` on, before `to`. */
  ids: { from?: number; to?: number };
  /** Whether `ids` alone is not exact for the dates. */
  dates?: Period;
  conditions: Condition[];
}

/** Where the caller may look, besides what the query says. */
export interface Scope {
  mailboxes?: string[];
}

const FEW_FOLDERS = 8;

export function planSearch(database: Database, query: Query | undefined, scope: Scope): SearchPlan {
  const parts = query === undefined ? [] : query.kind === "and" ? query.parts : [query];
  const dates = intersection(parts.flatMap((part) => (part.kind === "date" ? [part.period] : [])));
  const places = parts.filter(isPlace);
  const others = parts.filter((part) => part.kind !== "date" && !isPlace(part));
  const classesLike = (pattern: string) => findClasses(database, pattern);
  const texts = others.filter((part) => compileText(part, classesLike) !== undefined);
  const rest = others.filter((part) => !texts.includes(part));
  const text = texts.length === 0 ? undefined : compileText({ kind: "and", parts: texts }, classesLike);
  const [folders, ...alsoIn] =
    places.length > 0 || scope.mailboxes !== undefined ? foldersOf(database, places, scope.mailboxes) : [];
  const spill = spillOf(database);
  const isExact = spill === 0 && isWholeSecond(dates.from) && isWholeSecond(dates.to);
  return {
    ...(text !== undefined && { text }),
    ...(folders !== undefined && { folders }),
    ids: idRange(dates, spill),
    ...(!isExact && { dates }),
    conditions: [
      ...rest.map((part) => condition(database, part)),
      ...alsoIn.map((folders) => folderCondition(folders)),
    ],
  };
}

/** Message ids are times: a period is a range of them, with room for what has spilled. */
export function idRange({ from, to }: Period, spillSeconds: number): { from?: number; to?: number } {
  return {
    ...(from !== undefined && { from: firstPlace(from) }),
    ...(to !== undefined && { to: firstPlace(to + 999) + spillSeconds * PLACES_PER_SECOND }),
  };
}

/** Conditions on mailbox and folder: what stands side by side is meant of the same copy of a message. */
type Place = Extract<Query, { kind: "mailbox" | "folder" }>;

function isPlace(part: Query): part is Place {
  return part.kind === "mailbox" || part.kind === "folder";
}

/**
 * The folders that a copy of the message must lie in, a list for each mailbox that is asked for: the message must be in
 * all of these mailboxes, and in each of them in such a folder.
 */
function foldersOf(database: Database, places: Place[], scope?: string[]): number[][] {
  const everywhere = places.flatMap(({ kind, pattern }) => (kind === "folder" ? [findFolders(database, pattern)] : []));
  if (scope !== undefined) everywhere.push(foldersIn(database, scope));
  const mailboxes = places.flatMap(({ kind, pattern }) => (kind === "mailbox" ? [foldersIn(database, [pattern])] : []));
  return mailboxes.length === 0 ? [inAll(everywhere)] : mailboxes.map((folders) => inAll([folders, ...everywhere]));
}

function inAll([first = [], ...others]: number[][]): number[] {
  const sets = others.map((list) => new Set(list));
  return first.filter((folder) => sets.every((set) => set.has(folder)));
}

function foldersIn(database: Database, addresses: string[]): number[] {
  return database
    .all(
      "SELECT id FROM folder WHERE mailbox IN (SELECT value FROM json_each(?)) ORDER BY id",
      JSON.stringify(findMailboxes(database, addresses)),
    )
    .map((row) => Number(row["id"]));
}

/** Any part of a query as a condition on a message. */
function condition(database: Database, query: Query): Condition {
  const text = compileText(query, (pattern) => findClasses(database, pattern));
  if (text !== undefined) return { sql: "message.id IN (SELECT rowid FROM text WHERE text MATCH ?)", values: [text] };
  if (query.kind === "not") return wrap("NOT ", [condition(database, query.part)], "");
  if (query.kind === "or")
    return wrap(
      "",
      query.parts.map((part) => condition(database, part)),
      " OR ",
    );
  if (query.kind === "date") return dateCondition(query.period);
  if (query.kind === "and") {
    const places = query.parts.filter(isPlace);
    const others = query.parts.filter((part) => !isPlace(part)).map((part) => condition(database, part));
    const copies = places.length === 0 ? [] : foldersOf(database, places).map((folders) => folderCondition(folders));
    return wrap("", [...others, ...copies], " AND ");
  }
  const [folders = []] = isPlace(query) ? foldersOf(database, [query]) : [];
  return folderCondition(folders);
}

/** Whether a copy lies in one of the folders: asked of the folders where they are few, and else of the copies. */
export function folderCondition(folders: number[], id = "message.id"): Condition {
  if (folders.length <= FEW_FOLDERS) {
    const list = folders.map(() => "?").join();
    return {
      sql: `EXISTS (SELECT 1 FROM holding WHERE holding.folder IN (${list}) AND holding.message = ${id})`,
      values: folders,
    };
  }
  return {
    sql: `EXISTS (SELECT 1 FROM item WHERE item.message = (SELECT number FROM message AS one WHERE one.id = ${id}) AND folder IN (SELECT value FROM json_each(?)))`,
    values: [JSON.stringify(folders)],
  };
}

export function dateCondition({ from, to }: Period): Condition {
  const bounds = [
    ...(from === undefined ? [] : ["message.date >= ?"]),
    ...(to === undefined ? [] : ["message.date < ?"]),
  ];
  return { sql: bounds.join(" AND ") || "TRUE", values: [from, to].filter((bound) => bound !== undefined) };
}

function wrap(before: string, parts: Condition[], operator: string): Condition {
  return {
    sql: `${before}(${parts.map(({ sql }) => sql).join(operator)})`,
    values: parts.flatMap(({ values }) => values),
  };
}

function intersection(periods: Period[]): Period {
  const starts = periods.flatMap(({ from }) => (from === undefined ? [] : [from]));
  const ends = periods.flatMap(({ to }) => (to === undefined ? [] : [to]));
  return { ...(starts.length > 0 && { from: Math.max(...starts) }), ...(ends.length > 0 && { to: Math.min(...ends) }) };
}

function isWholeSecond(timeMs: number | undefined): boolean {
  return timeMs === undefined || timeMs % 1000 === 0;
}
