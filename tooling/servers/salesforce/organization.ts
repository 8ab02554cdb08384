import { createHash } from "node:crypto";
import { objectRules, type Variant } from "./objects.ts";
import type { Random } from "../../random.ts";
import { type Record, SalesforceError, type Store, type Value } from "./soql.ts";
import { createTruth, type Truth } from "./truth.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIXES: { [object: string]: string } = {
  FeedItem: "0D5",
  FeedComment: "0D7",
  FeedRevision: "08P",
  FeedAttachment: "08U",
  FeedLike: "0I0",
  FeedTrackedChange: "08F",
  FeedPollChoice: "09A",
  FeedPollVote: "09B",
  ContentVersion: "068",
  ContentDocument: "069",
  ChatterMessage: "03Y",
  ChatterConversation: "03X",
  ChatterConversationMember: "03Z",
  CollaborationGroup: "0F9",
  CollaborationGroupMember: "0FB",
  User: "005",
  Account: "001",
  UserPermissionAccess: "0PA",
};
const LOG_REACH_MS = 15 * 86_400_000;

/** A fictitious organization: its records, its clock, what it can still tell, and what really happened in it. */
export interface Organization extends Store {
  random: Random;
  variant: Variant;
  truth: Truth;
  now(): Date;
  /** As Salesforce writes a time. */
  time(at?: Date): string;
  advance(ms: number): void;
  id(object: string): string;
  /** `visibleAfterMs`: a transaction may end, and its records appear, minutes after the times that they bear. */
  insert(object: string, fields: { [field: string]: Value }, options?: { visibleAfterMs?: number }): Record;
  all(object: string): Record[];
  /** Removes a record; the log of deletes tells it where the object has one and `logged` is not false. */
  remove(object: string, id: string, options?: { logged?: boolean; soft?: boolean }): void;
  isVisible(id: string): boolean;
  deletedBetween(object: string, start: Date, end: Date): { id: string; deletedDate: string }[];
  contents: Map<string, { bytes: Uint8Array; availableAt: number }>;
  addContent(
    bytes: Uint8Array,
    name: string,
    by: string,
    options?: { document?: string; number?: number; availableAt?: number },
  ): Record;
}

interface State {
  random: Random;
  rules: Organization["rules"];
  tables: Map<string, Map<string, Record>>;
  visibleAt: Map<string, number>;
  log: { object: string; id: string; at: number }[];
  contents: Organization["contents"];
  names: Map<string, { Name: string; Type: string }>;
  clock: number;
}

export function createOrganization(random: Random, variant: Variant, startsAt: Date): Organization {
  const state: State = {
    random,
    rules: objectRules(variant),
    tables: new Map(),
    visibleAt: new Map(),
    log: [],
    contents: new Map(),
    names: new Map(),
    clock: startsAt.getTime(),
  };
  return {
    random,
    variant,
    rules: state.rules,
    truth: createTruth(),
    contents: state.contents,
    now: () => new Date(state.clock),
    time: (at = new Date(state.clock)) => toTime(at),
    advance(ms) {
      state.clock += ms;
    },
    id: (object) => newId(PREFIXES[object] ?? "a00", random),
    insert: (object, fields, options) => insert(state, object, fields, options),
    all: (object) => [...table(state, object).values()],
    records: (object, includeDeleted) =>
      [...table(state, object).values()].filter((record) => shows(state, record, includeDeleted)),
    record(object, id, includeDeleted) {
      const record = table(state, object).get(id);
      return record && shows(state, record, includeDeleted) ? record : undefined;
    },
    related: (id) => state.names.get(id) ?? { Name: id, Type: "Name" },
    remove: (object, id, options) => remove(state, object, id, options),
    isVisible: (id) => (state.visibleAt.get(id) ?? Number.POSITIVE_INFINITY) <= state.clock,
    deletedBetween: (object, start, end) => deletedBetween(state, object, start, end),
    addContent: (bytes, name, by, options) => addContent(state, bytes, { name, by, ...options }),
  };
}

function insert(
  state: State,
  object: string,
  fields: { [field: string]: Value },
  { visibleAfterMs = 0 }: { visibleAfterMs?: number } = {},
): Record {
  const record: Record = { IsDeleted: false, ...fields, Id: newId(PREFIXES[object] ?? "a00", state.random) };
  table(state, object).set(record.Id, record);
  state.visibleAt.set(record.Id, state.clock + visibleAfterMs);
  if (typeof record["Name"] === "string") state.names.set(record.Id, { Name: record["Name"], Type: object });
  return record;
}

function remove(
  state: State,
  object: string,
  id: string,
  { logged = true, soft = false }: { logged?: boolean; soft?: boolean } = {},
): void {
  const record = table(state, object).get(id);
  if (!record) throw new Error(`There is no ${object} ${id}.`);
  if (soft) Object.assign(record, { IsDeleted: true, SystemModstamp: toTime(new Date(state.clock)) });
  else table(state, object).delete(id);
  if (logged && state.rules[object]?.logsDeletes) state.log.push({ object, id, at: state.clock });
}

/** The log tells 15 days, takes spans of more than a minute, and drops the seconds of both ends. */
function deletedBetween(
  { rules, log, clock }: State,
  object: string,
  start: Date,
  end: Date,
): { id: string; deletedDate: string }[] {
  if (!rules[object]?.logsDeletes) throw new SalesforceError(404, "NOT_FOUND", "The requested resource does not exist");
  if (end.getTime() - start.getTime() <= 60_000)
    throw new SalesforceError(400, "INVALID_REPLICATION_DATE", "startDate must be more than one minute before endDate");
  if (start.getTime() < clock - LOG_REACH_MS)
    throw new SalesforceError(400, "INVALID_REPLICATION_DATE", "startDate is before what the log holds");
  const [from = 0, to = 0] = [start, end].map((at) => Math.floor(at.getTime() / 60_000) * 60_000);
  return log
    .filter((entry) => entry.object === object && entry.at >= from && entry.at < to)
    .map(({ id, at }) => ({ id, deletedDate: toTime(new Date(at)) }));
}

interface NewContent {
  name: string;
  by: string;
  document?: string;
  number?: number;
  availableAt?: number;
}

function addContent(
  state: State,
  bytes: Uint8Array,
  { name, by, document = newId("069", state.random), number = 1, availableAt = 0 }: NewContent,
): Record {
  const version = insert(state, "ContentVersion", {
    CreatedById: by,
    CreatedDate: toTime(new Date(state.clock)),
    ContentDocumentId: document,
    Title: name,
    PathOnClient: name,
    FileExtension: name.split(".").at(-1) ?? null,
    FileType: "UNKNOWN",
    ContentSize: bytes.length,
    Checksum: createHash("md5").update(bytes).digest("hex"),
    VersionNumber: String(number),
  });
  state.contents.set(version.Id, { bytes, availableAt });
  return version;
}

function table({ tables }: State, object: string): Map<string, Record> {
  const found = tables.get(object) ?? new Map<string, Record>();
  tables.set(object, found);
  return found;
}

function shows({ visibleAt, clock }: State, record: Record, includeDeleted: boolean): boolean {
  return (visibleAt.get(record.Id) ?? 0) <= clock && (includeDeleted || record["IsDeleted"] !== true);
}

/** Salesforce keeps whole seconds, so that equal times are common. */
function toTime(at: Date): string {
  return new Date(Math.floor(at.getTime() / 1000) * 1000).toISOString().replace("Z", "+0000");
}

/** An id of 18 characters: 15 that tell case apart, and a checksum of the case for systems that do not. */
export function newId(prefix: string, random: Random): string {
  const short = prefix + Array.from({ length: 15 - prefix.length }, () => ALPHABET[random.between(0, 61)]).join("");
  return short + checksum(short);
}

export function checksum(short: string): string {
  const groups = [short.slice(0, 5), short.slice(5, 10), short.slice(10, 15)];
  return groups.map((group) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[capitals(group)]).join("");
}

function capitals(group: string): number {
  let sum = 0;
  for (let index = 0; index < group.length; index += 1) if (/[A-Z]/.test(group.charAt(index))) sum += 2 ** index;
  return sum;
}
