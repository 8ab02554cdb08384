import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { SettingsError } from "@hansard/core";
import { issueInWords } from "./issue-in-words.ts";
import type { LoadedConfiguration } from "./load-config.ts";
import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";

/** Where settings stand: what relative paths start from, and how an error about one begins. */
type Place = Pick<LoadedConfiguration, "folder" | "placeOf">;

const REFERENCE = /\$\{(env|file):([^}]+)\}/g;

/**
 * Checks a plugin's settings against its schema, after `${env:NAME}` and `${file:path}` have been put in their place and
 * paths have been made absolute. A secret that stands in the configuration itself is refused. No message shows a value.
 */
export async function pluginSettings(
  schema: StandardSchemaV1,
  settings: Record<string, unknown>,
  path: string,
  place: Place,
): Promise<unknown> {
  const marked = { secrets: markedPaths(schema, "secret"), paths: markedPaths(schema, "path") };
  const parsed = await schema["~standard"].validate(resolved(settings, path, place, marked));
  if (!parsed.issues) return parsed.value;
  const problems = parsed.issues.map(({ path: inner = [], message }) => {
    const full = [path, ...inner.map((part) => String(typeof part === "object" ? part.key : part))].join(".");
    return `${place.placeOf(full)}: ${full} ${issueInWords(message)}`;
  });
  throw new SettingsError(problems.join("\n"), { remedy: "Mend the settings; the package's README lists them." });
}

interface Marked {
  secrets: Set<string>;
  paths: Set<string>;
}

function resolved(value: unknown, path: string, place: Place, marked: Marked, within = ""): unknown {
  if (typeof value === "string") {
    const text = marked.secrets.has(within) ? secretText(value, path, place) : referred(value, path, place);
    return marked.paths.has(within) ? resolve(place.folder, text) : text;
  }
  if (Array.isArray(value))
    return value.map((item, index) => resolved(item, `${path}[${index}]`, place, marked, within));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      resolved(item, `${path}.${key}`, place, marked, within ? `${within}.${key}` : key),
    ]),
  );
}

/** The value of a secret that a setting of the configuration refers to. */
export function secretText(setting: string, path: string, place: Place): string {
  if (setting.startsWith("${")) return referred(setting, path, place);
  throw new SettingsError(`${place.placeOf(path)}: ${path} is a secret and must not stand in the configuration.`, {
    remedy: "Write a reference instead, such as ${env:SLACK_TOKEN} or ${file:./slack-token}.",
  });
}

function referred(setting: string, path: string, place: Place): string {
  return setting.replaceAll(REFERENCE, (_, kind: string, name: string) => dereference(kind, name, path, place));
}

function dereference(kind: string, name: string, path: string, { folder, placeOf }: Place): string {
  if (kind === "env") {
    const value = process.env[name];
    if (value !== undefined) return value;
    throw new SettingsError(`${placeOf(path)}: ${path} refers to the environment variable ${name}, which is not set.`, {
      remedy: `Set ${name} for the process that runs hansard.`,
    });
  }
  try {
    return readFileSync(resolve(folder, name), "utf8").trimEnd();
  } catch (error) {
    throw new SettingsError(
      `${placeOf(path)}: ${path} refers to the file ${name}, which cannot be read (${error instanceof Error && "code" in error ? error.code : "unknown error"}).`,
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
