import { hash } from "node:crypto";
import type { BlobReference } from "../../event.ts";
import type { BlobRange, MailAttachment, Message } from "../mail.ts";
import { safeId } from "./address.ts";
import { base64Lines } from "./base64-lines.ts";
import { rangeLength } from "./blob-range.ts";
import { fileLabel } from "./clean-text.ts";
import { addressField, messageIdField, parameter, textField } from "./header-fields.ts";
import { BOUNDARY_MARK, textPart } from "./text-part.ts";
import { mailDate } from "./utc-date.ts";

/** The fields that `layOutMail` writes itself. Further headers may not say them again. */
const OWN_FIELDS =
  /^(?:from|to|subject|date|message-id|in-reply-to|references|mime-version|x-hansard-message-class|content-.*)$/i;
const MEDIA_TYPE = /^([a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,63})[ \t]*(?:;|$)/i;
const CHARSET = /;[ \t]*charset="?([a-z0-9][a-z0-9_.:-]{0,39})"?[ \t]*(?:;|$)/i;
/**
 * Types that readers would take apart instead of showing as a file. A multipart or message may not be base64; TNEF would
 * have Exchange replace the message's own properties by what the file says.
 */
const TAKEN_APART = /^(?:multipart\/|message\/|application\/(?:vnd\.)?ms-tnef$)/;

/** The line end of the boundary that follows an empty file. */
const NOTHING = "\r\n";

type Piece = string | BlobRange;
type ContentOf = (blob: BlobReference) => Uint8Array | undefined;

/**
 * The mail as ASCII text and references in their order, neighbouring texts joined. Its shape is
 * mixed(related(alternative(text, html), inline…), attachments…), each level only where it has more than one part.
 */
export function layOutMail(message: Message, contentOf: ContentOf = () => undefined): Piece[] {
  const inline = message.html === undefined ? [] : message.attachments.filter(isShownInline);
  const files = message.attachments.filter((attachment) => !inline.includes(attachment));
  const mail = new Pieces();
  mail.add(fields(message));
  mail.add("MIME-Version: 1.0\r\n");
  const mark = message.html === undefined && files.length === 0 ? "" : boundaryOf(message.id);
  const content = () => related(mail, mark, message, contentOf, inline);
  if (files.length === 0) content();
  else {
    const attached = files.map((attachment) => () => filePart(mail, attachment, contentOf, "attachment"));
    multipart(mail, "mixed", `${mark}m`, [content, ...attached]);
  }
  return mail.end();
}

/** Texts that follow each other are one piece. */
class Pieces {
  readonly #pieces: Piece[] = [];
  #text = "";

  add(piece: Piece): void {
    if (typeof piece === "string") {
      this.#text += piece;
      return;
    }
    this.#pieces.push(this.#text, piece);
    this.#text = "";
  }

  end(): Piece[] {
    this.#pieces.push(this.#text);
    return this.#pieces;
  }
}

function fields(message: Message): string {
  const { id, messageClass, date, from, to, subject, references, headers } = message;
  let text = addressField("From", [from]);
  if (to.length > 0) text += addressField("To", to);
  text += textField("Subject", subject);
  text += `Date: ${mailDate(date)}\r\n`;
  text += messageIdField("Message-ID", [id]);
  if (references.length > 0)
    text += messageIdField("In-Reply-To", references.slice(-1)) + messageIdField("References", references);
  text += textField("X-Hansard-Message-Class", messageClass);
  for (const [name, value] of headers) {
    if (isOwnField(name))
      throw new TypeError(
        `The header field ${name} is written by the composer: leave it out of the message's headers.`,
      );
    text += textField(name, value);
  }
  return text;
}

/** The same few names come in every mail. */
const foreign = new Set<string>();
const FOREIGN_AT_MOST = 100;

function isOwnField(name: string): boolean {
  if (foreign.has(name)) return false;
  if (OWN_FIELDS.test(name)) return true;
  if (foreign.size < FOREIGN_AT_MOST) foreign.add(name);
  return false;
}

function related(mail: Pieces, mark: string, message: Message, contentOf: ContentOf, inline: MailAttachment[]): void {
  if (inline.length === 0) return body(mail, mark, message);
  const shown = inline.map((attachment) => () => filePart(mail, attachment, contentOf, "inline"));
  const parameters = ';\r\n type="multipart/alternative"';
  return multipart(mail, "related", `${mark}r`, [() => body(mail, mark, message), ...shown], parameters);
}

function body(mail: Pieces, mark: string, { text, html }: Message): void {
  if (html === undefined) return mail.add(textPart("plain", text));
  const parts = [() => mail.add(textPart("plain", text)), () => mail.add(textPart("html", html))];
  return multipart(mail, "alternative", `${mark}a`, parts);
}

/** Each part ends with the line end that belongs to the boundary after it. */
function multipart(mail: Pieces, subtype: string, boundary: string, parts: (() => void)[], parameters = ""): void {
  mail.add(`Content-Type: multipart/${subtype};\r\n boundary="${boundary}"${parameters}\r\n\r\n`);
  for (const part of parts) {
    mail.add(`--${boundary}\r\n`);
    part();
  }
  mail.add(`--${boundary}--\r\n`);
}

function filePart(
  mail: Pieces,
  attachment: MailAttachment,
  contentOf: ContentOf,
  disposition: "inline" | "attachment",
): void {
  const contentId = disposition === "inline" ? `Content-ID: <${contentIdOf(attachment.id)}>\r\n` : "";
  const name = parameter("filename", fileLabel(attachment.name));
  mail.add(
    `Content-Type: ${mediaType(attachment)}\r\nContent-Transfer-Encoding: base64\r\n${contentId}` +
      `Content-Disposition: ${disposition}${name}\r\n\r\n`,
  );
  mail.add(fileContent(attachment.content, contentOf));
}

/** Text that is inline would be taken for a part of the body, by people and by software. */
function isShownInline(attachment: MailAttachment): boolean {
  return attachment.inline === true && !mediaType(attachment).startsWith("text/");
}

function fileContent(content: MailAttachment["content"], contentOf: ContentOf): Piece {
  if ("text" in content) return base64Lines(Buffer.from(content.text, "utf8")).toString("latin1") || NOTHING;
  if (rangeLength(content) === 0) return NOTHING;
  const whole = contentOf(content.blob);
  if (whole === undefined) return content;
  if (whole.length !== content.blob.size) {
    throw new RangeError(
      `The blob ${content.blob.sha256} has ${whole.length} bytes and should have ${content.blob.size}.`,
    );
  }
  return base64Lines(whole.subarray(content.start ?? 0, content.end ?? whole.length)).toString("latin1");
}

function mediaType({ contentType = "", content }: MailAttachment): string {
  const type = MEDIA_TYPE.exec(contentType.trim())?.[1]?.toLowerCase();
  if (type === undefined || TAKEN_APART.test(type)) return "application/octet-stream";
  if (!type.startsWith("text/")) return type;
  if ("text" in content) return `${type}; charset=utf-8`;
  const charset = CHARSET.exec(contentType)?.[1];
  return charset === undefined ? type : `${type}; charset="${charset}"`;
}

function contentIdOf(id: string): string {
  return /^[A-Za-z0-9._@$+-]{1,128}$/.test(id) ? id : safeId(id);
}

/** 32 hexadecimal digits of the Message-ID's hash: the same for the same message, and no text can be made to hold it. */
function boundaryOf(messageId: string): string {
  return `${BOUNDARY_MARK.slice(2)}${hash("sha256", messageId, "hex").slice(0, 32)}`;
}
