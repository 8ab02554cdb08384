import type { Database } from "./database.ts";
import type { FolderKind } from "./directory.ts";
import { folderPaths } from "./query/find-named.ts";

export interface MailboxSummary {
  address: string;
  items: number;
}

export interface FolderSummary {
  /** The folder's path, such as `Recoverable Items/Purges`. */
  path: string;
  kind: FolderKind;
  /** Whether the mailbox's owner does not see it. */
  hidden: boolean;
  items: number;
}

/** All mailboxes, in the order of their addresses. `database` is the truth with the index attached. */
export function listMailboxes(database: Database): MailboxSummary[] {
  return database
    .all(
      "SELECT address, (SELECT count(*) FROM folder CROSS JOIN holding ON holding.folder = folder.id WHERE folder.mailbox = mailbox.id) AS items FROM mailbox ORDER BY address",
    )
    .map((row) => ({ address: String(row["address"]), items: Number(row["items"]) }));
}

/** A mailbox's folders, as its owner sees them or all of them. Undefined: there is no such mailbox. */
export function listFolders(
  database: Database,
  address: string,
  options: { hidden?: boolean } = {},
): FolderSummary[] | undefined {
  const mailbox = database.get("SELECT id FROM mailbox WHERE address = ?", address.toLowerCase());
  if (mailbox === undefined) return undefined;
  const paths = new Map(folderPaths(database, Number(mailbox["id"])).map(({ id, names }) => [id, names.join("/")]));
  return database
    .all(
      "SELECT id, kind, hidden, (SELECT count(*) FROM holding WHERE holding.folder = folder.id) AS items FROM folder WHERE mailbox = ? ORDER BY id",
      Number(mailbox["id"]),
    )
    .filter(({ kind, hidden }) => kind !== "root" && (options.hidden === true || hidden === 0))
    .map((row) => ({
      path: paths.get(Number(row["id"])) ?? "",
      kind: row["kind"] as FolderKind,
      hidden: row["hidden"] === 1,
      items: Number(row["items"]),
    }));
}
