import { LINE_BYTES, base64LinesLength } from "./base64-lines.ts";

const LINE_WITH_END = base64LinesLength(LINE_BYTES);

/** The most bytes that text can take in a mail: as base64, with two bytes for each line end. */
export function longestCost(text: string): number {
  return base64LinesLength(Buffer.byteLength(text, "utf8") + lineEnds(text));
}

/**
 * Text in chunks that take at most `room` bytes each in a mail. Put one after another they are the text. A chunk ends after
 * a line where one ends in its second half, else after a word, else between two characters.
 */
export function cutText(text: string, room: number): string[] {
  if (longestCost(text) <= room) return [text];
  const bytes = Math.floor(room / LINE_WITH_END) * LINE_BYTES;
  const chunks: string[] = [];
  for (let start = 0; start < text.length;) {
    const end = goodBreak(text, start, furthestEnd(text, start, bytes));
    chunks.push(text.slice(start, end));
    start = end;
  }
  return chunks;
}

function lineEnds(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

/** The end of the longest stretch of whole characters that takes at most `bytes`. */
function furthestEnd(text: string, start: number, bytes: number): number {
  let left = bytes;
  let end = start;
  while (end < text.length) {
    const code = text.codePointAt(end) ?? 0;
    left -= bytesOf(code);
    if (left < 0) return end;
    end += code > 0xffff ? 2 : 1;
  }
  return end;
}

function bytesOf(code: number): number {
  if (code === 0x0a) return 2;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

function goodBreak(text: string, start: number, end: number): number {
  if (end === text.length) return end;
  const middle = start + Math.floor((end - start) / 2);
  for (const mark of ["\n", " "]) {
    const at = text.lastIndexOf(mark, end - 1);
    if (at > middle) return at + 1;
  }
  return end;
}
