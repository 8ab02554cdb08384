import { ATTRIBUTES_OF, ITEM, SEARCH, TEXT_TYPES, TEXTS_OF, TYPES_OF } from "./schema-types.ts";
import { MESSAGES, type Node, TYPES } from "./xml-tree.ts";

/** Where and how a request breaks the schema. */
export class SchemaViolation extends Error {
  readonly line: number;
  readonly position: number;

  constructor(message: string, { line, position }: Node) {
    super(message);
    this.line = line;
    this.position = position;
  }
}

interface Particle {
  choices: { name: string; namespace: string; type?: string }[];
  least: number;
  most: number;
}

const particles = new Map<string, Particle[]>();

/** Whether the server knows the operation. */
export function isOperation({ name, namespace }: Node): boolean {
  return namespace === MESSAGES && OPERATIONS.includes(name);
}

const OPERATIONS = [
  "GetFolder",
  "FindFolder",
  "CreateFolder",
  "FindItem",
  "GetItem",
  "CreateItem",
  "MoveItem",
  "DeleteItem",
  "CreateAttachment",
  "GetAttachment",
  "ResolveNames",
];

/** Throws a SchemaViolation in the words of .NET's validator, which is what Exchange answers with. */
export function validate(operation: Node): void {
  validateType(operation, operation.name);
}

/** The same for what the header says of the version and of whom the request acts as; what is no part of EWS is passed over. */
export function validateHeader(header: Node | undefined): void {
  for (const node of header?.children ?? []) {
    if (node.namespace === TYPES && HEADERS.includes(node.name)) validateType(node, node.name);
  }
}

const HEADERS = ["RequestServerVersion", "ExchangeImpersonation"];

function validateType(node: Node, type: string): void {
  validateAttributes(node, type);
  const expected = particlesOf(type);
  if (!TEXT_TYPES.includes(type) && /\S/.test(node.text)) {
    throw new SchemaViolation(`The element ${named(node)} cannot contain text.`, node);
  }
  let position = 0;
  let count = 0;
  for (const child of node.children) {
    for (;;) {
      const particle = expected[position];
      if (!particle) throw invalidChild(node, child, []);
      const match = particle.choices.find(
        ({ name, namespace }) => name === child.name && namespace === child.namespace,
      );
      if (match && count < particle.most) {
        count += 1;
        if (match.type === undefined) validateText(child);
        else validateType(child, match.type);
        break;
      }
      if (count < particle.least) throw invalidChild(node, child, [particle]);
      if (!mayComeLater(child, expected, position))
        throw invalidChild(node, child, possible(expected, position, count));
      position += 1;
      count = 0;
    }
  }
  const missing = expected.slice(position).find(({ least }, index) => (index === 0 ? count : 0) < least);
  if (missing)
    throw new SchemaViolation(
      `The element ${named(node)} has incomplete content. List of possible elements expected: ${listed([missing])}.`,
      node,
    );
}

function mayComeLater(child: Node, expected: Particle[], position: number): boolean {
  return expected
    .slice(position + 1)
    .some(({ choices }) => choices.some(({ name, namespace }) => name === child.name && namespace === child.namespace));
}

function possible(expected: Particle[], position: number, count: number): Particle[] {
  const rest = expected.slice(position);
  const [first] = rest;
  return first && count >= first.most ? rest.slice(1) : rest;
}

function validateText(node: Node): void {
  const [attribute] = Object.keys(node.attributes);
  if (attribute !== undefined) throw new SchemaViolation(`The '${attribute}' attribute is not declared.`, node);
  const [child] = node.children;
  if (child) throw invalidChild(node, child, []);
  const allowed = TEXTS_OF[node.name];
  if (allowed && !allowed.test(node.text.trim())) {
    throw new SchemaViolation(
      `The '${node.namespace}:${node.name}' element is invalid - The value '${node.text.slice(0, 100)}' is invalid according to its datatype - The Pattern constraint failed.`,
      node,
    );
  }
}

function validateAttributes(node: Node, type: string): void {
  const known = ATTRIBUTES_OF[type] ?? {};
  for (const [name, value] of Object.entries(node.attributes)) {
    const pattern = known[name] ?? known[`${name}!`];
    if (!pattern) throw new SchemaViolation(`The '${name}' attribute is not declared.`, node);
    if (!pattern.test(value)) {
      throw new SchemaViolation(
        `The '${name}' attribute is invalid - The value '${value.slice(0, 100)}' is invalid according to its datatype - The Enumeration constraint failed.`,
        node,
      );
    }
  }
  for (const name of Object.keys(known)) {
    if (name.endsWith("!") && !(name.slice(0, -1) in node.attributes)) {
      throw new SchemaViolation(`The required attribute '${name.slice(0, -1)}' is missing.`, node);
    }
  }
}

function invalidChild(parent: Node, child: Node, expected: Particle[]): SchemaViolation {
  const list = expected.length === 0 ? "" : ` List of possible elements expected: ${listed(expected)}.`;
  return new SchemaViolation(`The element ${named(parent)} has invalid child element ${named(child)}.${list}`, child);
}

function listed(expected: Particle[]): string {
  const names = expected.flatMap(({ choices }) => choices.map(({ name }) => name));
  const namespace = expected[0]?.choices[0]?.namespace ?? TYPES;
  return `'${[...new Set(names)].join(", ")}' in namespace '${namespace}'`;
}

function named({ name, namespace }: Node): string {
  return `'${name}' in namespace '${namespace}'`;
}

function particlesOf(type: string): Particle[] {
  let known = particles.get(type);
  if (known) return known;
  const written = (TYPES_OF[type] ?? "").replace(/\bITEM\b/, ITEM).replace(/\bSEARCH\b/, SEARCH);
  known = written.split(" ").filter(Boolean).map(readParticle);
  particles.set(type, known);
  return known;
}

function readParticle(token: string): Particle {
  const [, body = "", occurs = ""] = /^(.*?)([?*+]?)$/.exec(token) ?? [];
  const choices = body
    .replace(/^\(|\)$/g, "")
    .split("|")
    .map((choice) => {
      const [qualified = "", type] = choice.split("=");
      const isMessages = qualified.startsWith("m:");
      return {
        name: qualified.replace(/^m:/, ""),
        namespace: isMessages ? MESSAGES : TYPES,
        ...(type !== undefined && { type }),
      };
    });
  return {
    choices,
    least: occurs === "?" || occurs === "*" ? 0 : 1,
    most: occurs === "*" || occurs === "+" ? Infinity : 1,
  };
}
