import { hasWords } from "../searchable-text.ts";
import { type Comparison, type Period, parsePeriod } from "./dates.ts";
import { QueryError } from "./query-error.ts";
import { type Token, tokenize } from "./tokenize.ts";

/** What a query asks for. */
export type Query =
  | { kind: "and" | "or"; parts: Query[] }
  | { kind: "not"; part: Query }
  /** Words in this order, next to each other. `anyEnd`: the last may go on. */
  | { kind: "text"; text: string; anyEnd: boolean; within: TextField }
  | { kind: "class"; pattern: string }
  | { kind: "date"; period: Period }
  | { kind: "mailbox" | "folder"; pattern: string };

export type TextField = "anywhere" | "subject" | "sender" | "recipients" | "participants" | "attachments" | "body";

const TEXT_FIELDS: Record<string, TextField> = {
  subject: "subject",
  body: "body",
  from: "sender",
  to: "recipients",
  participants: "participants",
  attachment: "attachments",
};
const PROPERTIES = [...Object.keys(TEXT_FIELDS), "kind", "itemclass", "mailbox", "folder", "sent", "date"];
/** A shorter start would gather a good part of all words there are. */
const SHORTEST_PREFIX = 2;
const DEEPEST = 50;

/** Takes a query apart. Undefined: it asks for everything. Throws a QueryError that names the place. */
export function parseQuery(text: string): Query | undefined {
  const tokens = tokenize(text);
  if (tokens.length === 0) return undefined;
  const reader = { tokens, next: 0, end: text.length, depth: 0 };
  const query = parseOr(reader);
  const rest = tokens[reader.next];
  if (rest !== undefined)
    throw new QueryError(`The bracket at character ${rest.position + 1} closes nothing.`, rest.position);
  return query;
}

interface Reader {
  tokens: Token[];
  next: number;
  end: number;
  depth: number;
}

function parseOr(reader: Reader): Query {
  const parts = [parseAnd(reader)];
  while (reader.tokens[reader.next]?.kind === "or") {
    reader.next += 1;
    parts.push(parseAnd(reader));
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: "or", parts };
}

function parseAnd(reader: Reader): Query {
  const parts = [parseNot(reader)];
  for (;;) {
    const token = reader.tokens[reader.next];
    if (token === undefined || token.kind === "or" || token.kind === "close") break;
    if (token.kind === "and") reader.next += 1;
    parts.push(parseNot(reader));
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: "and", parts };
}

function parseNot(reader: Reader): Query {
  if (reader.tokens[reader.next]?.kind !== "not") return parseOne(reader);
  reader.next += 1;
  return { kind: "not", part: deeper(reader, parseNot) };
}

function parseOne(reader: Reader): Query {
  const token = reader.tokens[reader.next];
  if (token === undefined) throw new QueryError("The query ends where a word was expected.", reader.end);
  reader.next += 1;
  if (token.kind === "term") return termQuery(token);
  if (token.kind !== "open") {
    throw new QueryError(
      `A word was expected at character ${token.position + 1}, before "${token.text}".`,
      token.position,
    );
  }
  const query = deeper(reader, parseOr);
  if (reader.tokens[reader.next]?.kind !== "close") {
    throw new QueryError(`The bracket at character ${token.position + 1} is never closed.`, token.position);
  }
  reader.next += 1;
  return query;
}

function deeper(reader: Reader, parse: (reader: Reader) => Query): Query {
  reader.depth += 1;
  if (reader.depth > DEEPEST)
    throw new QueryError(`The query nests deeper than ${DEEPEST} brackets.`, reader.tokens[reader.next]?.position ?? 0);
  const query = parse(reader);
  reader.depth -= 1;
  return query;
}

function termQuery({ property, comparison, text, anyEnd, position }: Extract<Token, { kind: "term" }>): Query {
  if (property === undefined) return textQuery(text, anyEnd, "anywhere", position);
  if (!PROPERTIES.includes(property)) {
    throw new QueryError(
      `The property "${property}" at character ${position + 1} is unknown. There are ${PROPERTIES.join(", ")}. To look for the words, put them in quotation marks.`,
      position,
    );
  }
  if (text === "")
    throw new QueryError(`"${property}" at character ${position + 1} needs a value right behind it.`, position);
  if (property === "sent" || property === "date")
    return { kind: "date", period: parsePeriod(comparison ?? ":", text, position) };
  if (comparison !== ":" && comparison !== "=") {
    throw new QueryError(
      `"${property}" at character ${position + 1} cannot be compared with ${comparison}. Write ${property}:value.`,
      position,
    );
  }
  const field = TEXT_FIELDS[property];
  if (field !== undefined) return textQuery(text, anyEnd, field, position);
  const pattern = anyEnd ? `${text}*` : text;
  if (property === "kind") return kindQuery(pattern, position);
  if (property === "itemclass") return { kind: "class", pattern };
  return { kind: property === "mailbox" ? "mailbox" : "folder", pattern };
}

function textQuery(text: string, anyEnd: boolean, within: TextField, position: number): Query {
  if (!hasWords(text)) {
    throw new QueryError(
      `"${text}" at character ${position + 1} has no letter, digit or pictograph to look for.`,
      position,
    );
  }
  if (anyEnd && text.length < SHORTEST_PREFIX) {
    throw new QueryError(
      `"${text}*" at character ${position + 1} is too short: give ${SHORTEST_PREFIX} characters before the *.`,
      position,
    );
  }
  return { kind: "text", text, anyEnd, within };
}

/** All third-party data has a class that this pattern fits. */
function kindQuery(value: string, position: number): Query {
  if (value.toLowerCase() === "externaldata") return { kind: "class", pattern: "ipm.externaldata.*" };
  throw new QueryError(`The kind "${value}" at character ${position + 1} is unknown. There is externaldata.`, position);
}

export type { Comparison };
