import { createHash } from "node:crypto";
import type { Json } from "@hansard/core";

export type JsonObject = { [key: string]: Json };

/** Parses JSON. What comes out is JSON by construction; what it holds is for schemas to say. */
export function parseJson(text: string): Json {
  const value: Json = JSON.parse(text);
  return value;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function stringAt(value: unknown, name: string): string | undefined {
  const found = isObject(value) ? value[name] : undefined;
  return typeof found === "string" ? found : undefined;
}

export function numberAt(value: unknown, name: string): number | undefined {
  const found = isObject(value) ? value[name] : undefined;
  return typeof found === "number" ? found : undefined;
}

export function objectAt(value: unknown, name: string): JsonObject | undefined {
  const found = isObject(value) ? value[name] : undefined;
  return isObject(found) ? found : undefined;
}

export function listAt(value: unknown, name: string): Json[] {
  const found = isObject(value) ? value[name] : undefined;
  return Array.isArray(found) ? found : [];
}

export function stringsAt(value: unknown, name: string): string[] {
  return listAt(value, name).filter((item) => typeof item === "string");
}

/** The same text for equal JSON, however its keys were ordered. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${entries.join(",")}}`;
}

/** A short name of JSON that depends on nothing but its content. */
export function digest(value: Json, length = 16): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, length);
}
