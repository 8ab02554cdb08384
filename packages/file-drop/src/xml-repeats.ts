import { randomBytes } from "node:crypto";
import type { SaxesTagPlain } from "saxes";
import { strictParser } from "./strict-parser.ts";

export type XmlEvent =
  | { kind: "open"; name: string; attributes: Record<string, string> }
  | { kind: "text"; text: string }
  | { kind: "close"; name: string };

/** An element that came before, byte for byte, and what the parser said of it then. It is the same object each time. */
export interface RepeatedElement {
  name: string;
  source: string;
  events: XmlEvent[];
  /** Levels of elements, its own included. */
  depth: number;
  lines: number;
  /** What it is longer than its stand-in, in characters. */
  lengthSaved: number;
}

interface Replaced {
  element: RepeatedElement;
  /** Where its stand-in begins, in the shortened text. */
  at: number;
}

const LESS = "<".charCodeAt(0);
const GREATER = ">".charCodeAt(0);
const MAX_ELEMENT = 4096;
/** In characters, with what each element takes beside. */
const MAX_REMEMBERED = 4 * 1024 ** 2;
const EACH_ELEMENT = 100;
/** So many elements are looked at before it is judged whether looking is worth it. */
const TRIAL = 4096;
/** Of an element's content, in characters: enough to tell most elements apart. */
const BEGINNING = 24;
/** As long as the longest sign that must be seen whole, `<![CDATA[`. */
const LONGEST_SIGN = 9;

/**
 * Spares the parser what it has read before. Nearly half of a chat file is the same people over and over, and an
 * element that was found well-formed and complete once is so wherever the parser stands between tags. A processing
 * instruction takes its place in what the parser is given, so that the parser still judges whether an element may
 * stand there. What looks like an element within a comment, CDATA or an instruction is never touched.
 */
export class Repeats {
  /** Drawn anew for each document, so that no document can have one of that name. */
  readonly target = `r${randomBytes(5).toString("hex")}`;
  readonly #standIn = `<?${this.target}?>`;
  readonly #sign: RegExp;
  readonly #tags: { opening: string; closing: string }[];
  readonly #remembered = new Map<string, RepeatedElement | "once" | "never">();
  /** The last one met of those that begin alike. */
  readonly #byBeginning = new Map<number, RepeatedElement>();
  #size = 0;
  #hits = 0;
  #misses = 0;
  /** The end of the comment, CDATA or instruction that goes on. */
  #until: string | undefined;
  #isOff: boolean;
  /** The last characters, where they may be the beginning of a sign. */
  #rest = "";
  /** The elements that have stand-ins in the last text, in their order, and how many of these the parser has met. */
  #replaced: Replaced[] = [];
  #met = 0;
  /** Of earlier texts. */
  readonly #saved = { characters: 0, lines: 0 };

  constructor(names: string[]) {
    this.#isOff = names.length === 0;
    this.#tags = names.map((name) => ({ opening: `<${name}>`, closing: `</${name}>` }));
    this.#sign = new RegExp(`<(?:${names.join("|")})>|<[!?]`, "g");
  }

  /** How many characters were taken and not given to the parser yet. */
  get rest(): string {
    return this.#rest;
  }

  /** The element whose stand-in the parser has met. */
  next(): RepeatedElement | undefined {
    return this.#replaced[this.#met++]?.element;
  }

  /** What stand-ins kept from the parser up to so many characters of the last text. */
  savedUpTo(given: number): { characters: number; lines: number } {
    let { characters, lines } = this.#saved;
    for (const { element, at } of this.#replaced) {
      if (at + this.#standIn.length > given) break;
      characters += element.lengthSaved;
      lines += element.lines;
    }
    return { characters, lines };
  }

  /** The text with stand-ins. Its last characters may be kept back for the next call. */
  shorten(given: string): string {
    const text = this.end() + given;
    if (this.#isOff) return text;
    const lastOpen = text.lastIndexOf("<");
    const end = lastOpen >= 0 && lastOpen > text.length - LONGEST_SIGN ? lastOpen : text.length;
    return this.#shorten(text, end);
  }

  /** What was kept back, at the document's end. */
  end(): string {
    Object.assign(this.#saved, this.savedUpTo(Infinity));
    [this.#replaced, this.#met] = [[], 0];
    const rest = this.#rest;
    this.#rest = "";
    return rest;
  }

  #shorten(text: string, end: number): string {
    const parts: string[] = [];
    let shortened = 0;
    let copied = 0;
    let at = 0;
    let upTo = end;
    while (at < end && !this.#isOff) {
      if (this.#until !== undefined) {
        const found = text.indexOf(this.#until, at);
        if (found < 0 || found + this.#until.length > end) {
          upTo = Math.max(at, end - this.#until.length + 1);
          break;
        }
        at = found + this.#until.length;
        this.#until = undefined;
      }
      this.#sign.lastIndex = at;
      if (!this.#sign.test(text) || this.#sign.lastIndex > end) break;
      at = this.#sign.lastIndex;
      let start = at - 2;
      while (text.charCodeAt(start) !== LESS) start -= 1;
      if (text.charCodeAt(at - 1) !== GREATER) {
        at = this.#enterSection(text, start);
        continue;
      }
      const known = this.#find(text, start, at, end);
      if (known === "cut") {
        upTo = start;
        break;
      }
      if (!known) continue;
      parts.push(text.slice(copied, start));
      shortened += start - copied;
      this.#replaced.push({ element: known, at: shortened });
      shortened += this.#standIn.length;
      at = copied = start + known.source.length;
    }
    this.#rest = text.slice(upTo);
    if (copied === 0 && upTo === text.length) return text;
    parts.push(text.slice(copied, upTo));
    // Not by adding: what was added is a chain of texts, and the parser looks at each character through it.
    return parts.join(this.#standIn);
  }

  /** Gives where the section's content begins. */
  #enterSection(text: string, start: number): number {
    if (text[start + 1] === "?") this.#until = "?>";
    else if (text.startsWith("<!--", start)) this.#until = "-->";
    else if (text.startsWith("<![CDATA[", start)) this.#until = "]]>";
    // A DOCTYPE, or nothing that XML knows: the parser refuses it.
    else this.#isOff = true;
    return start + (this.#until === "]]>" ? 9 : this.#until === "-->" ? 4 : 2);
  }

  /** `cut` where the rest of the element comes with the next text. */
  #find(text: string, start: number, content: number, end: number): RepeatedElement | "cut" | undefined {
    const beginning = beginningOf(text, content);
    const likely = this.#byBeginning.get(beginning);
    if (likely) {
      const stop = start + likely.source.length;
      // By far the fastest way to compare: the machine's wide instructions do it.
      if (stop <= end && text.slice(start, stop) === likely.source) {
        this.#hits += 1;
        return likely;
      }
    }
    const stop = this.#endOf(text, start, content);
    if (stop < 0 || stop > end) return start + MAX_ELEMENT > text.length ? "cut" : undefined;
    const known = this.#recall(text.slice(start, stop));
    if (known) this.#byBeginning.set(beginning, known);
    return known;
  }

  /** Where the element ends whose opening tag stands there, as far as can be seen without parsing it. */
  #endOf(text: string, start: number, content: number): number {
    for (const { opening, closing } of this.#tags) {
      if (opening.length !== content - start || !text.startsWith(opening, start)) continue;
      const found = text.indexOf(closing, content);
      return found < 0 ? -1 : found + closing.length;
    }
    return -1;
  }

  /** The element, from the second time on: most that are met once are never met again. */
  #recall(source: string): RepeatedElement | undefined {
    const known = this.#remembered.get(source);
    if (typeof known === "object") {
      this.#hits += 1;
      return known;
    }
    this.#misses += 1;
    if (this.#misses > TRIAL && this.#misses > this.#hits) this.#isOff = true;
    if (known === "never" || source.length > MAX_ELEMENT) return undefined;
    if (known === undefined && this.#size > MAX_REMEMBERED) this.#forget();
    // Through JSON, so that it does not keep alive the text that it was cut from.
    const own: string = JSON.parse(JSON.stringify(source));
    if (known === undefined) this.#size += own.length + EACH_ELEMENT;
    const element = known === "once" ? elementOf(own, this.#standIn) : undefined;
    this.#remembered.set(own, element ?? (known === "once" ? "never" : "once"));
    return element;
  }

  #forget(): void {
    this.#remembered.clear();
    this.#byBeginning.clear();
    this.#size = 0;
  }
}

/** A number for the characters that follow; others may have the same. */
function beginningOf(text: string, content: number): number {
  let number = 0;
  for (let at = content; at < content + BEGINNING; at++) number = (Math.imul(number, 31) + text.charCodeAt(at)) | 0;
  return number;
}

/** What the parser says of an element that stands alone; undefined where it is not one whole element. */
function elementOf(source: string, standIn: string): RepeatedElement | undefined {
  if (/<[!?]/.test(source)) return undefined;
  const events: XmlEvent[] = [];
  let [depth, deepest] = [0, 0];
  const refuse = (error: Error) => {
    throw error;
  };
  const parser = strictParser({
    error: refuse,
    doctype: () => {},
    opentag({ name, attributes }: SaxesTagPlain) {
      deepest = Math.max(deepest, (depth += 1));
      events.push({ kind: "open", name, attributes });
    },
    text: (text) => void events.push({ kind: "text", text }),
    cdata: () => {},
    processinginstruction: () => {},
    closetag({ name }: SaxesTagPlain) {
      depth -= 1;
      events.push({ kind: "close", name });
    },
  });
  try {
    parser.write(source).close();
  } catch {
    return undefined;
  }
  const [first] = events;
  if (first?.kind !== "open") return undefined;
  return {
    name: first.name,
    source,
    events,
    depth: deepest,
    lines: linesIn(source),
    lengthSaved: source.length - standIn.length,
  };
}

/** As the parser counts them: a carriage return with or without a line feed ends one, or a line feed. */
export function linesIn(text: string): number {
  return text.split(/\r\n?|\n/).length - 1;
}
