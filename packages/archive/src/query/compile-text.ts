import { addressWord, classWord, domainWord, searchable } from "../searchable-text.ts";
import type { Query, TextField } from "./parse-query.ts";

const COLUMNS: Record<TextField, string> = {
  anywhere: "",
  subject: "subject : ",
  body: "body : ",
  sender: "sender : ",
  recipients: "recipients : ",
  participants: "{sender recipients} : ",
  attachments: "labels : ",
};
const PEOPLE = new Set<TextField>(["anywhere", "sender", "recipients", "participants"]);
const DOMAIN = /^@?[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+$/u;

/**
 * The query in the index's own language. Undefined where a part of it is not the index's to answer: dates, mailboxes
 * and folders.
 */
export function compileText(query: Query, classesLike: (pattern: string) => number[]): string | undefined {
  if (query.kind === "text") return textExpression(query.text, query.anyEnd, query.within);
  if (query.kind === "class") return classExpression(classesLike(query.pattern));
  if (query.kind === "not") return allBut(everything(classesLike), compileText(query.part, classesLike));
  if (query.kind === "or") return joined(query.parts, " OR ", classesLike);
  if (query.kind !== "and") return undefined;
  const excluded = query.parts.flatMap((part) => (part.kind === "not" ? [part.part] : []));
  const wanted = query.parts.filter((part) => part.kind !== "not");
  if (excluded.length === 0) return joined(wanted, " AND ", classesLike);
  const without = joined(excluded, " OR ", classesLike);
  if (wanted.length === 0) return allBut(everything(classesLike), without);
  const including = joined(wanted, " AND ", classesLike);
  return including === undefined ? undefined : allBut(including, without);
}

function joined(parts: Query[], operator: string, classesLike: (pattern: string) => number[]): string | undefined {
  const expressions = parts.map((part) => compileText(part, classesLike));
  return expressions.includes(undefined) ? undefined : `(${expressions.join(operator)})`;
}

function allBut(including: string, without: string | undefined): string | undefined {
  return without === undefined ? undefined : `(${including} NOT ${without})`;
}

/** Every message has a class. */
function everything(classesLike: (pattern: string) => number[]): string {
  return classExpression(classesLike("*"));
}

function classExpression(classes: number[]): string {
  if (classes.length === 0) return phrase(classWord(0));
  return `(${classes.map((id) => phrase(classWord(id))).join(" OR ")})`;
}

/** An address is one word in the index, and so is its domain; in a body it is a phrase as any other. */
function textExpression(text: string, anyEnd: boolean, within: TextField): string {
  const star = anyEnd ? "*" : "";
  const words = `${COLUMNS[within]}${phrase(searchable(text))}${star}`;
  if (!PEOPLE.has(within) || /\s/.test(text)) return words;
  const people = within === "anywhere" ? COLUMNS.participants : COLUMNS[within];
  const isAddress = text.lastIndexOf("@") > 0;
  if (!isAddress && !DOMAIN.test(text)) return words;
  const word = isAddress ? addressWord(text) : domainWord(text.startsWith("@") ? text : `@${text}`);
  const exact = `${people}${phrase(word ?? "")}${star}`;
  return isAddress && within !== "anywhere" ? exact : `(${words} OR ${exact})`;
}

function phrase(text: string): string {
  return `"${text.replaceAll('"', " ")}"`;
}
