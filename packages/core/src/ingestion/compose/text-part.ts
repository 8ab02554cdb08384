import { base64Lines } from "./base64-lines.ts";

const LONGEST_LINE = 998;
const NOT_PLAIN = /[^\t\n\x20-\x7e]/;
const LINE_ENDS = /\r\n?|\n/g;
/** What begins every boundary. Neither base64 nor any line of a 7bit part of ours holds it. */
export const BOUNDARY_MARK = "--=_";

const SPACE = 0x20;
const TAB = 0x09;

/**
 * The fields and the content of a part of text, from Content-Type on. It ends with a line end that is the boundary's in a
 * multipart, and the mail's own where the mail has no other part.
 */
export function textPart(subtype: "plain" | "html", text: string): string {
  if (isSevenBit(text)) {
    return `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${withMailLineEnds(text)}\r\n`;
  }
  // Base64 and not quoted-printable: it keeps any text as it is, trailing white space included, at the speed of a native encoder.
  return `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded(text)}`;
}

/**
 * Whether software on the way would leave the text alone: printable ASCII, lines of at most 998 characters that do not end
 * in white space, begin with `From ` or consist of one dot, and nothing that looks like one of our boundaries.
 */
function isSevenBit(text: string): boolean {
  if (NOT_PLAIN.test(text) || text.includes(BOUNDARY_MARK)) return false;
  let start = 0;
  while (start <= text.length) {
    const found = text.indexOf("\n", start);
    const end = found === -1 ? text.length : found;
    if (end - start > LONGEST_LINE) return false;
    if (end > start && !isSafeLine(text, start, end)) return false;
    start = end + 1;
  }
  return true;
}

function isSafeLine(text: string, start: number, end: number): boolean {
  const last = text.charCodeAt(end - 1);
  if (last === SPACE || last === TAB) return false;
  if (text.startsWith("From ", start)) return false;
  return !(end - start === 1 && text[start] === ".");
}

function withMailLineEnds(text: string): string {
  return text.includes("\n") ? text.replaceAll("\n", "\r\n") : text;
}

function encoded(text: string): string {
  const withLineEnds = /[\r\n]/.test(text) ? text.replace(LINE_ENDS, "\r\n") : text;
  return base64Lines(Buffer.from(withLineEnds, "utf8")).toString("latin1");
}
