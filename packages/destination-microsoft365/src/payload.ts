import type { Delivery, MailAttachment, Message } from "@hansard/core/ingestion";
import type { Settings } from "./settings.ts";

/** PS_INTERNET_HEADERS: the set of named properties that internet headers become. */
export const ID_PROPERTY = "String {00020386-0000-0000-C000-000000000046} Name x-hansard-id";
export const CLASS_PROPERTY = "String 0x001A";
export const FLAGS_PROPERTY = "Integer 0x0E07";
export const DELIVERY_TIME_PROPERTY = "SystemTime 0x0E06";
export const SUBMIT_TIME_PROPERTY = "SystemTime 0x0039";
export const HEADERS_PROPERTY = "String 0x007D";
const IN_REPLY_TO_PROPERTY = "String 0x1042";
const REFERENCES_PROPERTY = "String 0x1039";

/** What `POST /messages` takes. `payload.test.ts` holds it against Microsoft's published types. */
export interface MessagePayload {
  subject: string;
  body: { contentType: "text" | "html"; content: string };
  from: RecipientPayload;
  sender: RecipientPayload;
  toRecipients: RecipientPayload[];
  internetMessageId: string;
  isRead: boolean;
  categories?: string[];
  internetMessageHeaders: { name: string; value: string }[];
  attachments?: AttachmentPayload[];
  singleValueExtendedProperties: { id: string; value: string }[];
}

export interface RecipientPayload {
  emailAddress: { name: string; address: string };
}

export interface AttachmentPayload {
  "@odata.type": "#microsoft.graph.fileAttachment";
  name: string;
  contentType: string;
  contentBytes: string;
  isInline: boolean;
  contentId?: string;
}

const MOST_HEADERS = 5;
const SUBJECT_CHARACTERS = 255;

/** The whole message, but for its attachments: nothing of it is changed afterwards. */
export function payloadOf({ message, mail }: Pick<Delivery, "message" | "mail">, settings: Settings): MessagePayload {
  const from = recipient(message.from);
  return {
    subject: message.subject.slice(0, SUBJECT_CHARACTERS),
    body:
      message.html === undefined
        ? { contentType: "text", content: message.text }
        : { contentType: "html", content: message.html },
    from,
    sender: from,
    toRecipients: message.to.map(recipient),
    internetMessageId: message.id,
    isRead: settings.markAsRead,
    ...(settings.category !== undefined && { categories: [settings.category] }),
    internetMessageHeaders: headersOf(message),
    singleValueExtendedProperties: propertiesOf(message, headerBlock(mail), settings),
  };
}

/** Our own name of the message, without the brackets that software may add or drop. */
export function identityOf({ id }: Pick<Message, "id">): string {
  return id.replace(/^<|>$/g, "");
}

export function attachmentPayload(
  { id, name, contentType, inline }: MailAttachment,
  content: Uint8Array,
): AttachmentPayload {
  return {
    "@odata.type": "#microsoft.graph.fileAttachment",
    name: attachmentName(name),
    contentType: contentType ?? "application/octet-stream",
    contentBytes: Buffer.from(content.buffer, content.byteOffset, content.length).toString("base64"),
    isInline: inline === true,
    ...(inline === true && { contentId: id }),
  };
}

export function attachmentName(name: string): string {
  return name === "" ? "attachment" : name;
}

function recipient({ name, address }: Message["from"]): RecipientPayload {
  return { emailAddress: { name: name ?? address, address } };
}

/** Graph takes five headers of its own choosing; 0x007D carries all of them. */
function headersOf({ headers }: Message): MessagePayload["internetMessageHeaders"] {
  return headers
    .filter(([name]) => /^x-/i.test(name))
    .slice(0, MOST_HEADERS)
    .map(([name, value]) => ({ name: name.toLowerCase(), value }));
}

function propertiesOf(
  message: Message,
  headers: string,
  { messageFlags }: Settings,
): MessagePayload["singleValueExtendedProperties"] {
  const date = message.date;
  const last = message.references.at(-1);
  return [
    { id: FLAGS_PROPERTY, value: String(messageFlags) },
    { id: DELIVERY_TIME_PROPERTY, value: date },
    { id: SUBMIT_TIME_PROPERTY, value: date },
    { id: CLASS_PROPERTY, value: message.messageClass },
    { id: ID_PROPERTY, value: identityOf(message) },
    { id: HEADERS_PROPERTY, value: headers },
    ...(last === undefined
      ? []
      : [
          { id: IN_REPLY_TO_PROPERTY, value: last },
          { id: REFERENCES_PROPERTY, value: message.references.join(" ") },
        ]),
  ];
}

/** The mail's own header, as every other destination writes it. */
function headerBlock({ segments: [first] }: Delivery["mail"]): string {
  if (!(first instanceof Uint8Array)) return "";
  const text = Buffer.from(first.buffer, first.byteOffset, first.length);
  const end = text.indexOf("\r\n\r\n");
  return text.subarray(0, end === -1 ? text.length : end + 2).toString("latin1");
}
