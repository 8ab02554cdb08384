const FIRST_BYTES = 1024 * 1024;
/** One page of a hundred megabytes must not hold its room for ever. */
const KEPT_BYTES = 16 * 1024 * 1024;
const LINE_FEED = 10;

/** An entry's lines as bytes, which lie outside of the heap: a line is made into text when it is asked for. */
export class EntryBody {
  readonly bytes: Buffer;
  /** Where each line ends. */
  readonly ends: readonly number[];

  constructor(bytes: Buffer, ends: readonly number[] = lineEnds(bytes)) {
    this.bytes = bytes;
    this.ends = ends;
  }

  /** One line, the header being the first, of number 0. */
  line(number: number): string | undefined {
    const end = this.ends[number];
    if (end === undefined) return undefined;
    return this.bytes.toString("utf8", number === 0 ? 0 : (this.ends[number - 1] ?? 0) + 1, end);
  }

  lines(): string[] {
    return this.bytes.toString().split("\n");
  }
}

/** Writes lines into memory that it keeps: one line after the other, so that none must wait for the rest as text. */
export class LineEncoder {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);

  /** The lines, joined. Their bytes are good until the next call. */
  encode(lines: Iterable<string>): { bytes: Buffer; ends: number[] } {
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    const ends: number[] = [];
    let end = 0;
    for (const line of lines) {
      this.#grow(end, line.length * 3 + 1);
      if (ends.length > 0) end = this.#bytes.writeUInt8(LINE_FEED, end);
      end += this.#bytes.write(line, end);
      ends.push(end);
    }
    return { bytes: this.#bytes.subarray(0, end), ends };
  }

  #grow(end: number, more: number): void {
    if (end + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, end + more));
    larger.set(this.#bytes.subarray(0, end));
    this.#bytes = larger;
  }
}

function lineEnds(bytes: Buffer): number[] {
  const ends: number[] = [];
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) ends.push(at);
  ends.push(bytes.length);
  return ends;
}
