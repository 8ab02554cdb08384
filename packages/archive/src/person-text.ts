import type { Participant } from "@hansard/core";
import { ENTRY_SEPARATOR, FIELD_SEPARATOR, NAME_SEPARATOR } from "./packed-batch.ts";

/** A person as the packed text of a message holds them. */
export function personText({ name, address }: Participant): string {
  return `${name === undefined ? "" : withoutSeparators(name)}${NAME_SEPARATOR}${address === undefined ? "" : withoutSeparators(address)}`;
}

/** A person as lists show them. */
export function displayNameOf(text: string): string {
  const [name = "", address = ""] = text.split(NAME_SEPARATOR);
  return name === "" ? address : `${name} <${address}>`;
}

export function withoutSeparators(text: string): string {
  let clean = text;
  for (const separator of SEPARATORS) if (clean.includes(separator)) clean = clean.replaceAll(separator, " ");
  return clean;
}

const SEPARATORS = [FIELD_SEPARATOR, ENTRY_SEPARATOR, NAME_SEPARATOR];
