import { badRequest } from "./graph-error.ts";

/** An OData `$filter`, as a tree. */
export type Filter =
  | { and: Filter[] }
  | { or: Filter[] }
  | { not: Filter }
  | { path: string; is: "eq" | "ne" | "gt" | "ge" | "lt" | "le" | "contains" | "startsWith"; value: Literal }
  | { any: string; variable: string; body: Filter };
export type Literal = string | number | boolean | null | Date;

const TOKEN =
  /\s*(?:('(?:[^']|'')*')|(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))|(-?\d+(?:\.\d+)?)(?![\w-])|([A-Za-z_@][\w@./-]*)|([(),:]))/y;
const DEPTH = 20;

/** Rejects with BadRequest, as Graph does, where the text is no filter. */
export function parseFilter(text: string): Filter {
  const parser = new Parser(tokenize(text));
  const filter = parser.or(0);
  parser.end();
  return filter;
}

interface Token {
  kind: "string" | "date" | "number" | "word" | "mark";
  text: string;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  let at = 0;
  while (text.slice(at).trim() !== "") {
    const match = TOKEN.exec(text);
    if (match === null) throw invalid(`syntax error at position ${at} in '${text}'`);
    const [, string, date, number, word, mark] = match;
    if (string !== undefined) tokens.push({ kind: "string", text: string.slice(1, -1).replaceAll("''", "'") });
    else if (date !== undefined) tokens.push({ kind: "date", text: date });
    else if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
    else tokens.push({ kind: "mark", text: mark ?? "" });
    at = TOKEN.lastIndex;
  }
  return tokens;
}

class Parser {
  readonly #tokens: Token[];
  #at = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  or(depth: number): Filter {
    if (depth > DEPTH) throw invalid("the filter is nested too deeply");
    const parts = [this.#and(depth)];
    while (this.#takeWord("or")) parts.push(this.#and(depth));
    return parts.length === 1 && parts[0] ? parts[0] : { or: parts };
  }

  end(): void {
    const left = this.#tokens[this.#at];
    if (left !== undefined) throw invalid(`unexpected '${left.text}'`);
  }

  #and(depth: number): Filter {
    const parts = [this.#one(depth)];
    while (this.#takeWord("and")) parts.push(this.#one(depth));
    return parts.length === 1 && parts[0] ? parts[0] : { and: parts };
  }

  #one(depth: number): Filter {
    if (this.#takeWord("not")) return { not: this.#one(depth + 1) };
    if (this.#takeMark("(")) {
      const inner = this.or(depth + 1);
      this.#need(")");
      return inner;
    }
    const word = this.#word();
    if (/^(contains|startswith)$/i.test(word) && this.#takeMark("(")) return this.#call(word);
    if (/\/any$/i.test(word) && this.#takeMark("(")) return this.#any(word.slice(0, -"/any".length), depth);
    return this.#comparison(word);
  }

  #call(name: string): Filter {
    const path = this.#word();
    this.#need(",");
    const value = this.#literal();
    this.#need(")");
    return { path, is: name.toLowerCase() === "contains" ? "contains" : "startsWith", value };
  }

  #any(path: string, depth: number): Filter {
    const variable = this.#word();
    this.#need(":");
    const body = this.or(depth + 1);
    this.#need(")");
    return { any: path, variable, body };
  }

  #comparison(path: string): Filter {
    const is = this.#word();
    if (is === "eq" || is === "ne" || is === "gt" || is === "ge" || is === "lt" || is === "le")
      return { path, is, value: this.#literal() };
    throw invalid(`unknown operator '${is}'`);
  }

  #literal(): Literal {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    if (token?.kind === "string") return token.text;
    if (token?.kind === "date") return new Date(token.text);
    if (token?.kind === "number") return Number(token.text);
    if (token?.text === "true" || token?.text === "false") return token.text === "true";
    if (token?.text === "null") return null;
    throw invalid(`a value is expected instead of '${token?.text ?? "the end"}'`);
  }

  #word(): string {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "word") throw invalid(`a name is expected instead of '${token?.text ?? "the end"}'`);
    this.#at += 1;
    return token.text;
  }

  #takeWord(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "word" || token.text !== text) return false;
    this.#at += 1;
    return true;
  }

  #takeMark(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "mark" || token.text !== text) return false;
    this.#at += 1;
    return true;
  }

  #need(mark: string): void {
    if (!this.#takeMark(mark)) throw invalid(`'${mark}' is expected`);
  }
}

function invalid(reason: string): Error {
  return badRequest("BadRequest", `Invalid filter clause: ${reason}.`);
}
