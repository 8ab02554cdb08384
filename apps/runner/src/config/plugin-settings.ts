import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { SettingsError } from "@hansard/core";
import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";

const REFERENCE = /\$\{(env|file):([^}]+)\}/g;

/**
 * Checks a plugin's settings against its schema, after `${env:NAME}` and `${file:path}` have been put in their place and
 * paths have been made absolute. A secret that stands in the configuration itself is refused. No message shows a value.
 */
export async function pluginSettings(
  schema: StandardSchemaV1,
  settings: Record<string, unknown>,
  place: { path: string; folder: string },
): Promise<unknown> {
  const marked = { secrets: markedPaths(schema, "secret"), paths: markedPaths(schema, "path") };
  const parsed = await schema["~standard"].validate(resolved(settings, place.path, place.folder, marked));
  if (!parsed.issues) return parsed.value;
  const problems = parsed.issues.map(({ path, message }) => {
    const name = (path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".");
    return `${place.path}${name ? `.${name}` : ""}: ${message}.`;
  });
  throw new SettingsError(problems.join("\n"), { remedy: "Mend the settings; the package's README lists them." });
}

interface Marked {
  secrets: Set<string>;
  paths: Set<string>;
}

function resolved(value: unknown, path: string, folder: string, marked: Marked, within = ""): unknown {
  if (typeof value === "string") {
    const text = marked.secrets.has(within) ? secretText(value, path, folder) : referred(value, path, folder);
    return marked.paths.has(within) ? resolve(folder, text) : text;
  }
  if (Array.isArray(value))
    return value.map((item, index) => resolved(item, `${path}[${index}]`, folder, marked, within));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      resolved(item, `${path}.${key}`, folder, marked, within ? `${within}.${key}` : key),
    ]),
  );
}

/** The value of a secret that a setting of the configuration refers to. */
export function secretText(setting: string, path: string, folder: string): string {
  if (setting.startsWith("${")) return referred(setting, path, folder);
  throw new SettingsError(`${path} is a secret and must not stand in the configuration.`, {
    remedy: "Write a reference instead, such as ${env:SLACK_TOKEN} or ${file:./slack-token}.",
  });
}

function referred(setting: string, path: string, folder: string): string {
  return setting.replaceAll(REFERENCE, (_, kind: string, name: string) => dereference(kind, name, path, folder));
}

function dereference(kind: string, name: string, path: string, folder: string): string {
  if (kind === "env") {
    const value = process.env[name];
    if (value !== undefined) return value;
    throw new SettingsError(`${path} refers to the environment variable ${name}, which is not set.`, {
      remedy: `Set ${name} for the process that runs hansard.`,
    });
  }
  try {
    return readFileSync(resolve(folder, name), "utf8").trimEnd();
  } catch (error) {
    throw new SettingsError(
      `${path} refers to the file ${name}, which cannot be read (${error instanceof Error && "code" in error ? error.code : "unknown error"}).`,
      {
        remedy: "Give the path relative to the configuration, and let the user that runs hansard read it.",
        cause: error,
      },
    );
  }
}

/** Where the settings are that the schema marks with `secret: true` or `path: true`, through objects and alternatives. */
export function markedPaths(schema: StandardSchemaV1, mark: "secret" | "path"): Set<string> {
  const found = new Set<string>();
  collectMarked(jsonSchemaOf(schema), mark, "", found);
  return found;
}

function collectMarked(node: unknown, mark: string, path: string, found: Set<string>): void {
  if (typeof node !== "object" || node === null) return;
  const schema = node as Record<string, unknown>;
  if (schema[mark] === true) found.add(path);
  for (const key of ["anyOf", "oneOf", "allOf"]) {
    const alternatives = schema[key];
    if (Array.isArray(alternatives))
      for (const alternative of alternatives) collectMarked(alternative, mark, path, found);
  }
  collectMarked(schema["items"], mark, path, found);
  for (const [key, property] of Object.entries(schema["properties"] ?? {}))
    collectMarked(property, mark, path ? `${path}.${key}` : key, found);
}

/** The JSON Schema of what a Standard Schema takes in, or undefined where its library gives none. */
export function jsonSchemaOf(schema: StandardSchemaV1): unknown {
  const standard: Partial<StandardJSONSchemaV1["~standard"]> = schema["~standard"];
  return standard.jsonSchema?.input({ target: "draft-2020-12" });
}
