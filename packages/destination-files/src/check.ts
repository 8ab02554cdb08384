import { open, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "@hansard/core";
import { fileErrorCode } from "./durable.ts";
import { folderFault } from "./destination.ts";
import type { Settings } from "./settings.ts";

/** Looks at the folder: that it is ours alone, takes a durable file, and has room. */
export async function check(root: string, settings: Settings, openFolder: () => Promise<void>): Promise<Finding[]> {
  try {
    await openFolder();
  } catch (error) {
    return [errorOf(root, error)];
  }
  return [
    { level: "ok", message: `The folder ${root} is ours, and the end of its manifest is sound.` },
    await takesFiles(root),
    await hasRoom(root, settings.minimumFreeBytes),
    ...(await isPrivate(root, settings)),
    ...purgesAreVisible(settings),
  ];
}

function errorOf(root: string, error: unknown): Finding {
  const outcome = folderFault(root, error);
  if (outcome.status !== "misconfigured") return { level: "error", message: `The folder ${root} cannot be used.` };
  return { level: "error", message: outcome.reason, remedy: outcome.remedy };
}

async function takesFiles(root: string): Promise<Finding> {
  const path = join(root, ".hansard", "check");
  try {
    const file = await open(path, "w", 0o600);
    await file.writeFile("check");
    await file.sync().finally(() => file.close());
    await rm(path);
    return { level: "ok", message: "A file can be written, flushed to the disk and removed." };
  } catch (error) {
    return errorOf(root, error);
  }
}

async function hasRoom(root: string, minimumFreeBytes: number): Promise<Finding> {
  const { bavail, bsize, ffree, files } = await statfs(root);
  const freeBytes = bavail * bsize;
  const free = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB`;
  if (freeBytes < minimumFreeBytes) {
    return {
      level: "warning",
      message: `The disk of ${root} has ${free} left.`,
      remedy: "Make room, or set a folder on a larger disk.",
    };
  }
  if (files > 0 && ffree < 10_000) {
    return {
      level: "warning",
      message: `The file system of ${root} has room for ${ffree} more files.`,
      remedy: "Set a folder on a file system with more inodes.",
    };
  }
  return { level: "ok", message: `The disk has ${free} left.` };
}

async function isPrivate(root: string, settings: Settings): Promise<Finding[]> {
  try {
    const { mode } = await stat(root);
    const tooOpen = settings.readableBy === "group" ? 0o007 : 0o077;
    if ((mode & tooOpen) === 0 || process.platform === "win32") return [];
    return [
      {
        level: "warning",
        message: `Accounts other than Hansard's may enter ${root} (mode ${(mode & 0o777).toString(8)}).`,
        remedy: `Type: chmod ${settings.readableBy === "group" ? "750" : "700"} ${root}`,
      },
    ];
  } catch (error) {
    if (fileErrorCode(error)) return [errorOf(root, error)];
    throw error;
  }
}

function purgesAreVisible({ purgesFolder }: Settings): Finding[] {
  return [
    {
      level: "warning",
      message: `Files know no Recoverable Items: what goes to Purges lies in "${purgesFolder.join("/")}", which no hold keeps.`,
      remedy: "Keep the folder on storage that its readers cannot change, and anchor the manifest's head outside.",
    },
  ];
}
