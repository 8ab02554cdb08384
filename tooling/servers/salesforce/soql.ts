import { type Condition, parseQuery, type Query, type Subquery, type WhereClause } from "@jetstreamapp/soql-parser-js";
import type { FieldRule, ObjectRule } from "./objects.ts";

export type Value = string | number | boolean | null;
export type Record = { Id: string } & { [field: string]: Value };

/** How Salesforce refuses. */
export class SalesforceError extends Error {
  readonly status: number;
  readonly errorCode: string;

  constructor(status: number, errorCode: string, message: string) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
  }
}

export interface Store {
  rules: { [object: string]: ObjectRule };
  /** The records that are visible now. */
  records(object: string, includeDeleted: boolean): Record[];
  record(object: string, id: string, includeDeleted: boolean): Record | undefined;
  /** The name and type of a record that a polymorphic field refers to. */
  related(id: string): { Name: string; Type: string };
}

export interface Plan {
  object: string;
  ids: string[];
  /** What the answer shows of a record, or undefined where it is gone by now. */
  show(id: string): { [field: string]: unknown } | undefined;
  /** The sub-selects of the query. */
  children: { relationship: string; plan(parentId: string): Plan }[];
}

/** Parses and checks a query as Salesforce would, and finds its records. */
export function planQuery(store: Store, soql: string, includeDeleted: boolean): Plan {
  let query: Query;
  try {
    query = parseQuery(soql);
  } catch (error) {
    throw new SalesforceError(400, "MALFORMED_QUERY", error instanceof Error ? error.message : String(error));
  }
  const object = query.sObject ?? "";
  const rule = store.rules[object];
  if (!rule) throw new SalesforceError(400, "INVALID_TYPE", `sObject type '${object}' is not supported.`);
  if (!rule.queryable)
    throw new SalesforceError(400, "INVALID_TYPE_FOR_OPERATION", `entity type ${object} does not support query`);
  return plan(store, query, { object, rule, includeDeleted, parent: undefined });
}

interface Scope {
  object: string;
  rule: ObjectRule;
  includeDeleted: boolean;
  parent: { field: string; id: string } | undefined;
}

function plan(store: Store, query: Query | Subquery, { object, rule, includeDeleted, parent }: Scope): Plan {
  if (query.groupBy || query.having || query.offset !== undefined)
    throw new SalesforceError(400, "MALFORMED_QUERY", "This server knows no such clause.");
  const shown: { name: string; value(record: Record): unknown }[] = [];
  const children: Plan["children"] = [];
  for (const field of query.fields ?? []) {
    if (field.type === "Field") {
      const { name } = fieldOf(object, rule, field.field);
      shown.push({ name, value: (record) => record[name] ?? null });
    } else if (
      field.type === "FieldRelationship" &&
      field.relationships.join() === "Parent" &&
      ["Name", "Type"].includes(field.field)
    ) {
      fieldOf(object, rule, "ParentId");
      if (!shown.some(({ name }) => name === "Parent"))
        shown.push({ name: "Parent", value: (record) => parentOf(store, record, query) });
    } else if (field.type === "FieldSubquery") {
      const child = rule.children[field.subquery.relationshipName];
      const childRule = child && store.rules[child.object];
      if (!child || !childRule || parent)
        throw new SalesforceError(
          400,
          "INVALID_TYPE",
          `Didn't understand relationship '${field.subquery.relationshipName}' in FROM part of query call.`,
        );
      const scope = (id: string): Scope => ({
        object: child.object,
        rule: childRule,
        includeDeleted,
        parent: { field: child.field, id },
      });
      plan(store, field.subquery, scope(""));
      children.push({
        relationship: field.subquery.relationshipName,
        plan: (id) => plan(store, field.subquery, scope(id)),
      });
    } else throw new SalesforceError(400, "INVALID_FIELD", `This server cannot show ${JSON.stringify(field)}.`);
  }
  const matches = query.where ? compile(object, rule, query.where) : () => true;
  const found = store
    .records(object, includeDeleted)
    .filter((record) => (parent === undefined || record[parent.field] === parent.id) && matches(record));
  sort(object, rule, query, found);
  const ids = found.slice(0, query.limit ?? found.length).map(({ Id }) => Id);
  function show(id: string): { [field: string]: unknown } | undefined {
    const record = store.record(object, id, includeDeleted);
    return (
      record && {
        attributes: { type: object, url: `/services/data/v62.0/sobjects/${object}/${id}` },
        ...Object.fromEntries(shown.map(({ name, value }) => [name, value(record)])),
      }
    );
  }
  return { object, ids, show, children };
}

function parentOf(store: Store, record: Record, query: Query | Subquery): unknown {
  const { Name, Type } = store.related(String(record["ParentId"]));
  const asked = (query.fields ?? []).flatMap((field) => (field.type === "FieldRelationship" ? [field.field] : []));
  return {
    attributes: { type: "Name", url: `/services/data/v62.0/sobjects/${Type}/${record["ParentId"]}` },
    ...(asked.includes("Name") && { Name }),
    ...(asked.includes("Type") && { Type }),
  };
}

function fieldOf(object: string, rule: ObjectRule, name: string): FieldRule {
  const field = rule.fields.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
  if (!field) throw new SalesforceError(400, "INVALID_FIELD", `No such column '${name}' on entity '${object}'.`);
  return field;
}

function sort(object: string, rule: ObjectRule, query: Query | Subquery, records: Record[]): void {
  const clauses = [query.orderBy ?? []].flat().map((clause) => {
    if (!("field" in clause)) throw new SalesforceError(400, "MALFORMED_QUERY", "This server orders by fields only.");
    const field = fieldOf(object, rule, clause.field);
    if (!field.sortable)
      throw new SalesforceError(400, "INVALID_FIELD", `field '${field.name}' can not be sorted in a query call`);
    return { name: field.name, sign: clause.order === "DESC" ? -1 : 1 };
  });
  records.sort(
    (a, b) =>
      clauses
        .map(({ name, sign }) => sign * compare(a[name] ?? null, b[name] ?? null))
        .find((difference) => difference !== 0) ?? 0,
  );
}

function compare(a: Value, b: Value): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return a < b ? -1 : 1;
}

type Test = (record: Record) => boolean;

/** The parser gives conditions in a row with counts of parentheses; Salesforce wants AND and OR kept apart by parentheses. */
function compile(object: string, rule: ObjectRule, where: WhereClause): Test {
  const tokens: (string | Test)[] = [];
  for (let clause: WhereClause | undefined = where; clause;) {
    const condition = clause.left;
    if (!condition || !("field" in condition) || !("value" in condition))
      throw new SalesforceError(400, "MALFORMED_QUERY", "This server knows no such condition.");
    tokens.push(
      ...Array.from({ length: condition.openParen ?? 0 }, () => "("),
      test(object, rule, condition),
      ...Array.from({ length: condition.closeParen ?? 0 }, () => ")"),
    );
    if (!("right" in clause)) break;
    tokens.push(clause.operator);
    clause = clause.right;
  }
  const result = expression(tokens);
  if (tokens.length > 0) throw new SalesforceError(400, "MALFORMED_QUERY", "unexpected token at the end of WHERE");
  return result;
}

function expression(tokens: (string | Test)[]): Test {
  const terms = [term(tokens)];
  const first = tokens[0];
  while (tokens[0] === "AND" || tokens[0] === "OR") {
    if (tokens.shift() !== first)
      throw new SalesforceError(400, "MALFORMED_QUERY", "AND and OR stand side by side without parentheses");
    terms.push(term(tokens));
  }
  return first === "OR" ? (record) => terms.some((one) => one(record)) : (record) => terms.every((one) => one(record));
}

function term(tokens: (string | Test)[]): Test {
  const token = tokens.shift();
  if (typeof token === "function") return token;
  if (token !== "(") throw new SalesforceError(400, "MALFORMED_QUERY", `unexpected token: ${token}`);
  const inner = expression(tokens);
  if (tokens.shift() !== ")") throw new SalesforceError(400, "MALFORMED_QUERY", "a parenthesis is missing");
  return inner;
}

function test(object: string, rule: ObjectRule, condition: Condition): Test {
  if (!("field" in condition))
    throw new SalesforceError(400, "MALFORMED_QUERY", "This server knows no such condition.");
  const field = fieldOf(object, rule, condition.field);
  if (!field.filterable)
    throw new SalesforceError(400, "INVALID_FIELD", `field '${field.name}' can not be filtered in a query call`);
  const literals = [condition.literalType].flat();
  const wanted =
    field.type === "datetime"
      ? "DATETIME"
      : field.type === "boolean"
        ? "BOOLEAN"
        : field.type === "int"
          ? "INTEGER"
          : "STRING";
  if (literals.some((literal) => literal !== wanted && literal !== "NULL"))
    throw new SalesforceError(
      400,
      "INVALID_FIELD",
      `value of filter criterion for field '${field.name}' must be of type ${field.type}`,
    );
  const values = [condition.value].flat().map((text) => literal(text, wanted));
  const [value = null] = values;
  const read = (record: Record): Value =>
    field.type === "datetime" && record[field.name]
      ? Date.parse(String(record[field.name]).replace("+0000", "Z"))
      : (record[field.name] ?? null);
  const orders: { [operator: string]: Test } = {
    "=": (record) => read(record) === value,
    "!=": (record) => read(record) !== value,
    ">": (record) => read(record) !== null && compare(read(record), value) > 0,
    ">=": (record) => read(record) !== null && compare(read(record), value) >= 0,
    "<": (record) => read(record) !== null && compare(read(record), value) < 0,
    "<=": (record) => read(record) !== null && compare(read(record), value) <= 0,
    IN: (record) => values.includes(read(record)),
  };
  const found = orders[condition.operator];
  if (!found) throw new SalesforceError(400, "MALFORMED_QUERY", `This server knows no operator ${condition.operator}.`);
  return found;
}

function literal(text: string, wanted: string): Value {
  if (text.toLowerCase() === "null") return null;
  if (wanted === "DATETIME") return Date.parse(text);
  if (wanted === "BOOLEAN") return text.toLowerCase() === "true";
  if (wanted === "INTEGER") return Number(text);
  return text.replace(/^'|'$/g, "").replaceAll("\\'", "'");
}
