import { z } from "zod";
import { badRequest, GraphError, notFound } from "./graph-error.ts";
import { type Filter, parseFilter } from "./graph-filter.ts";
import { folderNamed, nextLink } from "./graph-folders.ts";
import { contentOf, readChanges, readMessage } from "./graph-message-json.ts";
import { messageJson } from "./graph-output.ts";
import { canonicalProperty } from "./graph-property.ts";
import { answerBelowMessage, type MailboxRequest, type Place } from "./graph-router.ts";
import type { Answer } from "./server-http.ts";
import { readId } from "./store-id.ts";
import type { ItemField, ItemFilter } from "./store-query.ts";
import type { StoredFolder, StoredItem } from "./store-types.ts";

const Destination = z.object({ destinationId: z.string() });
const MOST_TOP = 1000;
const FIELDS: Record<string, ItemField> = {
  subject: "subject",
  internetmessageid: "internetMessageId",
  receiveddatetime: "receivedAt",
  sentdatetime: "sentAt",
  createddatetime: "createdAt",
  isread: "isRead",
  isdraft: "isDraft",
  hasattachments: "hasAttachments",
};

/** `/messages` of a mailbox or of a folder, and all that stands below it. */
export async function answerMessages(request: MailboxRequest, { folder, rest }: Place): Promise<Answer> {
  const { asked } = request;
  const [id, action, ...more] = rest;
  if (id === undefined) {
    if (asked.method === "POST") return create(request, folder);
    return list(request, folder);
  }
  const item = itemNamed(request, id, folder);
  if (action === undefined) return answerOne(request, item);
  if (action === "move") return move(request, item);
  if (action === "permanentDelete") return purge(request, item);
  if (action === "$value")
    return { status: 200, headers: { "content-type": "text/plain" }, stream: request.context.store.readMime(item) };
  if (action === "attachments") return answerBelowMessage(request, item, more);
  throw badRequest("BadRequest", `Resource not found for the segment '${action}'.`);
}

/** Without a folder a message is made in Drafts. */
async function create(request: MailboxRequest, folder: StoredFolder | undefined): Promise<Answer> {
  const { asked, context, mailbox, view, visibleAt } = request;
  if (asked.body instanceof Uint8Array)
    throw badRequest("ErrorMimeContentInvalid", "This server makes messages from JSON: MIME would make a draft.");
  const item = { ...readMessage(asked.body, asked.requestId), ...(visibleAt !== undefined && { visibleAt }) };
  const stored = await context.store.createItem(folder ?? context.store.wellKnownFolder(mailbox.id, "drafts"), item);
  const json = {
    "@odata.context": `${context.url()}/v1.0/$metadata#users('${mailbox.objectId}')/messages/$entity`,
    ...messageJson(context.store, stored, view),
  };
  return { status: 201, json };
}

function list(request: MailboxRequest, folder: StoredFolder | undefined): Answer {
  const { asked, context, mailbox, view } = request;
  if (asked.method !== "GET") throw badRequest("BadRequest", `${asked.method} is not supported here.`);
  const [top, skip] = [count(asked.query.get("$top"), 10), count(asked.query.get("$skip"), 0)];
  if (top > MOST_TOP || top < 1)
    throw badRequest("ErrorInvalidUrlQuery", "The value of $top must be between 1 and 1000.");
  const filter = asked.query.get("$filter");
  const { items, total } = context.store.findItems({
    mailbox: mailbox.id,
    ...(folder !== undefined && { folder: folder.id }),
    ...(filter !== null && { filter: itemFilter(parseFilter(filter)) }),
    orderBy: orderOf(asked.query.get("$orderby")),
    offset: skip,
    limit: top,
  });
  const isShort = filter === null && context.faults.strike("short-list", { mailbox: mailbox.address, isWrite: false });
  if (isShort)
    return { status: 200, json: { value: items.slice(1).map((item) => messageJson(context.store, item, view)) } };
  const json = {
    ...(asked.query.get("$count") === "true" && { "@odata.count": total }),
    value: items.map((item) => messageJson(context.store, item, view)),
    ...(skip + items.length < total && { "@odata.nextLink": nextLink(request, skip + items.length) }),
  };
  return { status: 200, json };
}

/** An ordinary id is valid only while the message stays where it was. */
function itemNamed({ context, mailbox }: MailboxRequest, name: string, folder: StoredFolder | undefined): StoredItem {
  const id = readId(name);
  if (id === undefined || (id.kind !== "item" && id.kind !== "immutable-item"))
    throw badRequest("ErrorInvalidIdMalformed", "Id is malformed.");
  const item = id.mailbox === mailbox.id ? context.store.item(id.number) : undefined;
  const isStale = item !== undefined && id.kind === "item" && id.folder !== item.folder;
  if (item === undefined || isStale || (folder !== undefined && folder.id !== item.folder)) throw notFound();
  return item;
}

async function answerOne(request: MailboxRequest, item: StoredItem): Promise<Answer> {
  const { asked, context, view } = request;
  if (asked.method === "GET") return { status: 200, json: messageJson(context.store, item, view) };
  if (asked.method === "DELETE") {
    const isRecoverable = context.store.folder(item.folder)?.wellKnown?.startsWith("recoverable") === true;
    if (isRecoverable) throw new GraphError(403, "ErrorCannotDeleteObject", "The object cannot be deleted.");
    await context.store.moveItem(item.id, context.store.wellKnownFolder(item.mailbox, "recoverableitemsdeletions"));
    return { status: 204 };
  }
  if (asked.method !== "PATCH") throw badRequest("BadRequest", `${asked.method} is not supported here.`);
  return patch(request, item);
}

/** What was said stays said: of a message that is no draft, only what its reader marks it with is changed. */
async function patch({ asked, context, view }: MailboxRequest, item: StoredItem): Promise<Answer> {
  const { message, properties } = readChanges(asked.body);
  const isReadersOnly = Object.keys(asked.body ?? {}).every((name) =>
    ["isRead", "categories", "singleValueExtendedProperties"].includes(name),
  );
  if (!item.isDraft && !isReadersOnly)
    throw new GraphError(
      403,
      "ErrorAccessDenied",
      "Updating this property of a message that is not a draft needs Mail-Advanced.ReadWrite.",
    );
  const next = await context.store.updateItem(item.id, {
    isRead: message.isRead ?? item.isRead,
    subject: message.subject ?? item.subject,
    content: contentOf(message, properties, item.content),
    properties,
  });
  if (next === undefined) throw notFound();
  return { status: 200, json: messageJson(context.store, next, view) };
}

async function move(request: MailboxRequest, item: StoredItem): Promise<Answer> {
  const { asked, context, view } = request;
  const body = Destination.safeParse(asked.body);
  if (!body.success) throw badRequest("ErrorInvalidRequest", "Cannot read the property 'DestinationId'.");
  const moved = await context.store.moveItem(item.id, folderNamed(request, body.data.destinationId));
  if (moved === undefined) throw notFound();
  return { status: 201, json: messageJson(context.store, moved, view) };
}

async function purge({ context }: MailboxRequest, item: StoredItem): Promise<Answer> {
  await context.store.purgeItem(item.id);
  return { status: 204 };
}

function itemFilter(filter: Filter): ItemFilter {
  if ("and" in filter) return { and: filter.and.map(itemFilter) };
  if ("or" in filter) return { or: filter.or.map(itemFilter) };
  if ("not" in filter) return { not: itemFilter(filter.not) };
  if ("any" in filter) return propertyFilter(filter);
  const field = FIELDS[filter.path.toLowerCase()];
  if (field === undefined)
    throw badRequest(
      "BadRequest",
      `Could not find a property named '${filter.path}' on type 'microsoft.graph.message'.`,
    );
  if (filter.value === null)
    throw badRequest("ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.");
  return { field, is: filter.is, value: filter.value };
}

/** `singleValueExtendedProperties/Any(ep: ep/id eq '…' and ep/value eq '…')`. */
function propertyFilter({ any, variable, body }: Extract<Filter, { any: string }>): ItemFilter {
  const parts = "and" in body ? body.and : [body];
  let id: string | undefined;
  let value: { is: "eq" | "ne" | "contains" | "startsWith" | "gt" | "ge" | "lt" | "le"; text: string } | undefined;
  for (const part of parts) {
    if (!("path" in part)) continue;
    if (part.path === `${variable}/id` && part.is === "eq") id = String(part.value);
    else if (part.path === `${variable}/value`) value = { is: part.is, text: String(part.value) };
  }
  if (any.toLowerCase() !== "singlevalueextendedproperties" || id === undefined) {
    throw badRequest("ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.");
  }
  const property = canonicalProperty(id);
  return value === undefined ? { hasProperty: property } : { property, is: value.is, value: value.text };
}

function orderOf(text: string | null): { field: ItemField; descending?: boolean }[] {
  return (text ?? "").split(",").flatMap((part) => {
    const [path = "", direction = "asc"] = part.trim().split(/\s+/);
    if (path === "") return [];
    const field = FIELDS[path.toLowerCase()];
    if (field === undefined) throw badRequest("ErrorInvalidUrlQuery", `Cannot order by '${path}'.`);
    return [{ field, descending: direction.toLowerCase() === "desc" }];
  });
}

function count(text: string | null, otherwise: number): number {
  if (text === null) return otherwise;
  if (!/^\d+$/.test(text)) throw badRequest("ErrorInvalidUrlQuery", `'${text}' is not a number.`);
  return Number(text);
}
