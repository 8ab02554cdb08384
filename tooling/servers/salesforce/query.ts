import { randomUUID } from "node:crypto";
import type { Organization } from "./organization.ts";
import { type Plan, planQuery, SalesforceError } from "./soql.ts";

/** What is left of a query, by its locator. */
export type Cursors = Map<string, { plan: Plan; from: number }>;

interface Query {
  organization: Organization;
  cursors: Cursors;
  pageSize: () => number;
  lostCursor: number;
  version: string;
}

/** Answers query, queryAll and the address of a query's next page. */
export function answerQuery(query: Query, path: string, url: URL): unknown {
  const locator = /^query(?:All)?\/([\w-]+)$/.exec(path)?.[1];
  if (locator !== undefined) {
    const cursor = query.cursors.get(locator);
    if (!cursor || query.organization.random.chance(query.lostCursor))
      throw new SalesforceError(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
    query.cursors.delete(locator);
    return page(query, cursor.plan, cursor.from);
  }
  if (url.href.length > 16_384) throw new SalesforceError(414, "URI_TOO_LONG", "URI Too Long");
  const soql = url.searchParams.get("q");
  if (!soql) throw new SalesforceError(400, "MALFORMED_QUERY", "a query is needed");
  return page(query, planQuery(query.organization, soql, path.startsWith("queryAll")), 0);
}

/** The ids are those of when the query was made; the records are as they are now, and without those that are gone. */
function page(
  query: Query,
  plan: Plan,
  from: number,
): { done: boolean; totalSize: number; records: unknown[]; nextRecordsUrl?: string } {
  const upTo = Math.min(plan.ids.length, from + Math.max(1, Math.min(2000, query.pageSize())));
  const records = plan.ids.slice(from, upTo).flatMap((id) => {
    const shown = plan.show(id);
    return shown ? [{ ...shown, ...children(query, plan, id) }] : [];
  });
  const done = upTo === plan.ids.length;
  if (done) return { totalSize: plan.ids.length, done, records };
  const locator = `01g${randomUUID().replaceAll("-", "").slice(0, 15)}-${upTo}`;
  query.cursors.set(locator, { plan, from: upTo });
  return {
    totalSize: plan.ids.length,
    done,
    nextRecordsUrl: `/services/data/v${query.version}/query/${locator}`,
    records,
  };
}

/** A sub-select without records is null, and one with many has pages of its own. */
function children(query: Query, plan: Plan, id: string): { [relationship: string]: unknown } {
  return Object.fromEntries(
    plan.children.map(({ relationship, plan: planOf }) => {
      const child = planOf(id);
      return [relationship, child.ids.length === 0 ? null : page(query, child, 0)];
    }),
  );
}
