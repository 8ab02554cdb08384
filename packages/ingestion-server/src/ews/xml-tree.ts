import { SaxesParser } from "saxes";

export const TYPES = "http://schemas.microsoft.com/exchange/services/2006/types";
export const MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages";
export const ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors";
export const SOAP = "http://schemas.xmlsoap.org/soap/envelope/";

/** Of the attributes that any element may carry. */
const INSTANCE = "http://www.w3.org/2001/XMLSchema-instance";

/** An element of a request, with the place where it begins. */
export interface Node {
  name: string;
  namespace: string;
  attributes: Record<string, string>;
  children: Node[];
  text: string;
  line: number;
  position: number;
}

export class MalformedXml extends Error {
  override readonly name = "MalformedXml";
}

const DEEPEST = 60;

/** Reads a request. Throws MalformedXml where it is no well-formed XML, or has a document type. */
export function readTree(text: string): Node {
  const parser = new SaxesParser({ xmlns: true });
  const open: Node[] = [];
  let root: Node | undefined;
  parser.on("error", (error) => {
    throw new MalformedXml(error.message);
  });
  parser.on("doctype", () => {
    throw new MalformedXml("A document type is not allowed.");
  });
  parser.on("opentag", ({ local, uri, attributes }) => {
    const node: Node = {
      name: local,
      namespace: uri,
      attributes: Object.create(null),
      children: [],
      text: "",
      line: parser.line,
      position: parser.column,
    };
    for (const attribute of Object.values(attributes)) {
      const { prefix, local, uri, value } = attribute;
      if (prefix === "xmlns" || local === "xmlns" || uri === INSTANCE) continue;
      // Another namespace's attribute is another attribute.
      node.attributes[uri === "" ? local : attribute.name] = value;
    }
    open.at(-1)?.children.push(node);
    if (open.push(node) > DEEPEST) throw new MalformedXml("The elements are nested too deeply.");
    root ??= node;
  });
  parser.on("closetag", () => open.pop());
  const add = (more: string): void => {
    const node = open.at(-1);
    if (node) node.text += more;
  };
  parser.on("text", add);
  parser.on("cdata", add);
  parser.write(text).close();
  if (!root) throw new MalformedXml("There is no element.");
  return root;
}

export function child(node: Node | undefined, ...path: string[]): Node | undefined {
  let here = node;
  for (const name of path) here = here?.children.find((candidate) => candidate.name === name);
  return here;
}

export function text(node: Node | undefined, ...path: string[]): string | undefined {
  return child(node, ...path)?.text.trim();
}

// What XML 1.0 cannot carry at all (§2.2).
const NOT_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#xD;" };

export function escaped(value: string): string {
  return value.replace(NOT_XML, "\ufffd").replace(/[&<>"\r]/g, (character) => ESCAPES[character] ?? "");
}

/** An element of the types namespace with a text; nothing where there is none. */
export function element(name: string, value: string | number | boolean | undefined): string {
  return value === undefined ? "" : `<t:${name}>${escaped(String(value))}</t:${name}>`;
}
