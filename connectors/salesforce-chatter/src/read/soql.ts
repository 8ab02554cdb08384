import { UnexpectedResponseError } from "@hansard/core";

/** How many ids one query names, so that its address stays well below the 16 kB that Salesforce takes. */
const IDS_PER_QUERY = 200;

/** Queries for the records whose `field` is one of `ids`, as many as it takes. */
export function queriesOf(object: string, select: string[], field: string, ids: Iterable<string>): string[] {
  const unique = [...new Set(ids)];
  const parts = Array.from({ length: Math.ceil(unique.length / IDS_PER_QUERY) }, (_, index) =>
    unique.slice(index * IDS_PER_QUERY, (index + 1) * IDS_PER_QUERY),
  );
  return parts.map(
    (part) => `SELECT ${select.join(",")} FROM ${object} WHERE ${field} IN (${part.map(quote).join(",")})`,
  );
}

export function quote(id: string): string {
  if (!/^[A-Za-z0-9]{15,18}$/.test(id))
    throw new UnexpectedResponseError(`Salesforce gave "${id.slice(0, 40)}" as an id.`);
  return `'${id}'`;
}
