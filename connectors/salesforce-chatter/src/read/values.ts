import { UnexpectedResponseError } from "@hansard/core";
import type { Row } from "../schema.ts";

/** A time as SOQL and events write it. Salesforce gives `+0000` without a colon, which is not ISO 8601's extended form. */
export function toIso(time: string): string {
  const parsed = new Date(time.replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  if (Number.isNaN(parsed.getTime()))
    throw new UnexpectedResponseError(`Salesforce gave "${time.slice(0, 40)}" as a time.`);
  return parsed.toISOString();
}

/** A field's text; undefined where it is absent, null or something else. */
export function text(row: Row, field: string): string | undefined {
  const value = row[field];
  return typeof value === "string" && value !== "" ? value : undefined;
}
