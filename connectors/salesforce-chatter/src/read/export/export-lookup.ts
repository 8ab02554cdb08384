import type { Readable } from "node:stream";
import type { Field, Lookup } from "../lookup.ts";
import { text } from "../values.ts";
import type { Row } from "../../schema.ts";
import type { ExportArchive } from "./archive.ts";
import { tableRows } from "./table.ts";

/** The tables that others refer to, and the fields that they are found by. Posts are kept without what they say. */
const INDEXED: Record<string, { by: string[]; keep?: string[] }> = {
  User: { by: ["Id"], keep: ["Id", "Name", "FirstName", "LastName", "Email", "Username", "UserType"] },
  CollaborationGroup: { by: ["Id"], keep: ["Id", "Name", "CollaborationType", "NetworkId"] },
  CollaborationGroupMember: { by: ["CollaborationGroupId"], keep: ["Id", "CollaborationGroupId", "MemberId"] },
  FeedItem: { by: ["Id"], keep: ["Id", "Type", "ParentId", "CreatedById", "CreatedDate"] },
  FeedRevision: { by: ["FeedEntityId"] },
  FeedAttachment: { by: ["FeedEntityId"] },
  FeedTrackedChange: { by: ["FeedItemId"] },
  FeedPollChoice: { by: ["FeedItemId"] },
  ContentVersion: { by: ["Id", "ContentDocumentId"] },
  ChatterConversationMember: { by: ["ConversationId"] },
};

type Index = Map<string, Row[]>;

/** Finds in an export what the live connector asks Salesforce for. It is held in memory, some hundred bytes for each post. */
export async function openLookup(archive: ExportArchive): Promise<Lookup> {
  const indexes = new Map<string, Index>();
  const columns = new Map<string, Map<string, Field>>();
  for (const [object, { by, keep }] of Object.entries(INDEXED)) await load(object, by, keep);

  async function load(object: string, by: string[], keep: string[] | undefined): Promise<void> {
    for (const field of by) indexes.set(`${object}.${field}`, new Map());
    for await (const row of tableRows(archive, object)) {
      if (!columns.has(object)) columns.set(object, new Map(Object.keys(withName(row)).map((name) => [name, FIELD])));
      const kept = keep ? only(withName(row), keep) : row;
      for (const field of by) add(indexes.get(`${object}.${field}`), text(row, field), kept);
    }
  }

  return {
    frozen: true,
    fields: async (object) => columns.get(object),
    async find(object, select, field, ids) {
      const index = indexes.get(`${object}.${field}`);
      return [...new Set(ids)].flatMap((id) => index?.get(id) ?? []).map((row) => only(row, select));
    },
    async below(_relationship, ids) {
      const index = indexes.get("FeedTrackedChange.FeedItemId");
      return new Map(
        ids.map((id) => [
          id,
          (index?.get(id) ?? []).map((row) => only(row, ["Id", "FieldName", "OldValue", "NewValue"])),
        ]),
      );
    },
    async file(versionId) {
      const part = archive.content(versionId);
      return part ? new Response(toWeb(await part.open())) : { missing: "The export does not hold it." };
    },
  };
}

const FIELD: Field = { type: "string", filterable: true, sortable: true, relationshipName: undefined };

function add(index: Index | undefined, key: string | undefined, row: Row): void {
  if (!index || key === undefined) return;
  const rows = index.get(key);
  if (rows) rows.push(row);
  else index.set(key, [row]);
}

/** The weekly export holds first and last names only; the API makes a name of them. */
function withName(row: Row): Row {
  if ("Name" in row || !("LastName" in row)) return row;
  return { ...row, Name: [text(row, "FirstName"), text(row, "LastName")].filter(Boolean).join(" ") };
}

function only(row: Row, fields: string[]): Row {
  return {
    ...Object.fromEntries(fields.flatMap((field) => (field in row ? [[field, row[field] ?? null]] : []))),
    Id: row.Id,
  };
}

function toWeb(stream: Readable): ReadableStream<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(Buffer.from(value));
    },
    cancel: () => void stream.destroy(),
  });
}
