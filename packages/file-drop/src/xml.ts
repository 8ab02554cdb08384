import { isUtf8 } from "node:buffer";
import { FileProblem, reasonOf } from "./file-problem.ts";
import { strictParser } from "./strict-parser.ts";
import { linesIn, type RepeatedElement, Repeats } from "./xml-repeats.ts";

export type { RepeatedElement, XmlEvent } from "./xml-repeats.ts";

export interface XmlHandlers {
  open(name: string, attributes: Record<string, string>): void;
  /** May come in several pieces for one element. CDATA comes here too. */
  text(text: string): void;
  close(name: string): void;
  /** Elements that are often repeated to the byte are told in this way from the second or third time on, where it is given. */
  repeated?: {
    /** Of the elements that are worth it. */
    names: string[];
    element(element: RepeatedElement): void;
  };
}

export interface XmlBounds {
  /** Elements within elements. */
  maxDepth: number;
  /** Of one text, tag, comment or attribute, in characters. */
  maxPiece: number;
}

export const DEFAULT_XML_BOUNDS: XmlBounds = { maxDepth: 64, maxPiece: 64 * 1024 ** 2 };

/** What XML may declare and a decoder is at hand for. Anything else is refused, not guessed. */
const ENCODINGS = new Set([
  "utf-8",
  "us-ascii",
  "iso-8859-1",
  "windows-1252",
  "iso-8859-15",
  "utf-16",
  "utf-16le",
  "utf-16be",
]);

/**
 * Reads XML as evidence: strictly and streamed. Ends with a FileProblem that names byte and line where the document is
 * cut off, not well-formed, not in its encoding, too deep or too large, or has a DOCTYPE. What the handlers were told
 * before that must not be believed.
 */
export async function readXml(
  content: AsyncIterable<Uint8Array>,
  handlers: XmlHandlers,
  bounds: XmlBounds = DEFAULT_XML_BOUNDS,
): Promise<void> {
  const reading = new Reading(handlers, bounds);
  for await (const chunk of content) reading.write(chunk);
  reading.end();
}

/** One document on its way through the parser. It lives as long as `readXml` runs. */
class Reading {
  readonly #parser: ReturnType<typeof strictParser>;
  readonly #repeats: Repeats;
  readonly #maxPiece: number;
  #decoder: InstanceType<typeof TextDecoder> | undefined;
  #head = new Uint8Array(0);
  #bytesRead = 0;
  #sinceProgress = 0;
  #carried = Buffer.alloc(0);
  /** What the parser is being given, without stand-ins, and where it begins. */
  #text = "";
  #textAt = { byte: 0, character: 0 };
  /** Characters that the parser was given before. Its own position holds only while it is at work. */
  #given = 0;

  constructor(handlers: XmlHandlers, { maxDepth, maxPiece }: XmlBounds) {
    this.#maxPiece = maxPiece;
    this.#repeats = new Repeats(handlers.repeated?.names ?? []);
    this.#parser = this.#openParser(handlers, maxDepth);
  }

  #openParser(handlers: XmlHandlers, maxDepth: number) {
    let depth = 0;
    const deepen = (levels: number) => {
      this.#sinceProgress = 0;
      if (depth + levels > maxDepth) this.#refuse(`Its elements are nested more than ${maxDepth} deep.`);
    };
    return strictParser({
      error: (error) => this.#refuse(`It is not well-formed XML: ${error.message.replace(/\.$/, "")}.`),
      doctype: () => this.#refuse("It has a DOCTYPE, which evidence never needs and attacks do."),
      opentag({ name, attributes }) {
        deepen(1);
        depth += 1;
        handlers.open(name, attributes);
      },
      text: (text) => handlers.text(text),
      cdata: (text) => handlers.text(text),
      processinginstruction: ({ target }) => {
        const element = target === this.#repeats.target ? this.#repeats.next() : undefined;
        if (!element) return;
        if (depth === 0) this.#refuse("It is not well-formed XML: documents may contain only one root.");
        deepen(element.depth);
        handlers.repeated?.element(element);
      },
      closetag: ({ name }) => {
        this.#sinceProgress = 0;
        depth -= 1;
        handlers.close(name);
      },
    });
  }

  write(chunk: Uint8Array): void {
    if (!this.#decoder) {
      this.#head = Buffer.concat([this.#head, chunk]);
      if (this.#head.byteLength < 256) return;
      this.#start();
      return;
    }
    this.#feed(chunk);
  }

  end(): void {
    if (!this.#decoder) this.#start();
    this.#decode(new Uint8Array(0), false);
    try {
      this.#parser.write(this.#repeats.end()).close();
    } catch (error) {
      this.#rethrow(error);
    }
  }

  #start(): void {
    const declared = declaredEncoding(this.#head);
    if (!ENCODINGS.has(declared)) this.#refuse(`It declares the encoding ${declared}, which is not supported.`);
    this.#decoder = new TextDecoder(declared, { fatal: true });
    this.#feed(this.#head);
  }

  #feed(chunk: Uint8Array): void {
    const decoded = this.#decode(chunk, true);
    this.#text = this.#repeats.rest + decoded;
    const short = this.#repeats.shorten(decoded);
    this.#sinceProgress += short.length;
    try {
      this.#parser.write(short);
    } catch (error) {
      this.#rethrow(error);
    }
    if (this.#sinceProgress > this.#maxPiece + short.length) {
      this.#refuse(`A single piece of it is longer than ${this.#maxPiece} characters.`);
    }
    this.#bytesRead += chunk.byteLength;
    this.#text = this.#repeats.rest;
    const behind = this.#bytesOf(this.#text) + this.#carried.byteLength;
    this.#given += short.length;
    const character = this.#given + this.#repeats.savedUpTo(short.length).characters;
    this.#textAt = { byte: this.#bytesRead - behind, character };
  }

  #decode(chunk: Uint8Array, stream: boolean): string {
    if (this.#decoder?.encoding === "utf-8") return this.#decodeUtf8(chunk, stream);
    try {
      return this.#decoder?.decode(chunk, { stream }) ?? "";
    } catch (error) {
      throw this.#undecodable(chunk.byteLength, error);
    }
  }

  /** As the decoder does, but checked and copied by the machine's wide instructions. */
  #decodeUtf8(chunk: Uint8Array, stream: boolean): string {
    const bytes =
      this.#carried.byteLength === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
        : Buffer.concat([this.#carried, chunk]);
    const end = stream ? bytes.byteLength - unfinishedBytes(bytes) : bytes.byteLength;
    const whole = bytes.subarray(0, end);
    if (!isUtf8(whole)) throw this.#undecodable(chunk.byteLength);
    this.#carried = Buffer.from(bytes.subarray(end));
    const text = whole.toString("utf8");
    return this.#bytesRead === 0 && text.startsWith("\ufeff") ? text.slice(1) : text;
  }

  #undecodable(byteLength: number, cause?: unknown): FileProblem {
    return new FileProblem(`It is not valid ${this.#decoder?.encoding}, within the ${byteLength} bytes from here.`, {
      byte: this.#bytesRead,
      line: this.#parser.line + this.#repeats.savedUpTo(Infinity).lines + linesIn(this.#text),
      cause,
    });
  }

  #rethrow(error: unknown): never {
    if (error instanceof FileProblem) throw error;
    return this.#refuse(`It cannot be read as XML: ${reasonOf(error)}.`, error);
  }

  #refuse(reason: string, cause?: unknown): never {
    const { position } = this.#parser;
    const saved = this.#repeats.savedUpTo(position - this.#given);
    const characters = Math.max(0, position + saved.characters - this.#textAt.character);
    const byte = this.#textAt.byte + this.#bytesOf(this.#text.slice(0, characters));
    throw new FileProblem(reason, { byte, line: this.#parser.line + saved.lines, cause });
  }

  #bytesOf(text: string): number {
    if (this.#decoder?.encoding === "utf-8") return Buffer.byteLength(text);
    return this.#decoder?.encoding.startsWith("utf-16") ? text.length * 2 : text.length;
  }
}

/** How many bytes at the end are the beginning of a character that goes on in the next chunk. */
function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.byteLength); back++) {
    const byte = bytes[bytes.byteLength - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}

function declaredEncoding(head: Uint8Array): string {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  const declaration = /^(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([^"']+)/.exec(
    Buffer.from(head.subarray(0, 256)).toString("latin1"),
  );
  return declaration?.[1]?.toLowerCase() ?? "utf-8";
}
