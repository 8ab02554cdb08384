import type { ItemContent, MailAddress, NewAttachment, NewItem, StoredFolder } from "../store-types.ts";
import { type Call, folderAt, itemId } from "./call.ts";
import { each } from "./each.ts";
import { EwsError } from "./fault.ts";
import { readMime } from "./mime.ts";
import { missingProperty } from "./partner.ts";
import { checkShape, DELIVERY_TIME, MESSAGE_FLAGS, propertyName, propertyValue, SUBMIT_TIME } from "./property.ts";
import { child, type Node, text } from "./xml-tree.ts";

const CLASS = /^[\x20-\x7e]{0,254}[\x20-\x2d\x2f-\x7e]$/;
const UNSENT = 8;

export function createItem(call: Call): Promise<string> {
  const { operation } = call;
  return each("CreateItem", child(operation, "Items")?.children ?? [], async (node) => {
    const disposition = operation.attributes["MessageDisposition"];
    if (node.name === "Message" && disposition === undefined) {
      throw new EwsError(
        "ErrorMessageDispositionRequired",
        "The MessageDisposition attribute is required when creating messages.",
      );
    }
    if (disposition === "SendOnly" || disposition === "SendAndSaveCopy")
      throw new EwsError("ErrorInvalidRequest", "This server does not send messages.");
    const target = child(operation, "SavedItemFolderId")?.children[0];
    const item = await readItem(call, node);
    const [folder, ...others] = target ? [folderAt(call, target)] : foldersOf(call, item);
    if (!folder) throw new EwsError("ErrorMissingEmailAddress", "The account has no mailbox, and no folder was named.");
    const [stored] = await Promise.all([folder, ...others].map((one) => call.context.store.createItem(one, item)));
    if (!stored) throw new EwsError("ErrorItemSave", "The item was not saved.");
    return `<m:Items><t:${node.name}>${itemId(stored)}</t:${node.name}></m:Items>`;
  });
}

/** Where a message goes that names no folder: to the drafts, or by the article's rule to everybody who takes part. */
function foldersOf({ context, caller, ingestionFor }: Call, { content }: NewItem): StoredFolder[] {
  const { store } = context;
  if (ingestionFor === undefined) return caller.acting ? [store.wellKnownFolder(caller.acting.id, "drafts")] : [];
  const people = [content.from, ...content.to, ...content.cc, ...content.bcc].flatMap(
    (one) => store.mailbox(one?.address ?? "") ?? [],
  );
  const mailboxes = new Set(people.filter(({ hasMailbox }) => hasMailbox).map(({ id }) => id));
  if (mailboxes.size > 0) return [...mailboxes].map((id) => store.wellKnownFolder(id, "recoverableitemspurges"));
  const thirdParty = store.mailbox(ingestionFor);
  return thirdParty ? [store.wellKnownFolder(thirdParty.id, "inbox")] : [];
}

/** What is to be stored. Throws an EwsError in the server's words where it cannot be. */
export async function readItem(
  { requestId, visibleAt, messageBytes, ingestionFor }: Call,
  node: Node,
): Promise<NewItem> {
  const mimeNode = child(node, "MimeContent");
  const mime = mimeNode && (await readMime(mimeNode.text));
  const itemClass = text(node, "ItemClass") ?? "IPM.Note";
  if (!CLASS.test(itemClass))
    throw new EwsError("ErrorItemSavePropertyError", "The item class is not valid.", { Path: "item:ItemClass" });
  const missing = ingestionFor !== undefined && mime ? missingProperty(mime, text(node, "ItemClass")) : undefined;
  if (missing)
    throw new EwsError(
      "ErrorItemSavePropertyError",
      `The item was not imported: the mandatory property ${missing} is missing or not valid.`,
      { Path: missing },
    );
  const properties = readProperties(node);
  const flags = properties[MESSAGE_FLAGS];
  const now = new Date();
  const sentAt = dateOf(properties[SUBMIT_TIME]) ?? mime?.sentAt ?? now;
  const attachments = mime?.attachments ?? readAttachments(node);
  const bytes =
    mime?.bytes.length ??
    attachments.reduce((sum, { content }) => sum + (content instanceof Uint8Array ? content.length : 0), 0);
  if (bytes > messageBytes)
    throw new EwsError("ErrorMessageSizeExceeded", "The message exceeds the maximum supported size.");
  const messageId = text(node, "InternetMessageId") ?? mime?.internetMessageId;
  return {
    itemClass,
    // Only what says at its creation that it is none, is no draft.
    isDraft: flags === undefined || (Number(flags) & UNSENT) !== 0,
    isRead: isTrue(text(node, "IsRead")) ?? (Number(flags ?? 0) & 1) !== 0,
    receivedAt: dateOf(properties[DELIVERY_TIME]) ?? now,
    sentAt,
    subject: text(node, "Subject") ?? mime?.subject ?? "",
    ...(messageId !== undefined && { internetMessageId: messageId }),
    content: mime?.content ?? readContent(node),
    properties,
    attachments,
    ...(mime && { mime: mime.bytes }),
    requestId,
    ...(visibleAt && { visibleAt }),
  };
}

function readProperties(node: Node): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const property of node.children.filter(({ name }) => name === "ExtendedProperty")) {
    const [path, value] = property.children;
    if (!path || !value) continue;
    const name = propertyName(path);
    checkShape(path, value);
    properties[name] = propertyValue(
      name,
      value.name === "Values" ? value.children.map(({ text }) => text).join("\n") : value.text,
    );
  }
  return properties;
}

function readContent(node: Node): ItemContent {
  const body = child(node, "Body");
  const [from] = readMailboxes(child(node, "From"));
  const [sender = from] = readMailboxes(child(node, "Sender"));
  const importance = text(node, "Importance")?.toLowerCase();
  return {
    body: { contentType: body?.attributes["BodyType"] === "HTML" ? "html" : "text", content: body?.text ?? "" },
    ...(from && { from }),
    ...(sender && { sender }),
    to: readMailboxes(child(node, "ToRecipients")),
    cc: readMailboxes(child(node, "CcRecipients")),
    bcc: readMailboxes(child(node, "BccRecipients")),
    replyTo: readMailboxes(child(node, "ReplyTo")),
    headers: [],
    categories: child(node, "Categories")?.children.map(({ text }) => text) ?? [],
    importance: importance === "low" || importance === "high" ? importance : "normal",
    references: text(node, "References")?.split(/\s+/) ?? [],
  };
}

function readMailboxes(node: Node | undefined): MailAddress[] {
  return (node?.children ?? []).flatMap((mailbox) => {
    const address = text(mailbox, "EmailAddress");
    const name = text(mailbox, "Name");
    return address === undefined ? [] : [{ address, ...(name !== undefined && { name }) }];
  });
}

function readAttachments(node: Node): NewAttachment[] {
  return child(node, "Attachments")?.children.map(readAttachment) ?? [];
}

export function readAttachment(node: Node): NewAttachment {
  const contentId = text(node, "ContentId");
  return {
    name: text(node, "Name") ?? "",
    contentType: text(node, "ContentType") ?? "application/octet-stream",
    isInline: isTrue(text(node, "IsInline")) ?? false,
    ...(contentId !== undefined && { contentId }),
    content: Buffer.from(text(node, "Content") ?? "", "base64"),
  };
}

function isTrue(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : value === "true" || value === "1";
}

function dateOf(value: string | undefined): Date | undefined {
  return value === undefined ? undefined : new Date(value);
}
