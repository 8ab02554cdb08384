import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { SettingsError, UnavailableError } from "@hansard/core";
import type { Drop, DropEntry, Listing } from "./drop.ts";
import { FileProblem } from "./file-problem.ts";
import { readFrom } from "./spool.ts";

const { O_RDONLY, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK } = constants;
const MAX_FOLDERS_DEEP = 8;
const COPIED_BYTES = 1024 * 1024;

/** A folder of this machine, or one that is mounted. Links of either kind are reported and never read. */
export async function openLocalFolder(folder: string): Promise<Drop> {
  const root = await realpath(folder).catch((error: unknown) => {
    throw new SettingsError(`The folder ${folder} cannot be opened.`, {
      remedy: "Create it, or mend `drop.folder`, and let the runner's user read it.",
      cause: error,
    });
  });
  return {
    list: () => listFolder(root),
    read: (entry) => readEntry(root, entry),
    close: async () => {},
  };
}

async function listFolder(root: string): Promise<Listing> {
  const listing: Listing = { entries: [], oddities: [] };
  try {
    await walk(root, "", 0, listing);
  } catch (error) {
    throw new UnavailableError(`The folder ${root} cannot be listed.`, {
      remedy: "Look whether it is mounted and readable.",
      cause: error,
    });
  }
  listing.entries.sort((a, b) => (a.path < b.path ? -1 : 1));
  return listing;
}

async function walk(root: string, below: string, depth: number, listing: Listing): Promise<void> {
  for (const name of await readdir(join(root, below))) {
    const path = below === "" ? name : `${below}/${name}`;
    const stat = await lstat(join(root, path)).catch(ignoreVanished);
    if (!stat) continue;
    if (stat.isDirectory() && depth < MAX_FOLDERS_DEEP) await walk(root, path, depth + 1, listing);
    else if (!stat.isFile()) listing.oddities.push({ path, reason: `It is ${kindOf(stat)} and not a plain file.` });
    else if (stat.nlink > 1)
      listing.oddities.push({ path, reason: "It is a hard link: its content has another name too." });
    else listing.entries.push({ path, size: stat.size, mtimeMs: Math.floor(stat.mtimeMs) });
  }
}

function ignoreVanished(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

function kindOf(stat: { isSymbolicLink(): boolean; isDirectory(): boolean }): string {
  if (stat.isSymbolicLink()) return "a symbolic link";
  return stat.isDirectory() ? "a folder too deep" : "a device, pipe or socket";
}

async function* readEntry(root: string, entry: DropEntry): AsyncGenerator<Uint8Array> {
  const handle = await openBeneath(root, entry.path);
  try {
    await assertUnchanged(handle, entry);
    yield* readFrom(handle, entry.size, { reuse: true, pieceBytes: COPIED_BYTES });
    await assertUnchanged(handle, entry);
  } finally {
    await handle.close();
  }
}

/**
 * Opens a file without following a link in any part of its path. Each folder is opened by name within the open folder
 * above it, so that swapping one for a link between two steps gains nothing.
 */
async function openBeneath(root: string, path: string): Promise<FileHandle> {
  const parts = path.split("/");
  let folder = await open(root, O_RDONLY | O_DIRECTORY);
  let at = root;
  try {
    for (const [index, part] of parts.entries()) {
      at = process.platform === "linux" ? `/proc/self/fd/${folder.fd}/${part}` : join(at, part);
      const last = index === parts.length - 1;
      const next = await open(at, O_RDONLY | O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY)).catch(refuse);
      await folder.close();
      folder = next;
    }
    return folder;
  } catch (error) {
    await folder.close();
    throw error;
  }
}

function refuse(error: NodeJS.ErrnoException): never {
  if (error.code === "ELOOP" || error.code === "ENOTDIR") {
    throw new FileProblem("It became a link after it was listed.", { cause: error });
  }
  if (error.code === "ENOENT") throw new FileProblem("It vanished after it was listed.", { cause: error });
  throw new FileProblem(`It cannot be opened (${error.code ?? error.message}).`, {
    remedy: "Let the runner's user read it.",
    cause: error,
  });
}

async function assertUnchanged(handle: FileHandle, entry: DropEntry): Promise<void> {
  const stat = await handle.stat();
  if (!stat.isFile() || stat.nlink > 1) throw new FileProblem("It became a link or a device after it was listed.");
  if (stat.size === entry.size && Math.floor(stat.mtimeMs) === entry.mtimeMs) return;
  throw new FileProblem("It changed while it was read.", { remedy: "None is needed: it is read when it is at rest." });
}
