import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { HttpAnswer } from "./http-client.ts";
import { unexpected, type Wording } from "./http-failure.ts";

/** Deeper than any real answer, and shallow enough for every recursive function that meets the data later. */
const MAX_DEPTH = 200;
const MAX_NAMED_ISSUES = 3;
const TOKEN =
  // oxlint-disable-next-line no-control-regex -- JSON forbids them within strings
  /[ \t\n\r]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;

/** Parses the JSON of an answer with `schema`. Errors name the URL, and the position or the path, and never the content. */
export async function parseJson<Schema extends StandardSchemaV1>(
  { headers, body }: HttpAnswer,
  schema: Schema,
  url: string,
  wording: Wording,
): Promise<StandardSchemaV1.InferOutput<Schema>> {
  const place = `The answer of ${wording.name(url)}`;
  if (body.length === 0) throw unexpected(`${place} is empty, where JSON was expected.`);
  if (isDeeperThan(MAX_DEPTH, body)) throw unexpected(`${place} is JSON nested deeper than ${MAX_DEPTH} levels.`);
  const value = parse(decode(body, place), headers, place);
  const result = await validate(schema, value, place);
  if (!result.issues) return result.value;

  const named = result.issues
    .slice(0, MAX_NAMED_ISSUES)
    .map((issue) => `${pathOf(issue)}: ${issue.message.slice(0, 200)}`);
  const more = result.issues.length > MAX_NAMED_ISSUES ? `; and ${result.issues.length - MAX_NAMED_ISSUES} more` : "";
  throw unexpected(wording.clean(`${place} is not what the connector knows. ${named.join("; ")}${more}.`));
}

function isDeeperThan(limit: number, body: Uint8Array): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < body.length; index += 1) {
    const byte = body[index];
    if (byte === 0x22) inString = !inString;
    else if (inString) {
      if (byte === 0x5c) index += 1;
    } else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > limit) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth -= 1;
  }
  return false;
}

function decode(body: Uint8Array, place: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw unexpected(`${place} is not UTF-8, as JSON must be.`);
  }
}

function parse(text: string, headers: Headers, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The engine's own message quotes the content.
    if (/html/i.test(headers.get("content-type") ?? "") || /^\s*<(!doctype|html)/i.test(text)) {
      throw unexpected(
        `${place} is HTML, where JSON was expected.`,
        "Look whether a sign-in page or a proxy answers in the source's place.",
      );
    }
    throw unexpected(`${place} is not JSON: it breaks at character ${findBreak(text)} of ${text.length}.`);
  }
}

/** The offset of the first character that cannot stand where it stands. */
function findBreak(text: string): number {
  const open: string[] = [];
  let expected = "value";
  TOKEN.lastIndex = 0;
  for (;;) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) return start + (/^[ \t\n\r]*/.exec(text.slice(start))?.[0].length ?? 0);
    const next = follow(expected, match[1] ?? (match[2] === undefined ? "scalar" : "string"), open);
    if (next === undefined) return TOKEN.lastIndex - match[0].trimStart().length;
    expected = next;
  }
}

/** What may come after a token, or undefined where the token may not come. */
function follow(expected: string, token: string, open: string[]): string | undefined {
  const mayBeValue = expected === "value" || expected === "value or ]";
  if (mayBeValue && (token === "{" || token === "[")) {
    open.push(token === "{" ? "}" : "]");
    return token === "{" ? "key or }" : "value or ]";
  }
  if (mayBeValue && (token === "scalar" || token === "string")) return afterValue(open);
  if (token === "string" && expected.startsWith("key")) return "colon";
  if (token === ":" && expected === "colon") return "value";
  if (token === "," && expected === "comma") return open.at(-1) === "}" ? "key" : "value";
  if (token !== open.at(-1) || !(expected === "comma" || expected.endsWith(token))) return undefined;
  open.pop();
  return afterValue(open);
}

function afterValue(open: string[]): string {
  return open.length === 0 ? "end" : "comma";
}

async function validate<Schema extends StandardSchemaV1>(
  schema: Schema,
  value: unknown,
  place: string,
): Promise<StandardSchemaV1.Result<StandardSchemaV1.InferOutput<Schema>>> {
  try {
    return await schema["~standard"].validate(value);
  } catch (error) {
    throw unexpected(`${place} makes its schema fail (${error instanceof Error ? error.name : "unknown"}).`);
  }
}

function pathOf({ path = [] }: StandardSchemaV1.Issue): string {
  const keys = path.map((part) => (typeof part === "object" ? part.key : part));
  const text = keys.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key).slice(0, 60)}`)).join("");
  return text === "" ? "The whole" : `At ${text.replace(/^\./, "")}`;
}
