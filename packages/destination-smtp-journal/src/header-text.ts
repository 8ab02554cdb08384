const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
const ENCODED_BYTES = 42;
const LINE_LENGTH = 76;
const FOLD_AFTER = 900;

/** Text that cannot begin a line of its own. */
export function singleLine(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

/** A header field's value: as it is, or in encoded words (RFC 2047) on lines of their own. */
export function asciiOrEncodedWords(text: string, nameLength: number): string {
  const line = singleLine(text);
  if (
    PRINTABLE_ASCII.test(line) &&
    !line.includes("=?") &&
    nameLength + line.length < FOLD_AFTER &&
    line.trim() === line
  )
    return line;
  const words: string[] = [];
  let word = "";
  for (const character of line) {
    if (Buffer.byteLength(word + character) > ENCODED_BYTES) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((part) => `=?utf-8?B?${Buffer.from(part).toString("base64")}?=`).join("\r\n ");
}

/** RFC 2045 §6.7, of lines that end in CRLF. */
export function quotedPrintable(text: string): string {
  return text.split("\r\n").map(quotedLine).join("\r\n");
}

function quotedLine(line: string): string {
  let lines = "";
  let current = "";
  for (const byte of Buffer.from(line)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x3d;
    const piece = isPlain ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    if (current.length + piece.length >= LINE_LENGTH) {
      lines += `${current}=\r\n`;
      current = "";
    }
    current += piece;
  }
  return lines + current.replace(/ $/, "=20");
}
