import { isHansardError, type SourceContext, UnavailableError, UnexpectedResponseError } from "@hansard/core";
import { z } from "zod";
import { DeletedRecords, Describe, Row, type Settings } from "../schema.ts";
import { type Call, openCaller } from "./caller.ts";
import { openDescriptions } from "./descriptions.ts";
import { codeOf } from "./failure.ts";
import type { Field, Lookup } from "./lookup.ts";
import { queriesOf } from "./soql.ts";

const Answer = z.object({
  done: z.boolean(),
  nextRecordsUrl: z.string().optional(),
  records: z.array(z.record(z.string(), z.json())),
});
type Answer = z.infer<typeof Answer>;

const Refusal = z.array(z.object({ errorCode: z.string(), message: z.string() })).min(1);

/** Without autoFetch off, jsforce stops silently at 10,000 records. */
const QUERY = {
  headers: {},
  autoFetch: false,
  maxFetch: 10_000,
  scanAll: true,
  responseTarget: "QueryResult",
} as const;

const CHANGES = "Id,FieldName,OldValue,NewValue";

/** Salesforce as the connector needs it. */
export interface Session extends Lookup {
  /** The rows of a query in the pages that Salesforce makes, those in the recycle bin included. */
  pages(soql: string): AsyncGenerator<Row[]>;
  /** The rows of a query that is small by nature. */
  rows(soql: string): Promise<Row[]>;
  /** All rows of a sub-select, which Salesforce gives in pages of its own. */
  children(row: Row, relationship: string): Promise<Row[]>;
  deleted(object: string, from: Date, to: Date): Promise<z.infer<typeof DeletedRecords>>;
  /** When the server thinks it is. */
  serverTime(): Promise<Date>;
}

export async function openSession(context: SourceContext<Settings>): Promise<Session> {
  const call = await openCaller(context);
  const descriptions = openDescriptions(context.settings);
  const query: Call = (task, use) =>
    call(task, use).catch((error: unknown) => {
      if (!isHansardError(error, "unexpected-response") || !descriptions.forget()) throw error;
      throw new UnavailableError(`${error.message} The fields may have changed since they were described.`, {
        cause: error,
      });
    });
  async function rows(soql: string): Promise<Row[]> {
    const found: Row[] = [];
    for await (const page of pages(query, soql)) found.push(...page);
    return found;
  }
  async function find(...search: Parameters<Session["find"]>): Promise<Row[]> {
    const found: Row[] = [];
    for (const soql of queriesOf(...search)) found.push(...(await rows(soql)));
    return found;
  }
  return {
    frozen: false,
    pages: (soql) => pages(query, soql),
    rows,
    find,
    async below(relationship, ids) {
      const below = new Map<string, Row[]>();
      const select = ["Id", `(SELECT ${CHANGES} FROM ${relationship})`];
      for (const row of await find("FeedItem", select, "Id", ids))
        below.set(row.Id, await children(call, row, relationship));
      return below;
    },
    children: (row, relationship) => children(call, row, relationship),
    fields: (object) => descriptions.of(object, () => describe(call, object)),
    async deleted(object, from, to) {
      const task = `the deletes of ${object}`;
      return parse(DeletedRecords, await call(task, (connection) => connection.deleted(object, from, to)), task);
    },
    file: (versionId) => file(call, versionId),
    serverTime: () => serverTime(call),
  };
}

async function* pages(call: Call, soql: string): AsyncGenerator<Row[]> {
  const task = `the query on ${/ FROM (\w+)(?!.* FROM )/.exec(soql)?.[1] ?? "an object"}`;
  let answer = parse(Answer, await call(task, (connection) => connection.query(soql, QUERY)), task);
  yield answer.records.map(toRow);
  while (!answer.done) {
    answer = await more(call, answer, task);
    yield answer.records.map(toRow);
  }
}

async function children(call: Call, row: Row, relationship: string): Promise<Row[]> {
  if (row[relationship] === null || row[relationship] === undefined) return [];
  const task = `the sub-select ${relationship}`;
  let answer = parse(Answer, row[relationship], task);
  const found = answer.records.map(toRow);
  while (!answer.done) {
    answer = await more(call, answer, task);
    found.push(...answer.records.map(toRow));
  }
  return found;
}

async function more(call: Call, { nextRecordsUrl }: Answer, task: string): Promise<Answer> {
  if (!nextRecordsUrl)
    throw new UnexpectedResponseError(`The answer to ${task} says that there is more, and not where.`);
  // jsforce keeps only the last part of the address, so the token goes nowhere else.
  return parse(Answer, await call(task, (connection) => connection.queryMore(nextRecordsUrl, QUERY)), task);
}

async function describe(call: Call, object: string): Promise<Map<string, Field> | undefined> {
  const task = `the description of ${object}`;
  const answer = await call(task, (connection) => connection.describe(object).catch(absent));
  if (answer === undefined) return undefined;
  const { fields } = parse(Describe, answer, task);
  return new Map(
    fields.map(({ name, relationshipName, ...field }) => [
      name,
      { ...field, relationshipName: relationshipName ?? undefined },
    ]),
  );
}

async function file(call: Call, versionId: string): Promise<Response | { missing: string }> {
  return await call(`the file ${versionId}`, async (connection, transport) => {
    const url = `${connection._baseUrl()}/sobjects/ContentVersion/${encodeURIComponent(versionId)}/VersionData`;
    const response = await transport.open({
      method: "GET",
      url,
      headers: { Authorization: `Bearer ${connection.accessToken}` },
    });
    if (response.ok) return response;
    const [refusal] = Refusal.safeParse(await response.json().catch(() => undefined)).data ?? [];
    const { errorCode, message } = refusal ?? {
      errorCode: `ERROR_HTTP_${response.status}`,
      message: response.statusText,
    };
    const ofThisFile = response.status === 404 || errorCode.startsWith("INSUFFICIENT_ACCESS");
    if (ofThisFile) return { missing: `Salesforce says ${errorCode}: ${message}` };
    throw Object.assign(new Error(message), { errorCode });
  });
}

async function serverTime(call: Call): Promise<Date> {
  const response = await call("the list of versions", (connection, transport) =>
    transport.open({ method: "GET", url: `${connection.instanceUrl}/services/data` }),
  );
  await response.body?.cancel();
  return new Date(response.headers.get("date") ?? Number.NaN);
}

function absent(error: unknown): undefined {
  if (codeOf(error) === "NOT_FOUND") return undefined;
  throw error;
}

function toRow(record: Answer["records"][number]): Row {
  return parse(Row, plain(record), "a record");
}

/** The API adds `attributes` to every record, the related ones included. They hold addresses of the API and nothing else. */
function plain({ attributes: _attributes, ...record }: Answer["records"][number]): Answer["records"][number] {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, isRelated(value) ? plain(value) : value]),
  );
}

function isRelated(value: unknown): value is Answer["records"][number] {
  return typeof value === "object" && value !== null && "attributes" in value;
}

function parse<Schema extends z.ZodType>(schema: Schema, value: unknown, task: string): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new UnexpectedResponseError(`The answer to ${task} is not as expected: ${z.prettifyError(result.error)}`);
}
