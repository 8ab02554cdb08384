import { readdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Delivery } from "@hansard/core/ingestion";
import { fileErrorCode } from "./durable.ts";
import { existing, folderPath } from "./layout-eml.ts";
import type { Layout, Place } from "./layout.ts";
import { messageHash, toMaildirComponent, toPathComponent } from "./names.ts";
import type { Settings } from "./settings.ts";

const REMEMBERED_FOLDERS = 64;

/**
 * `mailbox/.Folder.Sub/cur/<seconds>.H<hash of the Message-ID>.hansard,S=<size>:2,S`: a name that is unique, the same
 * at every attempt, and says the size that Dovecot would otherwise have to look up.
 */
export function maildirLayout(root: string, settings: Pick<Settings, "purgesFolder" | "markAsRead">): Layout {
  const listings = new Map<string, Set<string>>();
  return {
    place: (delivery) => placeOf(root, settings, delivery),
    async locate(id) {
      const [folder, name] = [dirname(join(root, id)), basename(id)];
      // A reader moves files from `new` to `cur` and appends flags: only a listing tells what is there.
      const names = listings.get(folder) ?? new Set((await listMaildir(folder)).keys());
      remember(listings, folder, names);
      if (!names.has(name)) return undefined;
      return (await nowAt(folder, name)) ?? (await listMaildir(folder)).get(name);
    },
    async furnish({ id, folders }) {
      const [folder] = folders;
      if (folder === undefined || id.split("/").length < 3) return;
      await writeFile(join(folder, "maildirfolder"), "", { flag: "a" });
    },
    added({ id }) {
      listings.get(dirname(join(root, id)))?.add(basename(id));
    },
  };
}

/** What a Maildir holds: the unique name, which readers do not change → where the file is. */
export async function listMaildir(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const part of ["new", "cur"]) {
    for (const name of await namesIn(join(folder, part))) {
      found.set(name.split(":2,", 1)[0] ?? name, join(folder, part, name));
    }
  }
  return found;
}

function placeOf(root: string, settings: Pick<Settings, "purgesFolder" | "markAsRead">, delivery: Delivery): Place {
  const { mailbox, folder, message, mail } = delivery;
  const mailboxPath = toPathComponent(mailbox);
  const subfolder = folderPath(folder, settings.purgesFolder).map(toMaildirComponent);
  const id = [
    mailboxPath,
    ...(folder.kind === "inbox" ? [] : [`.${subfolder.join(".")}`]),
    `${Math.floor(Date.parse(message.date) / 1000)}.H${messageHash(message.id)}.hansard,S=${mail.size}`,
  ].join("/");
  const [maildir, name] = [dirname(join(root, id)), basename(id)];
  return {
    id,
    folders: [maildir, join(root, mailboxPath), ...both(join(root, mailboxPath)), ...both(maildir)],
    temporary: join(maildir, "tmp", name),
    final: settings.markAsRead ? join(maildir, "cur", `${name}:2,S`) : join(maildir, "new", name),
  };
}

function both(maildir: string): string[] {
  return ["cur", "new", "tmp"].map((part) => join(maildir, part));
}

async function nowAt(folder: string, name: string): Promise<string | undefined> {
  return (
    (await existing(join(folder, "cur", `${name}:2,S`))) ??
    (await existing(join(folder, "cur", `${name}:2,`))) ??
    (await existing(join(folder, "new", name)))
  );
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(fileErrorCode(error) ?? "")) return [];
    throw error;
  }
}

function remember(listings: Map<string, Set<string>>, folder: string, names: Set<string>): void {
  listings.delete(folder);
  listings.set(folder, names);
  const [oldest] = listings.keys();
  if (listings.size > REMEMBERED_FOLDERS && oldest !== undefined) listings.delete(oldest);
}
