import { code, table } from "./markdown.ts";
import type { Source } from "./outputs.ts";

interface Node {
  description?: string;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  examples?: unknown[];
  secret?: boolean;
  path?: boolean;
  required?: string[];
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  items?: Node;
  anyOf?: Node[];
  oneOf?: Node[];
  allOf?: Node[];
}

/** What a Standard Schema's library adds that implements the Standard JSON Schema interface. */
interface WithJsonSchema {
  jsonSchema?: { input(options: { target: "draft-2020-12" }): Record<string, unknown> };
}

interface Setting {
  path: string;
  node: Node;
  isRequired: boolean;
}

/** The table of a connector's settings, out of their JSON Schema. */
export function settingsSection({ connector }: Source): string {
  const { jsonSchema } = connector.settings["~standard"] as WithJsonSchema;
  const schema = jsonSchema?.input({ target: "draft-2020-12" });
  if (!schema) throw new Error(`The settings of ${connector.id} have no JSON Schema.`);
  const settings = [...new Map(settingsIn(schema as Node).map((setting) => [setting.path, setting])).values()];
  if (settings.length === 0) return "There are no settings.";
  return table(["setting", "meaning", "default"], settings.map(row));
}

function row({ path, node, isRequired }: Setting): string[] {
  return [code(path), meaning(node), defaultOf(node, isRequired)];
}

function meaning(node: Node): string {
  const { examples = [] } = node;
  const description = found(node, "description") ?? "";
  const values = valuesOf(node);
  const sentences = [
    sentence(description),
    values.length > 1 ? `One of ${values.map(code).join(", ")}.` : "",
    examples.length > 0 ? `Such as ${examples.map(code).join(" or ")}.` : "",
    found(node, "secret") ? "A secret: write a reference, such as `${env:NAME}`." : "",
    found(node, "path") && !/relative to/i.test(description) ? "Relative to the configuration." : "",
  ];
  return sentences.filter(Boolean).join(" ");
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return trimmed === "" || /[.!?:]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

function defaultOf(node: Node, isRequired: boolean): string {
  if (node.default !== undefined && !isEmptyObject(node.default)) return code(node.default);
  return isRequired && node.default === undefined ? "required" : "";
}

function valuesOf({ enum: values, items, anyOf = [], oneOf = [] }: Node): unknown[] {
  if (values) return values;
  if (items?.enum) return items.enum;
  const constants = [...anyOf, ...oneOf].map((node) => node.const);
  return constants.every((value) => value !== undefined) ? constants : [];
}

/** A mark that may stand at an alternative of the setting. */
function found<Mark extends "description" | "secret" | "path">(node: Node, mark: Mark): Node[Mark] | undefined {
  if (node[mark] !== undefined) return node[mark];
  const alternatives = [
    ...(node.anyOf ?? []),
    ...(node.oneOf ?? []),
    ...(node.allOf ?? []),
    ...(node.items && !node.items.properties ? [node.items] : []),
  ];
  return alternatives
    .filter(({ properties }) => !properties)
    .map((alternative) => found(alternative, mark))
    .find(Boolean);
}

function settingsIn(node: Node, path = ""): Setting[] {
  const { properties = {}, required = [], items, anyOf = [], oneOf = [], allOf = [], additionalProperties } = node;
  const own = Object.entries(properties).flatMap(([key, inner]): Setting[] => {
    const name = path ? `${path}.${key}` : key;
    return [{ path: name, node: inner, isRequired: required.includes(key) }, ...settingsIn(inner, name)];
  });
  const alternatives = [...anyOf, ...oneOf, ...allOf].flatMap((inner) => settingsIn(inner, path));
  const listed = items ? settingsIn(items, `${path}[]`) : [];
  const named = typeof additionalProperties === "object" ? settingsIn(additionalProperties, `${path}.<name>`) : [];
  return [...own, ...alternatives, ...listed, ...named];
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0 && !Array.isArray(value);
}
