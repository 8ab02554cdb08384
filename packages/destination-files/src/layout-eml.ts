import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Delivery, Folder } from "@hansard/core/ingestion";
import { fileErrorCode } from "./durable.ts";
import type { Layout, Place } from "./layout.ts";
import { messageHash, toPathComponent } from "./names.ts";
import type { Settings } from "./settings.ts";

/** `mailbox/folder/2026/01/02/20260102T030405Z-<hash of the Message-ID>.eml` */
export function emlLayout(root: string, settings: Pick<Settings, "purgesFolder">): Layout {
  return {
    place: (delivery) => placeOf(root, settings.purgesFolder, delivery),
    locate: (id) => existing(join(root, id)),
  };
}

function placeOf(root: string, purgesFolder: string[], { mailbox, folder, message }: Delivery): Place {
  const [year, month, day, time] = partsOf(message.date);
  const hash = messageHash(message.id);
  const components = [mailbox, ...folderPath(folder, purgesFolder)].map(toPathComponent);
  const id = [...components, year, month, day, `${year}${month}${day}T${time}Z-${hash}.eml`].join("/");
  const temporaryFolder = join(root, ".hansard", "tmp");
  const final = join(root, id);
  return { id, folders: [dirname(final), temporaryFolder], temporary: join(temporaryFolder, messageHash(id)), final };
}

/** The folder's names, the outermost first. */
export function folderPath(folder: Folder, purgesFolder: string[]): string[] {
  if (folder.kind === "purges") return purgesFolder;
  return folder.kind === "inbox" ? ["Inbox"] : folder.path;
}

export async function existing(path: string): Promise<string | undefined> {
  try {
    return (await stat(path)).isFile() ? path : undefined;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(fileErrorCode(error) ?? "")) return undefined;
    throw error;
  }
}

function partsOf(date: string): [year: string, month: string, day: string, time: string] {
  const [day, time] = new Date(date).toISOString().split("T") as [string, string];
  const [year, month, dayOfMonth] = day.split(/(?<=\d)-/) as [string, string, string];
  return [year, month, dayOfMonth, time.slice(0, 8).replaceAll(":", "")];
}
