import { z } from "zod";
import { badRequest } from "./graph-error.ts";
import {
  canonicalProperty,
  checkedValue,
  DELIVERY_TIME,
  MESSAGE_CLASS,
  MESSAGE_FLAGS,
  SUBMIT_TIME,
  TRANSPORT_HEADERS,
} from "./graph-property.ts";
import type { ItemContent, MailAddress, NewAttachment, NewItem } from "./store-types.ts";

const Recipient = z.strictObject({
  emailAddress: z.strictObject({ name: z.string().nullish(), address: z.string().nullish() }),
});
const Body = z.strictObject({ contentType: z.enum(["text", "html", "Text", "HTML"]), content: z.string().nullish() });
const Header = z.strictObject({ name: z.string(), value: z.string() });
const Property = z.strictObject({ id: z.string(), value: z.string().nullish() });

export const FileAttachment = z.strictObject({
  "@odata.type": z.string().regex(/^#?microsoft\.graph\.fileAttachment$/),
  name: z.string().min(1),
  contentType: z.string().nullish(),
  contentBytes: z.base64(),
  isInline: z.boolean().nullish(),
  contentId: z.string().nullish(),
});

/** What a client may say of a message that it makes. Dates that it says are passed over: only MAPI properties set them. */
const Message = z.strictObject({
  "@odata.type": z.string().optional(),
  subject: z.string().nullish(),
  body: Body.nullish(),
  from: Recipient.nullish(),
  sender: Recipient.nullish(),
  toRecipients: z.array(Recipient).nullish(),
  ccRecipients: z.array(Recipient).nullish(),
  bccRecipients: z.array(Recipient).nullish(),
  replyTo: z.array(Recipient).nullish(),
  internetMessageId: z.string().nullish(),
  internetMessageHeaders: z.array(Header).nullish(),
  isRead: z.boolean().nullish(),
  isDraft: z.boolean().nullish(),
  categories: z.array(z.string()).nullish(),
  importance: z.enum(["low", "normal", "high", "Low", "Normal", "High"]).nullish(),
  receivedDateTime: z.string().nullish(),
  sentDateTime: z.string().nullish(),
  attachments: z.array(FileAttachment).nullish(),
  singleValueExtendedProperties: z.array(Property).nullish(),
});
type Message = z.infer<typeof Message>;

const NOT_DRAFT_FLAG = 8;
const INLINE_ATTACHMENT_BYTES = 3_000_000;
const MOST_HEADERS = 5;

/** Reads what was posted, as strictly as Graph. Without 0x0E07 at its creation a message is a draft for ever. */
export function readMessage(value: unknown, requestId: string): NewItem {
  const message = parseMessage(value);
  const properties = readProperties(message);
  const flags = properties[MESSAGE_FLAGS];
  const isDraft = flags === undefined || (Number(flags) & NOT_DRAFT_FLAG) !== 0;
  const now = new Date();
  return {
    itemClass: properties[MESSAGE_CLASS] ?? "IPM.Note",
    isDraft,
    isRead: message.isRead ?? (isDraft || (Number(flags ?? 0) & 1) === 1),
    receivedAt: dateOf(properties[DELIVERY_TIME], now),
    sentAt: dateOf(properties[SUBMIT_TIME], now),
    subject: (message.subject ?? "").slice(0, 255),
    ...(typeof message.internetMessageId === "string" && { internetMessageId: message.internetMessageId }),
    content: contentOf(message, properties),
    properties,
    attachments: (message.attachments ?? []).map(readAttachment),
    requestId,
  };
}

/** What a PATCH changes. */
export function readChanges(value: unknown): { message: Message; properties: Record<string, string> } {
  const message = parseMessage(value);
  return { message, properties: readProperties(message) };
}

export function readAttachment({
  name,
  contentType,
  contentBytes,
  isInline,
  contentId,
}: z.infer<typeof FileAttachment>): NewAttachment {
  const content = Buffer.from(contentBytes, "base64");
  if (content.length >= INLINE_ATTACHMENT_BYTES) {
    throw badRequest(
      "ErrorAttachmentSizeLimitExceeded",
      "The attachment is 3 MB or more. Create an upload session for it.",
    );
  }
  return {
    name,
    contentType: contentType ?? "application/octet-stream",
    content,
    isInline: isInline ?? false,
    ...(typeof contentId === "string" && { contentId }),
  };
}

export function contentOf(message: Message, properties: Record<string, string>, before?: ItemContent): ItemContent {
  const references = properties["string 0x1039"]?.match(/<[^<>\s]+>/g) ?? before?.references ?? [];
  const replied = properties["string 0x1042"] ?? before?.inReplyTo;
  return {
    body: message.body
      ? { contentType: /^html$/i.test(message.body.contentType) ? "html" : "text", content: message.body.content ?? "" }
      : (before?.body ?? { contentType: "text", content: "" }),
    ...optionalAddress("from", message.from ?? message.sender, before?.from),
    ...optionalAddress("sender", message.sender ?? message.from, before?.sender),
    to: addresses(message.toRecipients, before?.to),
    cc: addresses(message.ccRecipients, before?.cc),
    bcc: addresses(message.bccRecipients, before?.bcc),
    replyTo: addresses(message.replyTo, before?.replyTo),
    headers: headersOf(message, properties, before),
    categories: message.categories ?? before?.categories ?? [],
    importance:
      (message.importance?.toLowerCase() as ItemContent["importance"] | undefined) ?? before?.importance ?? "normal",
    references,
    ...(replied !== undefined && { inReplyTo: replied }),
  };
}

function parseMessage(value: unknown): Message {
  const parsed = Message.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.code === "unrecognized_keys") {
    throw badRequest(
      "RequestBodyRead",
      `The property '${issue.keys[0]}' does not exist on type 'Microsoft.OutlookServices.Message'. Make sure to only use property names that are defined by the type or mark the type as open type.`,
    );
  }
  throw badRequest(
    "RequestBodyRead",
    `Cannot read the property '${issue?.path.join("/") ?? ""}': ${issue?.message ?? "it is malformed"}.`,
  );
}

function readProperties(message: Message): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const { id, value } of message.singleValueExtendedProperties ?? []) {
    const name = canonicalProperty(id);
    properties[name] = checkedValue(name, value ?? "");
  }
  return properties;
}

function headersOf(message: Message, properties: Record<string, string>, before?: ItemContent): ItemContent["headers"] {
  const headers = message.internetMessageHeaders ?? [];
  for (const { name } of headers) {
    if (!/^x-/i.test(name))
      throw badRequest(
        "InvalidInternetMessageHeader",
        `The internet message header name '${name}' should start with 'x-' or 'X-'.`,
      );
  }
  if (headers.length > MOST_HEADERS)
    throw badRequest(
      "InvalidInternetMessageHeaderCollection",
      "Maximum number of headers in one message should be less than or equal to 5.",
    );
  const block = properties[TRANSPORT_HEADERS];
  if (block === undefined) return headers.length > 0 ? headers : (before?.headers ?? []);
  const transported = block
    .replace(/\r?\n[ \t]+/g, " ")
    .split(/\r?\n/)
    .flatMap((line) => {
      const [, name, value] = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [{ name, value: value ?? "" }];
    });
  const known = new Set(transported.map(({ name }) => name.toLowerCase()));
  return [...transported, ...headers.filter(({ name }) => !known.has(name.toLowerCase()))];
}

function addresses(
  recipients: z.infer<typeof Recipient>[] | null | undefined,
  before: MailAddress[] = [],
): MailAddress[] {
  return recipients == null ? before : recipients.map(addressOf);
}

function optionalAddress(
  key: "from" | "sender",
  recipient: z.infer<typeof Recipient> | null | undefined,
  before: MailAddress | undefined,
): Partial<Record<"from" | "sender", MailAddress>> {
  const address = recipient == null ? before : addressOf(recipient);
  return address === undefined ? {} : { [key]: address };
}

function addressOf({ emailAddress: { name, address } }: z.infer<typeof Recipient>): MailAddress {
  return { address: address ?? "", ...(typeof name === "string" && { name }) };
}

function dateOf(value: string | undefined, otherwise: Date): Date {
  return value === undefined ? otherwise : new Date(value);
}
