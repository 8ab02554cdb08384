import { type AddressObject, simpleParser } from "mailparser";
import type { ItemContent, MailAddress, NewAttachment } from "../store-types.ts";
import { EwsError } from "./fault.ts";

/** What a message in MIME says. */
export interface MimeMessage {
  bytes: Buffer;
  subject: string;
  internetMessageId?: string;
  sentAt?: Date;
  content: ItemContent;
  attachments: NewAttachment[];
}

const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;
const FIELD = /^[!-9;-~]+[ \t]*:/;

/** Decodes and reads a `MimeContent`. Throws an EwsError in the server's words where it is none. */
export async function readMime(base64: string): Promise<MimeMessage> {
  const bytes = decoded(base64);
  const [firstLine = ""] = bytes.subarray(0, 1000).toString("latin1").split(/\r?\n/, 1);
  if (!FIELD.test(firstLine) || bytes.includes(0))
    throw new EwsError("ErrorMimeContentInvalid", "The MIME content is invalid.");
  const mail = await simpleParser(bytes, {
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipTextLinks: true,
    skipImageLinks: true,
  });
  const [from] = addresses(mail.from);
  const sender = addresses(mail.headers.get("sender"))[0] ?? from;
  const text = { contentType: "text" as const, content: mail.text ?? "" };
  const html = typeof mail.html === "string" ? { contentType: "html" as const, content: mail.html } : undefined;
  return {
    bytes,
    subject: mail.subject ?? "",
    ...(mail.messageId !== undefined && { internetMessageId: mail.messageId }),
    ...(mail.date && { sentAt: mail.date }),
    content: {
      body: html ?? text,
      ...(html && mail.text !== undefined && { alternative: text }),
      ...(from && { from }),
      ...(sender && { sender }),
      to: addresses(mail.to),
      cc: addresses(mail.cc),
      bcc: addresses(mail.bcc),
      replyTo: addresses(mail.replyTo),
      headers: mail.headerLines.map(({ line }) => field(line)),
      categories: [],
      importance: "normal",
      references: [mail.references ?? []].flat(),
      ...(mail.inReplyTo !== undefined && { inReplyTo: mail.inReplyTo }),
    },
    attachments: mail.attachments.map(({ filename, contentType, content, contentId, related, contentDisposition }) => ({
      name: filename ?? "attachment",
      contentType,
      content,
      isInline: related || contentDisposition === "inline",
      ...(contentId !== undefined && { contentId: contentId.replace(/^<|>$/g, "") }),
    })),
  };
}

function decoded(base64: string): Buffer {
  const bytes = Buffer.from(base64, "base64");
  // The decoder skips what is no base64, and so it is looked at only where something was skipped.
  const whole = Math.floor((base64.trim().length * 3) / 4);
  if (bytes.length < whole - 2 && !BASE64.test(base64)) throw invalidBase64();
  if (bytes.length === 0) throw invalidBase64();
  return bytes;
}

function invalidBase64(): EwsError {
  return new EwsError("ErrorMimeContentInvalidBase64String", "The MIME content is not a valid base64 string.");
}

function addresses(field: unknown): MailAddress[] {
  return ([field ?? []].flat() as AddressObject[]).flatMap(({ value }) =>
    value.flatMap(({ address, name, group }) =>
      group
        ? group.flatMap((member) => (member.address ? [named(member.address, member.name)] : []))
        : address
          ? [named(address, name)]
          : [],
    ),
  );
}

function named(address: string, name: string): MailAddress {
  return name === "" ? { address } : { name, address };
}

function field(line: string): { name: string; value: string } {
  const colon = line.indexOf(":");
  return {
    name: line.slice(0, colon),
    value: line
      .slice(colon + 1)
      .replace(/\r?\n[ \t]+/g, " ")
      .trim(),
  };
}
