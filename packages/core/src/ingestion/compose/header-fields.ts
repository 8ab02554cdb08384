import type { Correspondent } from "../mail.ts";
import { isUsableAddress, placeholderAddress } from "./address.ts";
import { oneLine } from "./clean-text.ts";

/** RFC 2047 allows 76 characters to a line that holds an encoded word, and RFC 5322 asks for 78. */
const LINE_LENGTH = 76;
const ENCODED_WORD_FRAME = "=?utf-8?B??=".length;
/** A word of text longer than this cannot be folded well, and an encoded word can. */
const LONGEST_PLAIN_WORD = 60;
const FIELD_NAME = /^[A-Za-z][A-Za-z0-9-]{0,49}$/;
const MESSAGE_ID = /^<[!-;=?-~]{1,250}>$/;
const NOT_PRINTABLE_ASCII = /[^\x20-\x7e]/;
const ATOMS = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~ ]+$/;
const NEEDS_ESCAPE_OR_ENCODING = /["\\]|=\?| {2}/;

/** A field of free text, such as Subject, folded, with its line end. */
export function textField(name: string, value: string): string {
  checkName(name);
  if (value === "") return `${name}:\r\n`;
  if (NOT_PRINTABLE_ASCII.test(value) || value.includes("=?") || value.startsWith(" ") || value.endsWith(" ")) {
    return `${name}: ${encodedWords(oneLine(value), name.length + 2)}\r\n`;
  }
  if (name.length + 2 + value.length <= LINE_LENGTH) return `${name}: ${value}\r\n`;
  return `${name}: ${foldedText(value, name.length + 2)}\r\n`;
}

function checkName(name: string): void {
  if (checked.has(name)) return;
  if (!FIELD_NAME.test(name))
    throw new TypeError(`"${name}" cannot be the name of a header field: use letters, digits and hyphens.`);
  if (checked.size < CHECKED_AT_MOST) checked.add(name);
}

/** The same few names come in every mail. */
const checked = new Set<string>();
const CHECKED_AT_MOST = 100;

/** A field of mailboxes, such as To: as many to a line as fit. */
export function addressField(name: string, correspondents: Correspondent[]): string {
  let field = `${name}:`;
  let column = field.length;
  for (const [index, correspondent] of correspondents.entries()) {
    const comma = index + 1 < correspondents.length ? "," : "";
    const mailbox = mailboxOf(correspondent, index === 0 ? column + 1 : 1) + comma;
    const firstLine = mailbox.indexOf("\r\n");
    const fits = column + 1 + (firstLine === -1 ? mailbox.length : firstLine) <= LINE_LENGTH;
    field += fits || index === 0 ? ` ${mailbox}` : `\r\n ${mailbox}`;
    const lastLine = mailbox.lastIndexOf("\r\n");
    if (lastLine !== -1) column = mailbox.length - lastLine - 2;
    else column = (fits ? column : 0) + 1 + mailbox.length;
  }
  return `${field}\r\n`;
}

/** A field of Message-IDs, one to a line. They are Hansard's own: one that is not well formed is a mistake in the program. */
export function messageIdField(name: string, ids: string[]): string {
  for (const id of ids) {
    if (!MESSAGE_ID.test(id))
      throw new TypeError(
        `${JSON.stringify(id)} is not a Message-ID: it needs angle brackets around ASCII without spaces.`,
      );
  }
  return `${name}: ${ids.join("\r\n ")}\r\n`;
}

/** A parameter of a Content-Type or Content-Disposition field, on lines of its own, by RFC 2231 where it is not short ASCII. */
export function parameter(name: string, value: string): string {
  if (value.length <= LONGEST_PLAIN_WORD && !NOT_PRINTABLE_ASCII.test(value) && !NEEDS_ESCAPE_OR_ENCODING.test(value)) {
    return `;\r\n ${name}="${value}"`;
  }
  const pieces = percentPieces(value, LINE_LENGTH - name.length - "  *999*=utf-8'';".length);
  if (pieces.length === 1) return `;\r\n ${name}*=utf-8''${pieces[0]}`;
  return pieces.map((piece, index) => `;\r\n ${name}*${index}*=${index === 0 ? "utf-8''" : ""}${piece}`).join("");
}

/** Breaks before spaces. A run of spaces would not survive that in every reader, nor would a word longer than a line. */
function foldedText(value: string, startColumn: number): string {
  const words = value.split(" ");
  if (words.some((word) => word === "" || word.length > LONGEST_PLAIN_WORD)) return encodedWords(value, startColumn);
  let folded = "";
  let column = startColumn;
  for (const word of words) {
    const atStart = folded === "";
    const fits = column + 1 + word.length <= LINE_LENGTH;
    if (!atStart) folded += fits ? " " : "\r\n ";
    folded += word;
    column = (fits || atStart ? column : 0) + 1 + word.length;
  }
  return folded;
}

/** RFC 2047: base64 words of whole characters, each on its own line. Readers drop the line ends between them. */
function encodedWords(value: string, startColumn: number): string {
  const bytes = Buffer.from(value, "utf8");
  const words: string[] = [];
  let start = 0;
  while (start < bytes.length) {
    const room = LINE_LENGTH - ENCODED_WORD_FRAME - (start === 0 ? startColumn : 1);
    const end = characterBoundary(bytes, start, Math.max(3, Math.floor(room / 4) * 3));
    words.push(`=?utf-8?B?${bytes.toString("base64", start, end)}?=`);
    start = end;
  }
  return words.join("\r\n ");
}

/** The last end of a character within `length` bytes from `start`. */
function characterBoundary(bytes: Buffer, start: number, length: number): number {
  if (start + length >= bytes.length) return bytes.length;
  let end = start + length;
  while (end > start && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end > start ? end : start + length;
}

function mailboxOf({ id, name, address }: Correspondent, startColumn: number): string {
  const safe = isUsableAddress(address) ? address : placeholderAddress(`${id} ${address}`, "unusable");
  if (name === undefined || name === "") return safe;
  const phrase = phraseOf(name, startColumn);
  const lastLine = phrase.lastIndexOf("\r\n");
  const column = lastLine === -1 ? startColumn + phrase.length : phrase.length - lastLine - 2;
  return column + safe.length + " <>,".length > LINE_LENGTH ? `${phrase}\r\n <${safe}>` : `${phrase} <${safe}>`;
}

function phraseOf(name: string, startColumn: number): string {
  const simple =
    name.length <= LONGEST_PLAIN_WORD && !NOT_PRINTABLE_ASCII.test(name) && !NEEDS_ESCAPE_OR_ENCODING.test(name);
  if (!simple || name.trim() !== name) return encodedWords(oneLine(name), startColumn);
  return ATOMS.test(name) ? name : `"${name}"`;
}

function percentPieces(value: string, longest: number): string[] {
  const pieces: string[] = [];
  let piece = "";
  for (const character of oneLine(value)) {
    const encoded = /^[A-Za-z0-9._-]$/.test(character) ? character : percentEncoded(character);
    if (piece.length + encoded.length > longest) {
      pieces.push(piece);
      piece = "";
    }
    piece += encoded;
  }
  return [...pieces, piece];
}

function percentEncoded(character: string): string {
  return [...Buffer.from(character, "utf8")]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
    .join("");
}
