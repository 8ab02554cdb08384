import { mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";

export interface Permissions {
  file: number;
  folder: number;
}

/** Makes the folder and those above it, and has each entry on the disk before it returns. */
export async function makeFolder(folder: string, permissions: Permissions): Promise<void> {
  const firstMade = await mkdir(folder, { recursive: true, mode: permissions.folder });
  if (firstMade === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === firstMade || dirname(made) === made) return;
  }
}

/** Writes a file and has its content on the disk before it returns. What was begun is removed when it fails. */
export async function writeFileDurably(
  path: string,
  content: AsyncIterable<Uint8Array>,
  permissions: Permissions,
): Promise<void> {
  const file = await open(path, "w", permissions.file);
  try {
    for await (const chunk of content) await file.writeFile(chunk);
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
  await file.close();
}

/** Has the folder's entries on the disk: a renamed file is not durable before this. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The code of an error of the file system, such as `ENOSPC`. */
export function fileErrorCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error) || !("syscall" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
