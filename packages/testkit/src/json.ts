import { isDeepStrictEqual } from "node:util";
import type { Json } from "@hansard/core";

/** The value as it comes back from JSON. */
export function throughJson(value: unknown): Json {
  const text = JSON.stringify(value);
  return text === undefined ? null : JSON.parse(text);
}

/** Whether JSON keeps the value as it is: no undefined, Date, Map, NaN or class among it. */
export function isPlainJson(value: unknown): value is Json {
  return isDeepStrictEqual(throughJson(value), value);
}

/** Where two values differ first, in words; undefined where they are equal. */
export function firstDifference(actual: unknown, expected: unknown, path = ""): string | undefined {
  if (isDeepStrictEqual(actual, expected)) return undefined;
  if (isTree(actual) && isTree(expected) && Array.isArray(actual) === Array.isArray(expected)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const difference = firstDifference(actual[key], expected[key], path ? `${path}.${key}` : key);
      if (difference) return difference;
    }
  }
  return `${path || "the whole"} is ${shorten(actual)} and should be ${shorten(expected)}`;
}

/** Freezes a value and all that is in it. */
export function deepFreeze<Value>(value: Value): Value {
  if (isTree(value) && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/** The value with a field that nobody knows in every object of it. */
export function withUnknownFields(value: Json): Json {
  if (Array.isArray(value)) return value.map(withUnknownFields);
  if (!isTree(value)) return value;
  const known = Object.entries(value).map(([key, inner]) => [key, withUnknownFields(inner)]);
  return { ...Object.fromEntries(known), hansardUnknownField: { addedIn: 2031, because: "the source moves on" } };
}

/** The paths of all fields in a value. Elements of a list share the path of the first, as they share its shape. */
export function fieldPaths(value: Json, path: string[] = [], deepest = 6): string[][] {
  if (!isTree(value) || path.length >= deepest) return [];
  if (Array.isArray(value)) return fieldPaths(value[0] ?? null, [...path, "0"], deepest);
  return Object.entries(value).flatMap(([key, inner]) => [
    [...path, key],
    ...fieldPaths(inner, [...path, key], deepest),
  ]);
}

/** A copy without the field at `path`; an index in the path stands for every element. */
export function withoutField(value: Json, [step, ...rest]: string[]): Json {
  if (step === undefined || !isTree(value)) return value;
  if (Array.isArray(value)) return value.map((element) => withoutField(element, rest));
  if (rest.length === 0) return Object.fromEntries(Object.entries(value).filter(([key]) => key !== step));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, key === step ? withoutField(inner, rest) : inner]),
  );
}

function isTree<Value>(value: Value): value is Value & { [key: string]: Json } {
  return typeof value === "object" && value !== null;
}

function shorten(value: unknown): string {
  const text = JSON.stringify(value) ?? "absent";
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
