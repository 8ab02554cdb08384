import type { ArchivedMessage } from "@hansard/core/ingestion";
import type { Database, Row } from "./database.ts";
import { OF_MESSAGE } from "./item-writer.ts";
import { PLACES_PER_SECOND, spillOf } from "./message-place.ts";
import { parseQuery } from "./query/parse-query.ts";
import { folderPaths } from "./query/find-named.ts";
import { type SearchPlan, idRange, planSearch } from "./query/plan-search.ts";
import { searchStatement } from "./query/search-statement.ts";
import { itemIdOf } from "./store-deliveries.ts";

/** One copy of a message. */
export interface Copy {
  mailbox: string;
  /** The folder's path, such as `Recoverable Items/Purges`. */
  folder: string;
  /** Whether the mailbox's owner does not see it. */
  hidden: boolean;
  itemId: string;
}

export interface Hit extends ArchivedMessage {
  copies: Copy[];
}

export interface SearchOptions {
  /** Only copies in these mailboxes count. Absent: all. */
  mailboxes?: string[];
  /** How many hits at most. Absent: 20. */
  limit?: number;
  /** Goes on where an earlier answer ended: its `next`. */
  before?: string;
}

export interface SearchResult {
  /** The newest first. */
  hits: Hit[];
  /** Where the next page begins. Absent: there is none. */
  next?: string;
}

const DEFAULT_LIMIT = 20;

/** Looks for messages. `database` is the truth with the index attached. */
export function search(database: Database, query: string, options: SearchOptions = {}): SearchResult {
  return database.reading(() => {
    const { limit = DEFAULT_LIMIT, before } = options;
    const plan = planSearch(database, parseQuery(query), options);
    const cursor = before === undefined ? undefined : parseCursor(before);
    if (cursor !== undefined) {
      const { to } = idRange({ to: cursor.date + 1 }, spillOf(database));
      if (to !== undefined) plan.ids.to = Math.min(plan.ids.to ?? to, to);
    }
    const rows = newest(candidates(database, plan), limit + 1, cursor);
    const hits = rows.slice(0, limit);
    const last = hits.at(-1);
    const paths = new Map<number, Map<number, string>>();
    return {
      hits: hits.map(({ id }) => toHit(database, listed(database, Number(id)), paths, options.mailboxes)),
      ...(rows.length > limit && last !== undefined && { next: `${Number(last["date"])}.${Number(last["id"])}` }),
    };
  });
}

/** How many messages a search would find. */
export function count(database: Database, query: string, options: Pick<SearchOptions, "mailboxes"> = {}): number {
  return database.reading(() => {
    const { sql, values } = searchStatement(database, planSearch(database, parseQuery(query), options), "count");
    return Number(database.statement(sql).get(...values)?.["found"]);
  });
}

/** The ids of all messages that a search would find, the oldest first. */
export function* findIds(database: Database, query: string): Iterable<number> {
  const { sql, values } = searchStatement(database, planSearch(database, parseQuery(query), {}), "ids");
  for (const row of database.statement(sql).iterate(...values)) yield Number(row["id"]);
}

function listed(database: Database, message: number): Row {
  return database.get("SELECT * FROM listed WHERE id = ?", message) ?? {};
}

/** One message by the archive's own number of it. */
export function describe(database: Database, message: number): Hit | undefined {
  const row = database.get("SELECT * FROM listed WHERE id = ?", message);
  return row === undefined ? undefined : toHit(database, row, new Map(), undefined);
}

function candidates(database: Database, plan: SearchPlan): Iterable<Row> {
  const { sql, values } = searchStatement(database, plan, "rows");
  return database.statement(sql).iterate(...values) as Iterable<Row>;
}

/**
 * Candidates come in the order of their ids, which are times to the second: a message never stands before its own second,
 * but what has spilled stands behind it. So the reading goes on until nothing newer can come.
 */
function newest(rows: Iterable<Row>, limit: number, cursor: Cursor | undefined): Row[] {
  const found: Row[] = [];
  for (const row of rows) {
    const [id, date] = [Number(row["id"]), Number(row["date"])];
    const last = found[limit - 1];
    const latest = (Math.floor(id / PLACES_PER_SECOND) + 1) * 1000 - 1;
    if (last !== undefined && latest <= Number(last["date"])) break;
    if (cursor !== undefined && (date > cursor.date || (date === cursor.date && id >= cursor.id))) continue;
    let place = found.length;
    while (place > 0 && isNewer(row, found[place - 1])) place -= 1;
    found.splice(place, 0, row);
    if (found.length > limit) found.pop();
  }
  return found;
}

function isNewer(row: Row, other: Row | undefined): boolean {
  const difference = Number(row["date"]) - Number(other?.["date"]);
  return difference > 0 || (difference === 0 && Number(row["id"]) > Number(other?.["id"]));
}

function toHit(
  database: Database,
  row: Row,
  paths: Map<number, Map<number, string>>,
  mailboxes: string[] | undefined,
): Hit {
  const copies = copiesOf(database, Number(row["id"]), paths);
  const seen = mailboxes?.map((address) => address.toLowerCase());
  return {
    messageId: String(row["name"]),
    date: new Date(Number(row["date"])).toISOString(),
    messageClass: String(row["class"]),
    subject: String(row["subject"]),
    from: String(row["sender"]),
    size: Number(row["size"]),
    sha256: String(row["sha256"]),
    copies: seen === undefined ? copies : copies.filter(({ mailbox }) => seen.includes(mailbox)),
  };
}

/** Where a message is. `paths` remembers the folders of mailboxes between calls. */
export function copiesOf(database: Database, message: number, paths = new Map<number, Map<number, string>>()): Copy[] {
  const rows = database.all(
    `SELECT item.mailbox, address, item.folder, hidden FROM item JOIN mailbox ON mailbox.id = item.mailbox JOIN folder ON folder.id = item.folder WHERE ${OF_MESSAGE} ORDER BY address`,
    message,
  );
  return rows.map((row) => {
    const mailbox = Number(row["mailbox"]);
    let names = paths.get(mailbox);
    if (names === undefined) {
      names = new Map(folderPaths(database, mailbox).map((path) => [path.id, path.names.join("/")]));
      paths.set(mailbox, names);
    }
    return {
      mailbox: String(row["address"]),
      folder: names.get(Number(row["folder"])) ?? "",
      hidden: row["hidden"] === 1,
      itemId: itemIdOf(mailbox, message),
    };
  });
}

interface Cursor {
  date: number;
  id: number;
}

function parseCursor(text: string): Cursor {
  const [date, id] = text.split(".").map(Number);
  if (Number.isSafeInteger(date) && Number.isSafeInteger(id)) return { date: Number(date), id: Number(id) };
  throw new Error(`"${text}" is no place to go on from. Give the \`next\` of an earlier answer.`);
}
