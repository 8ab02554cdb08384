import { z } from "zod";
import { badRequest, GraphError, notFound } from "./graph-error.ts";
import { FileAttachment, readAttachment } from "./graph-message-json.ts";
import { attachmentJson } from "./graph-output.ts";
import type { MailboxRequest } from "./graph-router.ts";
import type { Answer } from "./server-http.ts";
import { readId } from "./store-id.ts";
import type { StoredAttachment, StoredItem } from "./store-types.ts";

const NewSession = z.object({
  AttachmentItem: z.object({
    attachmentType: z.literal("file"),
    name: z.string().min(1),
    size: z.int().positive(),
    contentType: z.string().nullish(),
    isInline: z.boolean().nullish(),
    contentId: z.string().nullish(),
  }),
});

const LEAST_BYTES = 3_000_000;
const MOST_BYTES = 150 * 1024 * 1024;

/** `/attachments` of a message. */
export async function answerAttachments(request: MailboxRequest, item: StoredItem, path: string[]): Promise<Answer> {
  const { asked, context, view } = request;
  const [id, section] = path;
  if (id === "createUploadSession" && asked.method === "POST") return createSession(request, item);
  if (id === undefined && asked.method === "POST") return add(request, item);
  if (asked.method !== "GET") throw badRequest("BadRequest", `${asked.method} is not supported here.`);
  if (id === undefined) {
    const value = await Promise.all(
      context.store
        .attachments(item.id)
        .map(async (attachment) =>
          attachmentJson(attachment, item.mailbox, view, await contentIfAsked(request, attachment)),
        ),
    );
    return { status: 200, json: { value } };
  }
  const attachment = attachmentNamed(request, item, id);
  if (section === "$value") {
    return {
      status: 200,
      headers: { "content-type": attachment.contentType, "content-length": String(attachment.size) },
      stream: context.store.readAttachment(attachment),
    };
  }
  return {
    status: 200,
    json: attachmentJson(attachment, item.mailbox, view, await contentIfAsked(request, attachment)),
  };
}

/** Graph gives the bytes along unless the client selects without them. */
async function contentIfAsked(
  { context, view }: MailboxRequest,
  attachment: StoredAttachment,
): Promise<Buffer | undefined> {
  if (view.select !== undefined && !view.select.includes("contentBytes")) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of context.store.readAttachment(attachment)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function attachmentNamed({ context, mailbox }: MailboxRequest, item: StoredItem, name: string): StoredAttachment {
  const id = readId(name);
  if (id?.kind !== "attachment") throw badRequest("ErrorInvalidIdMalformed", "Id is malformed.");
  const attachment = id.mailbox === mailbox.id ? context.store.attachment(id.number) : undefined;
  if (attachment?.item !== item.id) throw notFound();
  return attachment;
}

async function add({ asked, context, view }: MailboxRequest, item: StoredItem): Promise<Answer> {
  const parsed = FileAttachment.safeParse(asked.body);
  if (!parsed.success)
    throw badRequest("RequestBodyRead", `Cannot read the property '${parsed.error.issues[0]?.path.join("/") ?? ""}'.`);
  const stored = await context.store.addAttachment(item.id, readAttachment(parsed.data));
  return { status: 201, json: attachmentJson(stored, item.mailbox, view) };
}

async function createSession({ asked, uploads, mailbox }: MailboxRequest, item: StoredItem): Promise<Answer> {
  const parsed = NewSession.safeParse(asked.body);
  if (!parsed.success)
    throw badRequest("ErrorInvalidRequest", "An AttachmentItem with attachmentType, name and size is needed.");
  const { name, size, contentType, isInline, contentId } = parsed.data.AttachmentItem;
  if (size < LEAST_BYTES)
    throw badRequest(
      "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
      "The attachment is smaller than 3 MB. Post it at once.",
    );
  if (size > MOST_BYTES)
    throw new GraphError(413, "ErrorAttachmentSizeLimitExceeded", "The attachment is larger than 150 MB.");
  const session = uploads.create(item.id, mailbox.id, asked.caller.application.clientId, size, {
    name,
    contentType: contentType ?? "application/octet-stream",
    isInline: isInline ?? false,
    ...(typeof contentId === "string" && { contentId }),
  });
  return {
    status: 201,
    json: { "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.uploadSession", ...session },
  };
}
