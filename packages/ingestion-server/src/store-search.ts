import type { SQLInputValue } from "node:sqlite";
import type { Comparison, ItemField, ItemFilter, ItemSearch } from "./store-query.ts";

export interface SearchQuery {
  where: string;
  values: SQLInputValue[];
  order: string;
}

const COLUMNS: Record<ItemField, string> = {
  subject: "subject",
  internetMessageId: "message_id",
  itemClass: "class",
  receivedAt: "received",
  sentAt: "sent",
  createdAt: "created",
  isRead: "read",
  isDraft: "draft",
  hasAttachments: "has_attachments",
  size: "size",
};
const OPERATORS: Partial<Record<Comparison, string>> = { eq: "=", ne: "<>", gt: ">", ge: ">=", lt: "<", le: "<=" };

/** What a search means in SQL. What a lagging index does not know yet, and what is gone, is not found. */
export function searchQuery({ mailbox, folder, filter, orderBy = [] }: ItemSearch, now: number): SearchQuery {
  const values: SQLInputValue[] = [mailbox, now, now];
  let where = "mailbox = ? AND visible <= ? AND (gone IS NULL OR gone > ?)";
  if (folder === undefined) where += " AND folder IN (SELECT id FROM folder WHERE hidden = 0)";
  else {
    where += " AND folder = ?";
    values.push(folder);
  }
  if (filter !== undefined) where += ` AND ${condition(filter, values)}`;
  const order = orderBy.map(({ field, descending }) => `${COLUMNS[field]} ${descending === true ? "DESC" : "ASC"}`);
  return { where, values, order: [...order, ...(order.length === 0 ? ["received DESC"] : []), "id"].join(", ") };
}

function condition(filter: ItemFilter, values: SQLInputValue[]): string {
  if ("and" in filter) return `(${filter.and.map((part) => condition(part, values)).join(" AND ") || "1"})`;
  if ("or" in filter) return `(${filter.or.map((part) => condition(part, values)).join(" OR ") || "0"})`;
  if ("not" in filter) return `NOT ${condition(filter.not, values)}`;
  if ("hasProperty" in filter) {
    values.push(filter.hasProperty);
    return "id IN (SELECT item FROM property WHERE name = ?)";
  }
  if ("property" in filter) {
    values.push(filter.property);
    return `id IN (SELECT item FROM property WHERE name = ? AND ${comparison("value", filter.is, filter.value, values)})`;
  }
  return comparison(COLUMNS[filter.field], filter.is, filter.value, values);
}

function comparison(
  column: string,
  is: Comparison,
  value: string | number | boolean | Date,
  values: SQLInputValue[],
): string {
  values.push(value instanceof Date ? value.getTime() : typeof value === "boolean" ? Number(value) : value);
  if (is === "contains") return `instr(lower(${column}), lower(?)) > 0`;
  if (is === "startsWith") return `instr(lower(${column}), lower(?)) = 1`;
  // Equality of what an index serves is exact: our own ids and Message-IDs always are.
  const isIndexed = column === "message_id" || column === "value";
  const collation = typeof value === "string" && !isIndexed ? " COLLATE NOCASE" : "";
  return `${column} ${OPERATORS[is] ?? "="} ?${collation}`;
}
