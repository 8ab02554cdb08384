import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  byPath,
  codeOf,
  DamagedFileError,
  type ExportFiles,
  type Listing,
  MAX_FOLDER_DEPTH,
  MAX_MEMBERS,
  type Member,
} from "./export-files.ts";

const CHUNK_BYTES = 256 * 1024;

/** Reads an unpacked export. Links are not followed: they could lead out of the folder. */
export function openFolder(folder: string): ExportFiles {
  return {
    list: () => listFolder(folder),
    read: (member) => readRegularFile(folder, member),
    close: () => Promise.resolve(),
  };
}

async function listFolder(folder: string): Promise<Listing> {
  const listing: Listing = { members: [], refused: [] };
  await walk(folder, "", 0, listing);
  listing.members.sort(byPath);
  return listing;
}

async function walk(folder: string, prefix: string, depth: number, listing: Listing): Promise<void> {
  if (depth > MAX_FOLDER_DEPTH) {
    listing.refused.push({ path: prefix, reason: `lies more than ${MAX_FOLDER_DEPTH} folders deep` });
    return;
  }
  for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) await walk(folder, path, depth + 1, listing);
    else if (!entry.isFile())
      listing.refused.push({ path, reason: "is a link or a device, and only regular files are read" });
    else if (listing.members.length < MAX_MEMBERS)
      listing.members.push({ path, size: (await lstat(join(folder, path))).size });
    else listing.refused.push({ path, reason: `is beyond the ${MAX_MEMBERS} files that an export may hold` });
  }
}

async function* readRegularFile(folder: string, { path }: Member): AsyncGenerator<Buffer> {
  const file = await open(join(folder, path), constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw new DamagedFileError(`cannot be opened (${codeOf(error)})`, { cause: error });
  });
  try {
    if (!(await file.stat()).isFile()) throw new DamagedFileError("is no longer a regular file");
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    if (error instanceof DamagedFileError) throw error;
    throw new DamagedFileError(`cannot be read (${codeOf(error)})`, { cause: error });
  } finally {
    await file.close();
  }
}
