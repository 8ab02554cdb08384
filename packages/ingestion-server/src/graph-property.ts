import { badRequest } from "./graph-error.ts";

const PROPERTY =
  /^(String|Integer|SystemTime|Boolean|Binary|Double|Float|Short|Long|Currency|CLSID|Null|ApplicationTime) +(?:0x([0-9a-f]{1,4})|(\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}) +(?:Name +(\S.*)|Id +0x([0-9a-f]{1,8})))$/i;

export const MESSAGE_CLASS = "string 0x1a";
export const MESSAGE_FLAGS = "integer 0xe07";
export const DELIVERY_TIME = "systemtime 0xe06";
export const SUBMIT_TIME = "systemtime 0x39";
export const TRANSPORT_HEADERS = "string 0x7d";

/** The one spelling of an extended property's id: what differs in case or in leading zeros is the same property. */
export function canonicalProperty(id: string): string {
  const match = PROPERTY.exec(id);
  if (match === null)
    throw badRequest(
      "ErrorInvalidProperty",
      `The extended property id '${id}' is not in one of the supported formats.`,
    );
  const [, type = "", tag, set = "", name, number = ""] = match;
  if (tag !== undefined) return `${type.toLowerCase()} 0x${Number.parseInt(tag, 16).toString(16)}`;
  const within = name === undefined ? `id 0x${Number.parseInt(number, 16).toString(16)}` : `name ${name.toLowerCase()}`;
  return `${type.toLowerCase()} ${set.toLowerCase()} ${within}`;
}

/** Rejects a value that the property's type does not take. */
export function checkedValue(canonical: string, value: string): string {
  const isWrong =
    (canonical.startsWith("integer ") && !/^-?\d{1,10}$/.test(value)) ||
    (canonical.startsWith("systemtime ") && Number.isNaN(Date.parse(value))) ||
    (canonical.startsWith("boolean ") && !/^(true|false)$/i.test(value)) ||
    (canonical === MESSAGE_CLASS && (value.length > 255 || !/^[\x20-\x7e]*[\x20-\x2d\x2f-\x7e]$/.test(value)));
  if (isWrong)
    throw badRequest(
      "ErrorPropertyValidationFailure",
      `The value '${value.slice(0, 50)}' is not valid for the property '${canonical}'.`,
    );
  return canonical.startsWith("systemtime ") ? new Date(value).toISOString().replace(".000Z", "Z") : value;
}
