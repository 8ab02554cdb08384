import type { Folder } from "./destination.ts";

/** A folder's name as shown to people and kept in the books: `Recoverable Items/Purges`, `Inbox`, `Slack/general`. */
export function folderName(folder: Folder): string {
  if (folder.kind === "purges") return "Recoverable Items/Purges";
  return folder.kind === "inbox" ? "Inbox" : folder.path.join("/");
}
