import type { Connector } from "@hansard/core";
import type { StandardJSONSchemaV1 } from "@standard-schema/spec";
import { z } from "zod";
import type { Settings } from "./options.ts";

const Node = z.looseObject({
  description: z.string().optional(),
  secret: z.boolean().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
  allOf: z.array(z.unknown()).optional(),
});

/** One setting as the schema's JSON Schema describes it. */
export interface SettingNode {
  /** Such as `accounts.id`. */
  path: string;
  described: boolean;
  secret: boolean;
}

/** The JSON Schema of the settings, or undefined where the schema's library gives none. */
export function settingsJsonSchema({ settings }: Connector): Record<string, unknown> | undefined {
  const standard: Partial<StandardJSONSchemaV1["~standard"]> = settings["~standard"];
  return standard.jsonSchema?.input({ target: "draft-2020-12" });
}

/** Every setting, those within others too. */
export function settingNodes(schema: unknown, path = ""): SettingNode[] {
  const parsed = Node.safeParse(schema);
  if (!parsed.success) return [];
  const { properties = {}, items, anyOf = [], oneOf = [], allOf = [] } = parsed.data;
  const inner = [...anyOf, ...oneOf, ...allOf, items].flatMap((node) => settingNodes(node, path));
  const own = Object.entries(properties).flatMap(([key, node]) => {
    const name = path ? `${path}.${key}` : key;
    return [{ path: name, described: isDescribed(node), secret: isSecret(node) }, ...settingNodes(node, name)];
  });
  return [...own, ...inner];
}

/** The values of the settings that the schema marks as secrets. */
export function secretValues(schema: unknown, configured: Settings): string[] {
  const paths = new Set(
    settingNodes(schema)
      .filter(({ secret }) => secret)
      .map(({ path }) => path),
  );
  return valuesAt(configured, "", paths);
}

function valuesAt(value: unknown, path: string, paths: Set<string>): string[] {
  if (typeof value === "string") return paths.has(path) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((item) => valuesAt(item, path, paths));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => valuesAt(item, path ? `${path}.${key}` : key, paths));
}

function isDescribed(node: unknown): boolean {
  return hasMark(node, ({ description }) => description !== undefined && description.trim().length >= 10);
}

function isSecret(node: unknown): boolean {
  return hasMark(node, ({ secret }) => secret === true);
}

function hasMark(node: unknown, mark: (node: z.infer<typeof Node>) => boolean): boolean {
  const parsed = Node.safeParse(node);
  if (!parsed.success) return false;
  const { anyOf = [], oneOf = [], allOf = [], items } = parsed.data;
  return mark(parsed.data) || [...anyOf, ...oneOf, ...allOf, items].some((inner) => hasMark(inner, mark));
}
