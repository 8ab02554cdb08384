/** RFC 2045: at most 76 characters to a line, which are 57 bytes of content. */
export const LINE_BYTES = 57;
const LINE_CHARACTERS = 76;
const CRLF_LENGTH = 2;

const ALPHABET = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "latin1");
/** Two characters for each 12 bits. A line with its end is 39 pairs: that is several times as fast as wrapping after encoding. */
const PAIRS = pairs();
const CRLF = new Uint16Array(Uint8Array.of(13, 10).buffer)[0] ?? 0;

/** How long `bytes` of content are as base64 lines, each with its line end, the last one too. */
export function base64LinesLength(bytes: number): number {
  return Math.ceil(bytes / 3) * 4 + Math.ceil(bytes / LINE_BYTES) * CRLF_LENGTH;
}

/** Content as base64 lines of 76 characters, each with its line end. */
export function base64Lines(content: Uint8Array): Buffer {
  const lines = Math.floor(content.length / LINE_BYTES);
  const encoded = Buffer.from(new ArrayBuffer(base64LinesLength(content.length)));
  writeLines(content, lines, new Uint16Array(encoded.buffer, 0, (lines * (LINE_CHARACTERS + CRLF_LENGTH)) / 2));
  if (lines * LINE_BYTES < content.length) {
    const rest = Buffer.from(content.buffer, content.byteOffset, content.length).toString("base64", lines * LINE_BYTES);
    encoded.write(`${rest}\r\n`, lines * (LINE_CHARACTERS + CRLF_LENGTH), "latin1");
  }
  return encoded;
}

function writeLines(content: Uint8Array, lines: number, target: Uint16Array): void {
  let from = 0;
  let to = 0;
  for (let line = 0; line < lines; line += 1) {
    for (const end = from + LINE_BYTES; from < end; from += 3) {
      const middle = content[from + 1] ?? 0;
      target[to] = PAIRS[((content[from] ?? 0) << 4) | (middle >> 4)] ?? 0;
      target[to + 1] = PAIRS[((middle & 15) << 8) | (content[from + 2] ?? 0)] ?? 0;
      to += 2;
    }
    target[to] = CRLF;
    to += 1;
  }
}

function pairs(): Uint16Array {
  const bytes = new Uint8Array(2 * 64 * 64);
  for (let first = 0; first < 64; first += 1) {
    for (let second = 0; second < 64; second += 1) {
      bytes.set([ALPHABET[first] ?? 0, ALPHABET[second] ?? 0], 2 * (first * 64 + second));
    }
  }
  return new Uint16Array(bytes.buffer);
}
