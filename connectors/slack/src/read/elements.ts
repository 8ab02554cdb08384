/** Elements are cut out of a file of any size and parsed one by one, so memory holds one at a time. */
export interface ElementLimits {
  maxBytes: number;
  maxDepth: number;
}

/** An element of the array, or what is wrong with it. After `fatal` nothing more can be told apart. */
export type Element = { index: number; bytes: Buffer } | { index: number; problem: string; fatal: boolean };

const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
];
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

type State = "start" | "value-or-end" | "separator" | "element" | "done" | "failed";

/** Finds the elements of a JSON array by counting brackets outside strings. Whether an element is JSON is for its parser to say. */
export class ElementScanner {
  readonly #limits: ElementLimits;
  #state: State = "start";
  #index = 0;
  #depth = 0;
  #deepest = 0;
  #inString = false;
  #escaped = false;
  #size = 0;
  #pieces: Buffer[] = [];
  #found: Element[] = [];

  constructor(limits: ElementLimits) {
    this.#limits = limits;
  }

  /** The elements that `chunk` completes. Their bytes may be views of it. */
  push(chunk: Buffer): Element[] {
    this.#found = [];
    let at = 0;
    while (at < chunk.length && this.#state !== "failed") {
      at = this.#state === "element" ? this.#scanElement(chunk, at) : this.#scanBetween(chunk, at);
    }
    return this.#found;
  }

  /** What is wrong at the end of the file, if anything that was not said before. */
  end(): Element[] {
    this.#found = [];
    if (this.#state !== "done" && this.#state !== "failed")
      this.#fail(`The file ends too early, after ${this.#count()}`, 0);
    return this.#found;
  }

  #scanBetween(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length && isSpace(chunk[at])) at += 1;
    const byte = chunk[at];
    if (byte === undefined) return at;
    if (this.#state === "start" && BYTE_ORDER_MARK.includes(byte)) return at + 1;
    if (this.#state === "start")
      return byte === OPEN_LIST
        ? this.#advance("value-or-end", at)
        : this.#fail("The file does not hold a JSON array", at);
    if (this.#state === "done")
      return this.#fail(`There is more after the end of the array, which holds ${this.#count()}`, at);
    if (byte === CLOSE_LIST) return this.#advance("done", at);
    if (byte === COMMA) return this.#advance("value-or-end", at);
    if (this.#state === "separator") return this.#fail(`The JSON is broken after ${this.#count()}`, at);
    this.#state = "element";
    return at;
  }

  // Every byte of an export passes through this loop: its state stands in locals.
  #scanElement(chunk: Buffer, from: number): number {
    let [depth, deepest, inString, escaped] = [this.#depth, this.#deepest, this.#inString, this.#escaped];
    let end = -1;
    for (let at = from; at < chunk.length && end < 0; at += 1) {
      const byte = chunk[at];
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) {
        inString = true;
      } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        depth += 1;
        if (depth > deepest) deepest = depth;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        // A bracket that closes the array ends an element that is no object or list, such as a number.
        if (depth <= 1) end = depth === 0 ? at : at + 1;
        depth = Math.max(0, depth - 1);
      } else if (byte === COMMA && depth === 0) {
        end = at;
      }
    }
    [this.#depth, this.#deepest, this.#inString, this.#escaped] = [depth, deepest, inString, escaped];
    if (end >= 0) return this.#complete(chunk, from, end);
    this.#keep(chunk.subarray(from));
    return chunk.length;
  }

  #complete(chunk: Buffer, from: number, to: number): number {
    const { maxBytes, maxDepth } = this.#limits;
    const index = this.#index;
    const last = chunk.subarray(from, to);
    const size = this.#size + last.length;
    if (this.#deepest > maxDepth)
      this.#found.push({
        index,
        problem: `is nested ${this.#deepest} levels deep, and ${maxDepth} are read`,
        fatal: false,
      });
    else if (size > maxBytes)
      this.#found.push({ index, problem: `is ${size} bytes long, and ${maxBytes} are read`, fatal: false });
    else this.#found.push({ index, bytes: this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]) });
    this.#index += 1;
    [this.#pieces, this.#size, this.#deepest] = [[], 0, 0];
    this.#state = "separator";
    return to;
  }

  #keep(piece: Buffer): void {
    this.#size += piece.length;
    if (this.#size > this.#limits.maxBytes || this.#deepest > this.#limits.maxDepth) this.#pieces = [];
    else this.#pieces.push(Buffer.from(piece));
  }

  #advance(next: State, at: number): number {
    this.#state = next;
    return at + 1;
  }

  #fail(problem: string, at: number): number {
    this.#found.push({ index: this.#index, problem, fatal: true });
    this.#state = "failed";
    return at;
  }

  #count(): string {
    return this.#index === 1 ? "1 element" : `${this.#index} elements`;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
