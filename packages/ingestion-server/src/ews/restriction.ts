import type { Comparison, ItemField, ItemFilter } from "../store-query.ts";
import { EwsError } from "./fault.ts";
import { propertyName } from "./property.ts";
import { child, type Node } from "./xml-tree.ts";

const FIELDS: Record<string, ItemField> = {
  "item:Subject": "subject",
  "message:InternetMessageId": "internetMessageId",
  "item:ItemClass": "itemClass",
  "item:DateTimeReceived": "receivedAt",
  "item:DateTimeSent": "sentAt",
  "item:DateTimeCreated": "createdAt",
  "message:IsRead": "isRead",
  "item:IsDraft": "isDraft",
  "item:HasAttachments": "hasAttachments",
  "item:Size": "size",
};
const COMPARISONS: Record<string, Comparison> = {
  IsEqualTo: "eq",
  IsNotEqualTo: "ne",
  IsGreaterThan: "gt",
  IsGreaterThanOrEqualTo: "ge",
  IsLessThan: "lt",
  IsLessThanOrEqualTo: "le",
};
const MOST_CONDITIONS = 255;

/** What a restriction asks for, in the store's words. */
export function readRestriction(restriction: Node | undefined): ItemFilter | undefined {
  const [condition] = restriction?.children ?? [];
  if (!condition) return undefined;
  if (count(condition) > MOST_CONDITIONS)
    throw new EwsError("ErrorRestrictionTooComplex", "The restriction is too complex.");
  return read(condition);
}

function read(node: Node): ItemFilter {
  if (node.name === "And") return { and: node.children.map(read) };
  if (node.name === "Or") return { or: node.children.map(read) };
  const [first] = node.children;
  if (!first) throw unsupported(node);
  if (node.name === "Not") return { not: read(first) };
  if (node.name === "Exists") {
    return first.name === "ExtendedFieldURI"
      ? { hasProperty: propertyName(first) }
      : { field: fieldOf(first), is: "ne", value: "" };
  }
  if (node.name === "Contains") {
    const mode = node.attributes["ContainmentMode"] ?? "FullString";
    return compare(
      first,
      mode === "Prefixed" || mode === "PrefixOnWords" ? "startsWith" : mode === "FullString" ? "eq" : "contains",
      child(node, "Constant"),
    );
  }
  const is = COMPARISONS[node.name];
  if (!is) throw unsupported(node);
  return compare(first, is, child(node, "FieldURIOrConstant", "Constant"));
}

function compare(path: Node, is: Comparison, constant: Node | undefined): ItemFilter {
  if (!constant) throw unsupported(path);
  const value = constant.attributes["Value"] ?? "";
  if (path.name === "ExtendedFieldURI") return { property: propertyName(path), is, value };
  const field = fieldOf(path);
  return { field, is, value: typed(field, value) };
}

function typed(field: ItemField, value: string): string | number | boolean | Date {
  if (field.endsWith("At")) {
    const date = new Date(value);
    if (Number.isNaN(date.getTime())) throw new EwsError("ErrorInvalidValueForProperty", `"${value}" is not a time.`);
    return date;
  }
  if (field === "size") return Number(value);
  return field.startsWith("is") || field === "hasAttachments" ? /^(true|1)$/i.test(value) : value;
}

export function fieldOf(path: Node): ItemField {
  const field = FIELDS[path.attributes["FieldURI"] ?? ""];
  if (!field) throw unsupported(path);
  return field;
}

function unsupported({ name, attributes }: Node): EwsError {
  return new EwsError(
    "ErrorUnsupportedPathForQuery",
    `The path ${attributes["FieldURI"] ?? name} is not supported for this query.`,
  );
}

function count({ children }: Node): number {
  return (
    1 +
    children.reduce(
      (sum, child) =>
        sum +
        (child.name.startsWith("Is") || ["And", "Or", "Not", "Contains", "Exists"].includes(child.name)
          ? count(child)
          : 0),
      0,
    )
  );
}
