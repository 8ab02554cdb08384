import type { Delivery, Folder } from "@hansard/core/ingestion";
import type { ImapFlow } from "imapflow";
import type { Settings } from "./settings.ts";

const UNSAFE = /[\p{Cc}\p{Cs}/\\%*"=]|^[.~ -]/gu;

/** The name of a delivery's folder at this server, with the account's prefix and delimiter. */
export function folderPath(
  settings: Settings,
  delivery: Pick<Delivery, "mailbox" | "folder">,
  client: ImapFlow,
): string {
  const names = namesOf(settings, delivery);
  return names.length === 0 ? "INBOX" : pathOf(names, client);
}

/** Names, the outermost first, as one path. */
export function pathOf(names: string[], client: ImapFlow): string {
  const delimiter = client.namespace?.delimiter ?? "/";
  const prefix = client.namespace?.prefix ?? "";
  const path = names.map((name) => toFolderName(name, delimiter)).join(delimiter);
  return path.startsWith(prefix) && prefix !== "" ? path : prefix + path;
}

function namesOf(settings: Settings, { mailbox, folder }: Pick<Delivery, "mailbox" | "folder">): string[] {
  const { layout, purgesFolder } = settings;
  const inside = insideMailbox(folder, purgesFolder);
  if (layout.kind === "mailbox-per-user") return inside;
  return [...layout.rootFolder, mailbox, ...(inside.length === 0 ? ["Inbox"] : inside)];
}

/** Empty for the inbox, which has one name everywhere. */
function insideMailbox(folder: Folder, purgesFolder: string[]): string[] {
  if (folder.kind === "inbox") return [];
  return folder.kind === "purges" ? purgesFolder : folder.path;
}

/** Different names stay different: what would divide a name, or what servers refuse, is written as =XX of its UTF-8 bytes. */
function toFolderName(name: string, delimiter: string): string {
  const safe = name.replace(UNSAFE, encoded).replaceAll(delimiter, encoded);
  return safe === "" || safe.toUpperCase() === "INBOX" ? `=${safe}` : safe;
}

function encoded(unsafe: string): string {
  return [...Buffer.from(unsafe)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}
