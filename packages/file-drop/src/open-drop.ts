import type { Drop } from "./drop.ts";
import { openLocalFolder } from "./local-folder.ts";
import type { DropLocation } from "./settings.ts";

/** Opens the folder or the server that the settings name. Close it after use. */
export async function openDrop(location: DropLocation): Promise<Drop> {
  if (!("sftp" in location)) return openLocalFolder(location.folder);
  // Loaded when it is needed: the client costs time and memory that a drop in a folder should not pay.
  const { openSftpFolder } = await import("./sftp-folder.ts");
  return openSftpFolder(location.sftp);
}
