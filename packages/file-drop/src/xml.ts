import { isUtf8 } from "node:buffer";
import { type SaxesTagPlain, SaxesParser } from "saxes";
import { FileProblem, reasonOf } from "./file-problem.ts";

export interface XmlHandlers {
  open(name: string, attributes: Record<string, string>): void;
  /** May come in several pieces for one element. CDATA comes here too. */
  text(text: string): void;
  close(name: string): void;
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
  readonly #parser = new SaxesParser({
    xmlns: false,
    position: false,
    defaultXMLVersion: "1.0",
    forceXMLVersion: true,
  });
  readonly #maxPiece: number;
  #decoder: InstanceType<typeof TextDecoder> | undefined;
  #head = new Uint8Array(0);
  #bytesBefore = 0;
  #text = "";
  #charactersBefore = 0;
  #sinceProgress = 0;
  #carried = Buffer.alloc(0);

  constructor(handlers: XmlHandlers, { maxDepth, maxPiece }: XmlBounds) {
    this.#maxPiece = maxPiece;
    let depth = 0;
    const parser = this.#parser;
    parser.on("error", (error) => this.#refuse(`It is not well-formed XML: ${error.message.replace(/\.$/, "")}.`));
    parser.on("doctype", () => this.#refuse("It has a DOCTYPE, which evidence never needs and attacks do."));
    parser.on("opentag", (tag: SaxesTagPlain) => {
      this.#sinceProgress = 0;
      depth += 1;
      if (depth > maxDepth) this.#refuse(`Its elements are nested more than ${maxDepth} deep.`);
      handlers.open(tag.name, tag.attributes);
    });
    parser.on("closetag", (tag: SaxesTagPlain) => {
      this.#sinceProgress = 0;
      depth -= 1;
      handlers.close(tag.name);
    });
    parser.on("text", (text) => handlers.text(text));
    parser.on("cdata", (text) => handlers.text(text));
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
      this.#parser.close();
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
    const text = this.#decode(chunk, true);
    this.#charactersBefore = this.#parser.position;
    this.#text = text;
    this.#sinceProgress += text.length;
    try {
      this.#parser.write(text);
    } catch (error) {
      this.#rethrow(error);
    }
    if (this.#sinceProgress > this.#maxPiece + text.length) {
      this.#refuse(`A single piece of it is longer than ${this.#maxPiece} characters.`);
    }
    this.#bytesBefore += chunk.byteLength;
    this.#text = "";
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
    return this.#bytesBefore === 0 && text.startsWith("\ufeff") ? text.slice(1) : text;
  }

  #undecodable(byteLength: number, cause?: unknown): FileProblem {
    return new FileProblem(`It is not valid ${this.#decoder?.encoding}, within the ${byteLength} bytes from here.`, {
      byte: this.#bytesBefore,
      line: this.#parser.line,
      cause,
    });
  }

  #rethrow(error: unknown): never {
    if (error instanceof FileProblem) throw error;
    return this.#refuse(`It cannot be read as XML: ${reasonOf(error)}.`, error);
  }

  #refuse(reason: string, cause?: unknown): never {
    const characters = Math.max(0, this.#parser.position - this.#charactersBefore);
    const wide = this.#decoder?.encoding.startsWith("utf-16") ? 2 : this.#decoder?.encoding === "utf-8" ? 0 : 1;
    const consumed = this.#text.slice(0, characters);
    const byte = this.#bytesBefore + (wide === 0 ? Buffer.byteLength(consumed) : consumed.length * wide);
    throw new FileProblem(reason, { byte, line: this.#parser.line, cause });
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
