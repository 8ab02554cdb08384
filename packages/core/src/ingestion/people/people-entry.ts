import { normalizeAddress } from "./address.ts";

/** A file of the operator's that says whose mailbox a source's user is. */
export interface PeopleFile {
  /** As the configuration names it. It is shown in rules and errors. */
  path: string;
  text: string;
}

/** One line of such a file. */
export interface PeopleEntry {
  /** `people.csv:12`. */
  place: string;
  /** The source that the line is about, by its key in the configuration. Absent: every source. */
  source?: string;
  id?: string;
  /** The address that the source knows. */
  address?: string;
  mailbox: string;
}

/** A fault of a file, as a sentence that begins with its place. */
export type Problem = string;

export interface ParsedFile {
  entries: PeopleEntry[];
  problems: Problem[];
}

export type Role = "source" | "id" | "address" | "mailbox";

/** Header names and keys by role, without case, spaces and punctuation. */
const ROLES: Record<Role, string[]> = {
  source: ["source", "connector"],
  id: ["id", "userid", "externaluserid", "externalid", "sourceid", "sourceuserid", "user", "uuid"],
  address: [
    "address",
    "email",
    "emailaddress",
    "mail",
    "externaladdress",
    "externalemail",
    "sourceaddress",
    "sourceemail",
  ],
  mailbox: [
    "mailbox",
    "mailboxaddress",
    "microsoft365emailaddress",
    "microsoft365email",
    "m365emailaddress",
    "office365emailaddress",
  ],
};

export const ROLE_NAMES =
  '"id" (or "ExternalUserId"), "address", "mailbox" (or "Microsoft365EmailAddress") and "source"';

/** What a column or key holds; undefined for one that is not about the map, such as a display name. */
export function roleOf(header: string): Role | undefined {
  const name = header.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  return (Object.keys(ROLES) as Role[]).find((role) => ROLES[role].includes(name));
}

/** Makes an entry of one line's values, or says what is wrong with them. */
export function toEntry(
  place: string,
  values: Partial<Record<Role, string>>,
  defaultDomain?: string,
): PeopleEntry | Problem {
  const { source, id } = values;
  // Of "id, email" alone, the second column can only be the mailbox.
  const isMailbox = !("mailbox" in values);
  const address = isMailbox ? "" : (values.address ?? "");
  const mailbox = (isMailbox ? values.address : values.mailbox) ?? "";
  const who = id || address;
  if (!who) return `${place}: neither an id nor an address says who is meant.`;
  if (mailbox === "") return `${place}: "${who}" has no mailbox. Fill it in, or delete the line.`;
  const complete = mailbox.includes("@") || defaultDomain === undefined ? mailbox : `${mailbox}@${defaultDomain}`;
  const normalized = normalizeAddress(complete);
  if (normalized === undefined)
    return `${place}: the mailbox "${mailbox}" is not a mail address such as "anna@contoso.example".`;
  const known = address === "" ? undefined : normalizeAddress(address);
  if (address !== "" && known === undefined)
    return `${place}: the address "${address}" is not a mail address. If it is an id, put it into the column "id".`;
  return { place, mailbox: normalized, ...(source && { source }), ...(id && { id }), ...(known && { address: known }) };
}
