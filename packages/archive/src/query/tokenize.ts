import type { Comparison } from "./dates.ts";
import { QueryError } from "./query-error.ts";

export type Token =
  | { kind: "open" | "close" | "and" | "or" | "not"; text: string; position: number }
  | {
      kind: "term";
      /** In lower case; absent for words that stand alone. */
      property?: string;
      comparison?: Comparison;
      text: string;
      /** A `*` stood behind it. */
      anyEnd: boolean;
      position: number;
    };

/** A name of letters, a sign, and no `//` behind it, so that a web address is not taken for a property. */
const PROPERTY = /([A-Za-z]+)(<=|>=|<|>|=|:(?!\/\/))/y;
const QUOTED = /"([^"]*)"(\*?)/y;
const WORD = /[^\s()"]+/y;
const OPERATORS: Record<string, "and" | "or" | "not"> = { AND: "and", OR: "or", NOT: "not" };

/** Cuts a query into words, phrases, conditions and operators. */
export function tokenize(query: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  while (position < query.length) {
    const character = query.charAt(position);
    if (/\s/.test(character)) {
      position += 1;
    } else if (character === "(" || character === ")") {
      tokens.push({ kind: character === "(" ? "open" : "close", text: character, position });
      position += 1;
    } else if (character === "-" && /[^\s)]/.test(query.charAt(position + 1))) {
      tokens.push({ kind: "not", text: "-", position });
      position += 1;
    } else {
      const { token, end } = readTerm(query, position);
      tokens.push(token);
      position = end;
    }
  }
  return tokens;
}

function readTerm(query: string, position: number): { token: Token; end: number } {
  const property = match(PROPERTY, query, position);
  if (property === undefined) {
    const { text, anyEnd, quoted, end } = readValue(query, position);
    const operator = quoted || anyEnd ? undefined : OPERATORS[text];
    if (operator !== undefined) return { token: { kind: operator, text, position }, end };
    return { token: { kind: "term", text, anyEnd, position }, end };
  }
  const [whole, name = "", comparison] = property;
  const start = position + whole.length;
  if (query.charAt(start) === "(") {
    throw new QueryError(`Put "${name}" inside the brackets at character ${start + 1}, before each value.`, start);
  }
  const { text, anyEnd, end } = readValue(query, start);
  return {
    token: { kind: "term", property: name.toLowerCase(), comparison: comparison as Comparison, text, anyEnd, position },
    end,
  };
}

function readValue(query: string, position: number): { text: string; anyEnd: boolean; quoted: boolean; end: number } {
  if (query.charAt(position) === '"') {
    const quoted = match(QUOTED, query, position);
    if (quoted === undefined)
      throw new QueryError(`The quotation mark at character ${position + 1} is never closed.`, position);
    const [whole, text = "", star] = quoted;
    return { text, anyEnd: star === "*", quoted: true, end: position + whole.length };
  }
  const [word = ""] = match(WORD, query, position) ?? [];
  const anyEnd = word.endsWith("*");
  return { text: anyEnd ? word.slice(0, -1) : word, anyEnd, quoted: false, end: position + word.length };
}

function match(pattern: RegExp, text: string, position: number): RegExpExecArray | undefined {
  pattern.lastIndex = position;
  return pattern.exec(text) ?? undefined;
}
