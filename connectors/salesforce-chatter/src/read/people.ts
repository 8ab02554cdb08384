import type { Row } from "../schema.ts";
import type { Batch } from "./batch.ts";
import { share } from "./batch.ts";
import { type Lookup, visible } from "./lookup.ts";
import { text } from "./values.ts";

const USER = "005";
const GROUP = "0F9";

/** Who and where, as they are at this read. Each is asked for once. */
export interface People {
  /** Fetches what `person` and `place` will be asked for. */
  load(ids: Iterable<string | undefined>): Promise<void>;
  /** Adds the person as a context and gives its id. */
  person(batch: Batch, id: string | undefined): Record<string, string>;
  /** Adds several people as one context. */
  audience(batch: Batch, name: string, ids: string[]): Record<string, string>;
  /** Adds the group, profile or record that a feed belongs to, and the members of a group that is not public. */
  place(batch: Batch, id: string | undefined, parent: unknown): Record<string, string>;
}

interface Known {
  lookup: Lookup;
  users: Map<string, Row>;
  groups: Map<string, Row>;
  /** Of the groups that are not public. */
  members: Map<string, string[]>;
}

export function createPeople(lookup: Lookup): People {
  const known: Known = { lookup, users: new Map(), groups: new Map(), members: new Map() };
  return {
    load: (ids) => load(known, ids),
    person: (batch, id) => (id === undefined ? {} : { person: share(batch, "person", userOf(known, id)) }),
    audience: (batch, name, ids) => audience(known, batch, name, ids),
    place: (batch, id, parent) => (id === undefined ? {} : place(known, batch, id, parent)),
  };
}

async function load(known: Known, ids: Iterable<string | undefined>): Promise<void> {
  const wanted = [...new Set(ids)].filter((id) => id !== undefined);
  const newGroups = wanted.filter((id) => id.startsWith(GROUP) && !known.groups.has(id));
  await loadGroups(known, newGroups);
  const inGroups = newGroups.flatMap((id) => known.members.get(id) ?? []);
  const newUsers = [...wanted, ...inGroups].filter((id) => id.startsWith(USER) && !known.users.has(id));
  const found = await fetch(known, "User", ["Id", "Name", "Email", "Username", "UserType"], newUsers);
  for (const id of newUsers) known.users.set(id, { Id: id });
  for (const user of found) known.users.set(user.Id, user);
}

async function loadGroups(known: Known, ids: string[]): Promise<void> {
  const { lookup, groups, members } = known;
  for (const id of ids) groups.set(id, { Id: id });
  for (const group of await fetch(known, "CollaborationGroup", ["Id", "Name", "CollaborationType", "NetworkId"], ids))
    groups.set(group.Id, group);
  const closed = ids.filter((id) => (text(groups.get(id) ?? { Id: id }, "CollaborationType") ?? "Public") !== "Public");
  for (const id of closed) {
    const found = await lookup.find(
      "CollaborationGroupMember",
      ["Id", "CollaborationGroupId", "MemberId"],
      "CollaborationGroupId",
      [id],
    );
    members.set(id, found.flatMap((row) => text(row, "MemberId") ?? []).sort());
  }
}

async function fetch({ lookup }: Known, object: string, wanted: string[], ids: string[]): Promise<Row[]> {
  if (ids.length === 0) return [];
  return await lookup.find(object, await visible(lookup, object, wanted), "Id", ids);
}

function userOf({ users }: Known, id: string): Row {
  return users.get(id) ?? { Id: id };
}

function audience(known: Known, batch: Batch, name: string, ids: string[]): Record<string, string> {
  const people = ids.map((id) => userOf(known, id));
  return { [name]: share(batch, "audience", people) };
}

function place(known: Known, batch: Batch, id: string, parent: unknown): Record<string, string> {
  const closedTo = known.members.get(id);
  return {
    place: share(batch, "place", { ...told(parent), ...ownRecord(known, id), Id: id }),
    ...(closedTo && audience(known, batch, "audience", closedTo)),
  };
}

function ownRecord(known: Known, id: string): Record<string, Row[string]> {
  if (id.startsWith(GROUP)) return { Type: "CollaborationGroup", ...known.groups.get(id) };
  return id.startsWith(USER) ? { Type: "User", ...userOf(known, id) } : {};
}

/** The name and type that a query gives of any other record. */
function told(parent: unknown): Record<string, string> {
  const fields = typeof parent === "object" && parent !== null ? Object.entries(parent) : [];
  return Object.fromEntries(fields.filter((field): field is [string, string] => typeof field[1] === "string"));
}
