import { matchesMessageClass } from "@hansard/core/ingestion";
import type { Database } from "../database.ts";

/** The classes that a pattern such as `ipm.externaldata.slack*` fits, under either prefix. */
export function findClasses(database: Database, pattern: string): number[] {
  return database
    .all("SELECT id, name FROM class")
    .filter((row) => matchesMessageClass(String(row["name"]), pattern))
    .map((row) => Number(row["id"]));
}

/** The mailboxes of these addresses, in any case. A `*` at the end stands for anything. */
export function findMailboxes(database: Database, addresses: string[]): number[] {
  return addresses.flatMap((address) => {
    const rows = address.endsWith("*")
      ? database.all(
          "SELECT id FROM mailbox WHERE address >= ?1 AND address < ?1 || char(1114111)",
          address.slice(0, -1).toLowerCase(),
        )
      : database.all("SELECT id FROM mailbox WHERE address = ?", address.toLowerCase());
    return rows.map((row) => Number(row["id"]));
  });
}

/** The folders of this name or path, such as `purges` or `Recoverable Items/Purges`, in any case, with what lies under them. */
export function findFolders(database: Database, pattern: string): number[] {
  const wanted = pattern.toLowerCase();
  const fits = wanted.endsWith("*")
    ? (text: string) => text.startsWith(wanted.slice(0, -1))
    : (text: string) => text === wanted || text.startsWith(`${wanted}/`);
  return folderPaths(database)
    .filter(({ names }) => names.some((_, index) => fits(names.slice(index).join("/").toLowerCase())))
    .map(({ id }) => id);
}

export interface FolderPath {
  id: number;
  mailbox: number;
  /** The outermost first, without the root that all visible folders are in. */
  names: string[];
}

/** Every folder's path, or those of one mailbox. */
export function folderPaths(database: Database, mailbox?: number): FolderPath[] {
  const rows =
    mailbox === undefined
      ? database.all("SELECT id, mailbox, parent, kind, name FROM folder ORDER BY id")
      : database.all("SELECT id, mailbox, parent, kind, name FROM folder WHERE mailbox = ? ORDER BY id", mailbox);
  const paths = new Map<number, string[]>();
  // A folder is always made after the one that it lies in.
  return rows.map((row) => {
    const id = Number(row["id"]);
    const above = paths.get(Number(row["parent"])) ?? [];
    const names = row["kind"] === "root" ? [] : [...above, String(row["name"])];
    paths.set(id, names);
    return { id, mailbox: Number(row["mailbox"]), names };
  });
}
