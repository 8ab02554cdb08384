import type { StoredItem } from "../store-types.ts";
import { EwsError } from "./fault.ts";
import type { Node } from "./xml-tree.ts";

const SETS: Record<string, string> = {
  InternetHeaders: "{00020386-0000-0000-c000-000000000046}",
  PublicStrings: "{00020329-0000-0000-c000-000000000046}",
  Common: "{00062008-0000-0000-c000-000000000046}",
  Appointment: "{00062002-0000-0000-c000-000000000046}",
  Meeting: "{6ed8da90-450b-101b-98da-00aa003f1305}",
  Address: "{00062004-0000-0000-c000-000000000046}",
  Task: "{00062003-0000-0000-c000-000000000046}",
};

export const MESSAGE_FLAGS = "integer 0xe07";
export const DELIVERY_TIME = "systemtime 0xe06";
export const SUBMIT_TIME = "systemtime 0x39";

/** The property's one name in the store, which both protocols share. */
export function propertyName({ attributes }: Node): string {
  const {
    PropertyTag,
    PropertyType = "",
    PropertyName,
    PropertyId,
    DistinguishedPropertySetId,
    PropertySetId,
  } = attributes;
  const type = PropertyType.toLowerCase();
  if (PropertySetId !== undefined && DistinguishedPropertySetId !== undefined)
    throw invalid("The extended property has two property sets.");
  if (PropertyTag !== undefined) {
    if ([PropertyName, PropertyId, PropertySetId, DistinguishedPropertySetId].some((one) => one !== undefined))
      throw invalid("The extended property has a tag, and a name, an id or a property set besides.");
    const tag = Number(PropertyTag);
    if (tag >= 0x8000) throw invalid("A property tag of a named property may not be used.");
    return `${type} 0x${tag.toString(16)}`;
  }
  const set = PropertySetId === undefined ? SETS[DistinguishedPropertySetId ?? ""] : `{${PropertySetId.toLowerCase()}}`;
  if (set === undefined) throw invalid("The extended property has neither a tag nor a property set.");
  if (PropertyName !== undefined && PropertyId === undefined)
    return `${type} ${set} name ${PropertyName.toLowerCase()}`;
  if (PropertyId !== undefined && PropertyName === undefined)
    return `${type} ${set} id 0x${Number(PropertyId).toString(16)}`;
  throw invalid("The extended property must have a name or an id, and not both.");
}

/** Arrays have values, all else has one value. */
export function checkShape({ attributes }: Node, value: Node): void {
  const isArray = attributes["PropertyType"]?.endsWith("Array") === true;
  if (isArray !== (value.name === "Values"))
    throw new EwsError(
      "ErrorInvalidExtendedPropertyValue",
      `A property of the type ${attributes["PropertyType"] ?? ""} has no ${value.name}.`,
    );
}

/** The value as the store keeps it. */
export function propertyValue(name: string, value: string): string {
  const trimmed = value.trim();
  if (/^(integer|short|long) /.test(name) && !/^-?\d{1,18}$/.test(trimmed)) throw invalidValue(name, value);
  if (name.startsWith("boolean ") && !/^(true|false|0|1)$/.test(trimmed)) throw invalidValue(name, value);
  if (!name.startsWith("systemtime ")) return name.startsWith("string ") ? value : trimmed;
  const time = Date.parse(trimmed);
  if (Number.isNaN(time)) throw invalidValue(name, value);
  return new Date(time).toISOString().replace(".000Z", "Z");
}

/** The value of an item's property: what was set, or what the item says by itself. */
export function valueOf(name: string, item: StoredItem, properties: Record<string, string>): string | undefined {
  const own: Record<string, string> = {
    [MESSAGE_FLAGS]: String(Number(properties[MESSAGE_FLAGS] ?? 0) | (item.isDraft ? 8 : 0)),
    [DELIVERY_TIME]: item.receivedAt.toISOString(),
    [SUBMIT_TIME]: item.sentAt.toISOString(),
    "string 0x1a": item.itemClass,
    "string 0x37": item.subject,
    "string 0x1035": item.internetMessageId,
    "string 0x7d": item.content.headers.map(({ name, value }) => `${name}: ${value}\r\n`).join(""),
  };
  return own[name] ?? properties[name];
}

function invalid(message: string): EwsError {
  return new EwsError("ErrorInvalidExtendedProperty", message);
}

function invalidValue(name: string, value: string): EwsError {
  return new EwsError(
    "ErrorInvalidExtendedPropertyValue",
    `The value "${value.slice(0, 50)}" is not valid for the extended property ${name}.`,
  );
}
