import type { Json } from "@hansard/core";
import { isObject, numberAt, objectAt, parseJson, stringAt, stringsAt } from "../schema/json.ts";
import { type Element, ElementScanner } from "./elements.ts";
import { DamagedFileError, type ExportFiles, type Member } from "./export-files.ts";

/** `workspace` stands for what belongs to no conversation. */
export type ConversationKind = "channel" | "private" | "mpim" | "im" | "workspace";

export interface Conversation {
  id: string;
  name: string;
  kind: ConversationKind;
  workspace: string;
  /** Who is in it when the export was made. */
  members: string[];
  /** Topic and the like, for its context. */
  details: { [name: string]: Json };
}

/** A person as messages need them. */
export interface Person {
  [name: string]: Json | undefined;
  name: string;
  email?: string;
  deleted?: true;
  bot?: true;
}

export type People = Record<string, Person>;

type Problems = { id: string; reason: string }[];

const LIMITS = { maxBytes: 1024 * 1024, maxDepth: 32 };

/** Reads users.json and the like. What cannot be read becomes a problem, and messages show ids in place of names. */
export async function readPeople(
  files: ExportFiles,
  members: (Member | undefined)[],
  inherited: People,
  problems: Problems,
): Promise<People> {
  const people: People = { ...inherited };
  for (const member of members) {
    if (!member) continue;
    await forEachElement(files, member, problems, (element) => {
      const found = personFrom(element);
      if (!found) return "A user without an id was left out";
      people[found.id] = found.person;
      return undefined;
    });
  }
  return people;
}

/** Ids become parts of keys and names of properties. */
function idOf(element: Json): string | undefined {
  const id = stringAt(element, "id");
  return id !== undefined && /^[A-Za-z0-9][\w.-]{0,99}$/.test(id) ? id : undefined;
}

/** A user as Slack describes one, anywhere. */
export function personFrom(element: Json): { id: string; person: Person } | undefined {
  const id = idOf(element);
  return id === undefined ? undefined : { id, person: personOf(element, id) };
}

function personOf(element: Json, id: string): Person {
  const profile = objectAt(element, "profile");
  const name = [
    stringAt(profile, "real_name"),
    stringAt(element, "real_name"),
    stringAt(profile, "display_name"),
    stringAt(element, "name"),
  ].find(Boolean);
  const email = stringAt(profile, "email");
  const person: Person = { name: name ?? id };
  if (email) person.email = email;
  if (isObject(element) && element["deleted"] === true) person.deleted = true;
  if (isObject(element) && element["is_bot"] === true) person.bot = true;
  return person;
}

/** Reads channels.json, groups.json, mpims.json and dms.json. */
export async function readConversations(
  files: ExportFiles,
  sources: { kind: ConversationKind; member: Member | undefined }[],
  workspace: string,
  problems: Problems,
): Promise<Conversation[]> {
  const conversations: Conversation[] = [];
  for (const { kind, member } of sources) {
    if (!member) continue;
    await forEachElement(files, member, problems, (element) => {
      const conversation = conversationFrom(element, kind, workspace);
      if (!conversation) return "A conversation without an id was left out";
      conversations.push(conversation);
      return undefined;
    });
  }
  return conversations;
}

/** A conversation as Slack describes one, anywhere. */
export function conversationFrom(element: Json, kind: ConversationKind, workspace: string): Conversation | undefined {
  const id = idOf(element);
  if (id === undefined) return undefined;
  return {
    id,
    name: stringAt(element, "name") || id,
    kind,
    workspace,
    members: stringsAt(element, "members"),
    details: detailsOf(element),
  };
}

function detailsOf(element: Json): { [name: string]: Json } {
  const details: { [name: string]: Json } = {};
  for (const name of ["topic", "purpose"]) {
    const value = stringAt(objectAt(element, name), "value");
    if (value) details[name] = value;
  }
  // Old exports write times as text.
  const created = Number(stringAt(element, "created") ?? numberAt(element, "created"));
  if (created > 0 && created < 1e11) details["created"] = new Date(created * 1000).toISOString();
  if (isObject(element) && element["is_archived"] === true) details["archived"] = true;
  return details;
}

export function readChannelNames(conversations: Conversation[]): Record<string, string> {
  const named = conversations.filter(({ kind }) => kind === "channel" || kind === "private");
  return Object.fromEntries(named.map(({ id, name }) => [id, name]));
}

async function forEachElement(
  files: ExportFiles,
  member: Member,
  problems: Problems,
  use: (element: Json) => string | undefined,
): Promise<void> {
  const scanner = new ElementScanner(LIMITS);
  const found = new Set<string>();
  function take(elements: Element[]): void {
    for (const element of elements) {
      const problem =
        "problem" in element
          ? element.fatal
            ? element.problem
            : `Element ${element.index} ${element.problem}`
          : useParsed(element.bytes, element.index, use);
      if (problem && found.size < 20) found.add(problem);
    }
  }
  try {
    for await (const chunk of files.read(member)) take(scanner.push(chunk));
    take(scanner.end());
  } catch (error) {
    if (!(error instanceof DamagedFileError)) throw error;
    found.add(`The file ${error.message}`);
  }
  for (const problem of found)
    problems.push({ id: `${member.path}: ${problem}`, reason: `${member.path}: ${problem}.` });
}

function useParsed(bytes: Buffer, index: number, use: (element: Json) => string | undefined): string | undefined {
  let element: Json;
  try {
    element = parseJson(bytes.toString());
  } catch {
    return `Element ${index} is not valid JSON`;
  }
  return use(element);
}
