import { XMLParser, XMLValidator } from "fast-xml-parser";

/** An element of an answer. Names are without prefix; texts are as they came, entities resolved. */
export interface Element {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: Element[];
  text: string;
}

const DEEPEST = 60;
// What XML 1.0 cannot carry at all (§2.2): control characters, lone surrogates, U+FFFE and U+FFFF.
const NOT_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\r": "&#13;",
  "\n": "&#10;",
  "\t": "&#9;",
};

/** Text as it may stand in an element or an attribute. */
export function xml(text: string): string {
  return text.replace(NOT_XML, "\ufffd").replace(/[&<>"\r\n\t]/g, (character) => ESCAPES[character] ?? "");
}

// Element and attribute values are never interpreted: an id of digits stays a text, and blanks stay.
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  ignoreDeclaration: true,
  ignorePiTags: true,
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  // Without it character references such as &#13; stay as they are.
  htmlEntities: true,
  processEntities: {
    enabled: true,
    maxEntitySize: 0,
    maxEntityCount: 0,
    maxTotalExpansions: 10_000_000,
    maxExpandedLength: 1024 ** 3,
  },
  maxNestedTags: DEEPEST,
});

/** Reads an answer. Throws where it is no well-formed XML, has a document type, or is deeper than any answer of EWS. */
export function readXml(text: string): Element {
  // The parser alone takes a truncated answer for a whole one.
  const verdict = XMLValidator.validate(text);
  if (verdict !== true) throw new Error(`The answer is not well-formed XML: ${verdict.err.msg}`);
  if (/<!DOCTYPE/i.test(text.slice(0, 4096)))
    throw new Error("The answer has a document type, which no answer of EWS has.");
  const parsed: unknown = parser.parse(text);
  const root = elementsIn(parsed).children[0];
  if (root === undefined) throw new Error("The answer has no element.");
  return root;
}

/** The first child of each name in turn. */
export function at(element: Element | undefined, ...path: string[]): Element | undefined {
  let here = element;
  for (const name of path) here = here?.children.find((child) => child.name === name);
  return here;
}

/** The text at a path, without the blanks around it. */
export function textAt(element: Element | undefined, ...path: string[]): string | undefined {
  return at(element, ...path)?.text.trim();
}

/** The first element of this name, at whatever depth. */
export function find(element: Element | undefined, name: string): Element | undefined {
  if (element === undefined || element.name === name) return element;
  for (const child of element.children) {
    const found = find(child, name);
    if (found) return found;
  }
  return undefined;
}

function elementsIn(nodes: unknown): Pick<Element, "children" | "text"> {
  const found: Pick<Element, "children" | "text"> = { children: [], text: "" };
  for (const node of Array.isArray(nodes) ? nodes : []) {
    const entries = Object.entries(node as Record<string, unknown>);
    const [name, content] = entries.find(([key]) => key !== ":@") ?? [];
    if (name === undefined) continue;
    if (name === "#text") found.text += String(content);
    else found.children.push({ name, attributes: attributesOf(node), ...elementsIn(content) });
  }
  return found;
}

function attributesOf(node: unknown): Record<string, string> {
  const given: unknown = (node as Record<string, unknown>)[":@"];
  const attributes: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(given ?? {})) attributes[name] = String(value);
  return attributes;
}
