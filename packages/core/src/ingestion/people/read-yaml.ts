import type * as yaml from "yaml";
import {
  type ParsedFile,
  type PeopleFile,
  type Problem,
  ROLE_NAMES,
  type Role,
  roleOf,
  toEntry,
} from "./people-entry.ts";

type Yaml = typeof yaml;

/** YAML takes a hundred times its size in memory. */
const MAX_CHARACTERS = 16 * 1024 * 1024;
const SHAPES = `Write "U123: anna@contoso.example" for each person, or a list of entries with the keys ${ROLE_NAMES}.`;

/** Reads a people file in YAML: `id-or-address: mailbox` for each person, or a list of entries; also under a key `people`. */
export async function readYaml({ path, text }: PeopleFile, defaultDomain?: string): Promise<ParsedFile> {
  if (text.length > MAX_CHARACTERS)
    return { entries: [], problems: [`${path}: the file is larger than 16 MB. Write so many people as CSV.`] };
  const yaml = await import("yaml");
  const counter = new yaml.LineCounter();
  const document = parse(yaml, text, counter);
  const [error] = document?.errors ?? [];
  if (!document || error) {
    const line = error ? counter.linePos(error.pos[0]).line : 1;
    return {
      entries: [],
      problems: [`${path}:${line}: the file is not valid YAML (${error?.code ?? "nested too deep"}).`],
    };
  }
  const parsed: ParsedFile = { entries: [], problems: [] };
  for (const { line, values, fault } of itemsOf(yaml, document, counter)) {
    const place = `${path}:${line}`;
    const entry = fault === undefined ? toEntry(place, values, defaultDomain) : `${place}: ${fault} ${SHAPES}`;
    if (typeof entry === "string") parsed.problems.push(entry);
    else parsed.entries.push(entry);
  }
  return parsed;
}

function parse(yaml: Yaml, text: string, lineCounter: yaml.LineCounter): yaml.Document.Parsed | undefined {
  try {
    return yaml.parseDocument(text, { lineCounter, prettyErrors: false, merge: false });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

interface Item {
  line: number;
  values: Partial<Record<Role, string>>;
  fault?: Problem;
}

function* itemsOf(yaml: Yaml, document: yaml.Document.Parsed, counter: yaml.LineCounter): Generator<Item> {
  const lineOf = (node: unknown): number => (yaml.isNode(node) && node.range ? counter.linePos(node.range[0]).line : 1);
  const people =
    yaml.isMap(document.contents) && document.contents.items.length === 1
      ? document.contents.get("people", true)
      : undefined;
  const root: unknown = people ?? document.contents;
  if (yaml.isMap(root)) {
    for (const pair of root.items) yield { line: lineOf(pair.key), ...fromPair(yaml, pair) };
  } else if (yaml.isSeq(root)) {
    for (const item of root.items)
      yield {
        line: lineOf(item),
        ...(yaml.isMap(item) ? fromMap(yaml, item) : { values: {}, fault: "The entry is not a mapping." }),
      };
  } else {
    yield { line: lineOf(root), values: {}, fault: "The file holds no people." };
  }
}

function fromPair(yaml: Yaml, { key, value }: yaml.Pair): Omit<Item, "line"> {
  const who = textOf(yaml, key);
  const mailbox = textOf(yaml, value);
  if (who === undefined || mailbox === undefined)
    return { values: {}, fault: "The entry is not one text for one mailbox." };
  return { values: { id: who, mailbox } };
}

function fromMap(yaml: Yaml, map: yaml.YAMLMap): Omit<Item, "line"> {
  const values: Partial<Record<Role, string>> = {};
  for (const { key, value } of map.items) {
    const role = roleOf(textOf(yaml, key) ?? "");
    if (role === undefined) continue;
    const text = textOf(yaml, value);
    if (text === undefined) return { values, fault: `The ${role} is not a text.` };
    if (role in values) return { values, fault: `Two keys hold the ${role}.` };
    values[role] = text;
  }
  return { values };
}

/** A scalar as it is written: `007` is an id of three characters and not a number. */
function textOf(yaml: Yaml, node: unknown): string | undefined {
  if (!yaml.isScalar(node)) return undefined;
  if (node.value === null) return "";
  return typeof node.value === "string" ? node.value.trim() : (node.source ?? JSON.stringify(node.value));
}
