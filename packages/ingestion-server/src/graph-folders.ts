import { z } from "zod";
import { badRequest, GraphError, notFound } from "./graph-error.ts";
import { answerMessages } from "./graph-messages.ts";
import { folderJson } from "./graph-output.ts";
import type { MailboxRequest } from "./graph-router.ts";
import type { Answer } from "./server-http.ts";
import { readId } from "./store-id.ts";
import { type StoredFolder, WELL_KNOWN } from "./store-types.ts";

const NewFolder = z.object({ displayName: z.string().min(1).max(255), isHidden: z.boolean().optional() });

/** `/mailFolders`, and all that stands below it. */
export async function answerFolders(request: MailboxRequest, path: string[]): Promise<Answer> {
  const { mailbox, context, asked } = request;
  const [name, section, ...rest] = path;
  const root = context.store.wellKnownFolder(mailbox.id, "msgfolderroot");
  if (name === undefined) return answerCollection(request, root);
  const folder = folderNamed(request, name);
  if (section === undefined) return answerOne(request, folder);
  if (section.toLowerCase() === "childfolders")
    return rest.length === 0 ? answerCollection(request, folder) : answerFolders(request, rest);
  if (section === "permanentDelete" && asked.method === "POST") {
    if (folder.wellKnown !== undefined)
      throw new GraphError(403, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted.");
    await context.store.removeFolder(folder.id);
    return { status: 204 };
  }
  if (section === "messages") return answerMessages(request, { folder, rest });
  throw badRequest("BadRequest", `Resource not found for the segment '${section}'.`);
}

/** By its well-known name or by its id. */
export function folderNamed({ context, mailbox }: MailboxRequest, name: string): StoredFolder {
  const wellKnown = WELL_KNOWN.find((known) => known === name.toLowerCase());
  if (wellKnown !== undefined) return context.store.wellKnownFolder(mailbox.id, wellKnown);
  const id = readId(name);
  if (id === undefined) throw badRequest("ErrorInvalidIdMalformed", "Id is malformed.");
  const folder = id.kind === "folder" && id.mailbox === mailbox.id ? context.store.folder(id.number) : undefined;
  if (folder === undefined) throw notFound();
  return folder;
}

async function answerCollection(request: MailboxRequest, parent: StoredFolder): Promise<Answer> {
  const { asked, context, mailbox, view } = request;
  if (asked.method === "POST") return create(request, parent);
  if (asked.method !== "GET") throw badRequest("BadRequest", `${asked.method} is not supported here.`);
  const isHiddenShown = asked.query.get("includeHiddenFolders")?.toLowerCase() === "true";
  const named = /^\s*displayName\s+eq\s+'((?:[^']|'')*)'\s*$/i
    .exec(asked.query.get("$filter") ?? "")?.[1]
    ?.replaceAll("''", "'");
  const all = context.store
    .childFolders(mailbox.id, parent.id)
    .filter(
      ({ isHidden, name }) =>
        (isHiddenShown || !isHidden || parent.isHidden) &&
        (named === undefined || name.toLowerCase() === named.toLowerCase()),
    );
  const top = Number(asked.query.get("$top") ?? 10);
  const skip = Number(asked.query.get("$skip") ?? 0);
  const next = skip + top < all.length ? { "@odata.nextLink": nextLink(request, skip + top) } : {};
  return {
    status: 200,
    json: { value: all.slice(skip, skip + top).map((folder) => folderJson(context.store, folder, view)), ...next },
  };
}

async function create({ asked, context, mailbox, view }: MailboxRequest, parent: StoredFolder): Promise<Answer> {
  const folder = NewFolder.safeParse(asked.body);
  if (!folder.success) throw badRequest("RequestBodyRead", "A folder needs a displayName of 1 to 255 characters.");
  const { displayName, isHidden = false } = folder.data;
  const made = await context.store.createFolder(mailbox.id, parent.id, displayName, { isHidden });
  return { status: 201, json: folderJson(context.store, made, view) };
}

async function answerOne({ asked, context, view }: MailboxRequest, folder: StoredFolder): Promise<Answer> {
  if (asked.method !== "GET") throw badRequest("BadRequest", `${asked.method} is not supported here.`);
  return { status: 200, json: folderJson(context.store, folder, view) };
}

/** The same request, further on. */
export function nextLink({ context, asked }: MailboxRequest, skip: number): string {
  const query = new URLSearchParams(asked.query);
  query.set("$skip", String(skip));
  return `${context.url()}/v1.0/${asked.path.map(encodeURIComponent).join("/")}?${query.toString()}`;
}
