import { UnexpectedResponseError } from "@hansard/core";
import type { Row } from "../schema.ts";

export interface Field {
  type: string;
  filterable: boolean;
  sortable: boolean;
  relationshipName: string | undefined;
}

/** Where the surroundings of a record are found: Salesforce as it is now, or a data export as it was then. */
export interface Lookup {
  /** Whether nothing changes while it is read. */
  frozen: boolean;
  /** The fields of an object that this user may read; undefined where the object itself is hidden. */
  fields(object: string): Promise<Map<string, Field> | undefined>;
  /** The records of an object whose `field` is one of `ids`. */
  find(object: string, select: string[], field: string, ids: Iterable<string>): Promise<Row[]>;
  /** The records below these feed items, by their id, of objects that cannot be queried by themselves. */
  below(relationship: "FeedTrackedChanges", ids: string[]): Promise<Map<string, Row[]>>;
  /** A file's content, or why it cannot be had. */
  file(versionId: string): Promise<Response | { missing: string }>;
}

/** Every readable field of an object but file contents, so that a field new to us is archived too. */
export async function selectable(lookup: Lookup, object: string): Promise<string[]> {
  const fields = await lookup.fields(object);
  if (!fields?.has("Id")) {
    throw new UnexpectedResponseError(`The integration user cannot see ${object}.`, {
      remedy: "Grant the permissions that the connector's README lists.",
    });
  }
  const own = [...fields]
    .filter(([, { type }]) => !["base64", "address", "location"].includes(type))
    .map(([name]) => name);
  return [...own, ...(await parentFields(lookup, object))];
}

/** The name and type of the record that a feed belongs to. */
export async function parentFields(lookup: Lookup, object: string): Promise<string[]> {
  const parent = (await lookup.fields(object))?.get("ParentId")?.relationshipName;
  return parent === "Parent" ? ["Parent.Name", "Parent.Type"] : [];
}

/** Those of the wanted fields that this user may read. */
export async function visible(lookup: Lookup, object: string, wanted: string[]): Promise<string[]> {
  const fields = await lookup.fields(object);
  return wanted.filter((name) => fields?.has(name));
}
