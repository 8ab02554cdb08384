import type { MailAddress, StoredAttachment, StoredItem } from "../store-types.ts";
import { writeId } from "../store-id.ts";
import { type Call, folderId, itemId } from "./call.ts";
import { propertyName, valueOf } from "./property.ts";
import { child, element, escaped, type Node, text } from "./xml-tree.ts";

/** What a shape asks for. */
interface Wanted {
  base: "IdOnly" | "Default" | "AllProperties";
  fields: Set<string>;
  properties: Node[];
  withMime: boolean;
  bodyType: string;
}

const DEFAULTS = new Set(
  "item:Subject item:Body item:Attachments item:Sensitivity item:Size item:DateTimeSent item:DateTimeCreated item:HasAttachments message:ToRecipients message:CcRecipients message:From message:InternetMessageId message:IsRead item:ResponseObjects".split(
    " ",
  ),
);
/** FindItem never gives these, whatever is asked. */
const NOT_IN_LISTS = new Set(
  "item:Body item:Attachments item:InternetMessageHeaders message:ToRecipients message:CcRecipients message:BccRecipients message:ReplyTo item:MimeContent".split(
    " ",
  ),
);

/** The item as an element, its properties in the schema's order. */
export async function writeItem(
  call: Call,
  item: StoredItem,
  shape: Node | undefined,
  isList = false,
): Promise<string> {
  const wanted = readShape(shape);
  const { store } = call.context;
  const has = (field: string): boolean => {
    if (isList && NOT_IN_LISTS.has(field)) return false;
    return (
      wanted.base === "AllProperties" || wanted.fields.has(field) || (wanted.base === "Default" && DEFAULTS.has(field))
    );
  };
  const show = (field: string, content: () => string): string => (has(field) ? content() : "");
  const { content } = item;
  const attachments = store.attachments(item.id);
  const mime = wanted.withMime && !isList ? await mimeOf(call, item) : "";
  const kind = /^IPM\.Note(\.|$)/i.test(item.itemClass)
    ? "Message"
    : item.itemClass.toUpperCase().startsWith("IPM.EXTERNALDATA")
      ? "Message"
      : "Item";
  const before =
    mime +
    itemId(item) +
    show("item:ParentFolderId", () => folderId({ id: item.folder, mailbox: item.mailbox }, "ParentFolderId")) +
    show("item:ItemClass", () => element("ItemClass", item.itemClass)) +
    show("item:Subject", () => element("Subject", item.subject)) +
    show("item:Sensitivity", () => element("Sensitivity", "Normal")) +
    show("item:Body", () => bodyOf(item, wanted.bodyType)) +
    (attachments.length === 0
      ? ""
      : show(
          "item:Attachments",
          () =>
            `<t:Attachments>${attachments.map((attachment) => attachmentHead(item, attachment)).join("")}</t:Attachments>`,
        )) +
    show("item:DateTimeReceived", () => element("DateTimeReceived", time(item.receivedAt))) +
    show("item:Size", () => element("Size", item.size)) +
    show("item:Importance", () =>
      element("Importance", `${content.importance.charAt(0).toUpperCase()}${content.importance.slice(1)}`),
    ) +
    show("item:InReplyTo", () => element("InReplyTo", content.inReplyTo)) +
    show("item:IsSubmitted", () => element("IsSubmitted", false)) +
    show("item:IsDraft", () => element("IsDraft", item.isDraft)) +
    show("item:IsFromMe", () => element("IsFromMe", false)) +
    show("item:InternetMessageHeaders", () => headersOf(item)) +
    show("item:DateTimeSent", () => element("DateTimeSent", time(item.sentAt))) +
    show("item:DateTimeCreated", () => element("DateTimeCreated", time(item.createdAt))) +
    show("item:DisplayCc", () => element("DisplayCc", names(content.cc))) +
    show("item:DisplayTo", () => element("DisplayTo", names(content.to))) +
    show("item:HasAttachments", () => element("HasAttachments", item.hasAttachments)) +
    extended(call, item, wanted.properties) +
    show("item:LastModifiedTime", () => element("LastModifiedTime", time(item.modifiedAt)));
  return `<t:${kind}>${before}${kind === "Message" ? messagePart(item, show) : ""}</t:${kind}>`;
}

function messagePart(
  { content, internetMessageId, isRead, subject }: StoredItem,
  show: (field: string, content: () => string) => string,
): string {
  return (
    show("message:Sender", () => one("Sender", content.sender ?? content.from)) +
    show("message:ToRecipients", () => many("ToRecipients", content.to)) +
    show("message:CcRecipients", () => many("CcRecipients", content.cc)) +
    show("message:BccRecipients", () => many("BccRecipients", content.bcc)) +
    show("message:ConversationTopic", () => element("ConversationTopic", subject)) +
    show("message:From", () => one("From", content.from)) +
    show("message:InternetMessageId", () => element("InternetMessageId", internetMessageId)) +
    show("message:IsRead", () => element("IsRead", isRead)) +
    (content.references.length === 0
      ? ""
      : show("message:References", () => element("References", content.references.join(" ")))) +
    show("message:ReplyTo", () => many("ReplyTo", content.replyTo))
  );
}

function readShape(shape: Node | undefined): Wanted {
  const paths = child(shape, "AdditionalProperties")?.children ?? [];
  const fields = new Set(
    paths.filter(({ name }) => name === "FieldURI").map(({ attributes }) => attributes["FieldURI"] ?? ""),
  );
  const base = text(shape, "BaseShape");
  return {
    base: base === "AllProperties" || base === "Default" ? base : "IdOnly",
    fields,
    properties: paths.filter(({ name }) => name === "ExtendedFieldURI"),
    withMime: /^(true|1)$/.test(text(shape, "IncludeMimeContent") ?? "") || fields.has("item:MimeContent"),
    bodyType: text(shape, "BodyType") ?? "Best",
  };
}

async function mimeOf({ context }: Call, item: StoredItem): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of context.store.readMime(item)) chunks.push(chunk);
  return `<t:MimeContent CharacterSet="UTF-8">${Buffer.concat(chunks).toString("base64")}</t:MimeContent>`;
}

function bodyOf({ content }: StoredItem, bodyType: string): string {
  const forms = [content.body, content.alternative];
  const form = forms.find((one) => one?.contentType === bodyType.toLowerCase()) ?? content.body;
  return `<t:Body BodyType="${form.contentType === "html" ? "HTML" : "Text"}">${escaped(form.content)}</t:Body>`;
}

/** What a message says of an attachment; its content is asked for apart. */
export function attachmentHead(item: StoredItem, attachment: StoredAttachment, content = ""): string {
  const { name, contentType, contentId, size, createdAt, isInline } = attachment;
  return (
    `<t:FileAttachment>${attachmentId(item, attachment)}${element("Name", name)}${element("ContentType", contentType)}${element("ContentId", contentId)}` +
    `${element("Size", size)}${element("LastModifiedTime", time(createdAt))}${element("IsInline", isInline)}${element("IsContactPhoto", content === "" ? undefined : false)}${content}</t:FileAttachment>`
  );
}

export function attachmentId(item: StoredItem, { id }: StoredAttachment, root = ""): string {
  return `<t:AttachmentId Id="${writeId({ kind: "attachment", mailbox: item.mailbox, number: id, folder: 0 })}"${root}/>`;
}

function headersOf({ content }: StoredItem): string {
  if (content.headers.length === 0) return "";
  const list = content.headers.map(
    ({ name, value }) =>
      `<t:InternetMessageHeader HeaderName="${escaped(name)}">${escaped(value)}</t:InternetMessageHeader>`,
  );
  return `<t:InternetMessageHeaders>${list.join("")}</t:InternetMessageHeaders>`;
}

function extended({ context }: Call, item: StoredItem, asked: Node[]): string {
  if (asked.length === 0) return "";
  const properties = context.store.properties(item.id);
  return asked
    .map((node) => {
      const value = valueOf(propertyName(node), item, properties);
      if (value === undefined) return "";
      const attributes = Object.entries(node.attributes).map(([name, text]) => ` ${name}="${escaped(text)}"`);
      return `<t:ExtendedProperty><t:ExtendedFieldURI${attributes.join("")}/><t:Value>${escaped(value)}</t:Value></t:ExtendedProperty>`;
    })
    .join("");
}

function one(name: string, address: MailAddress | undefined): string {
  return address === undefined ? "" : `<t:${name}>${mailbox(address)}</t:${name}>`;
}

function many(name: string, addresses: MailAddress[]): string {
  return addresses.length === 0 ? "" : `<t:${name}>${addresses.map(mailbox).join("")}</t:${name}>`;
}

export function mailbox({ name, address }: MailAddress): string {
  return `<t:Mailbox>${element("Name", name ?? address)}${element("EmailAddress", address)}<t:RoutingType>SMTP</t:RoutingType></t:Mailbox>`;
}

function names(addresses: MailAddress[]): string {
  return addresses.map(({ name, address }) => name ?? address).join("; ");
}

/** Exchange knows no parts of a second here. */
function time(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/, "Z");
}
