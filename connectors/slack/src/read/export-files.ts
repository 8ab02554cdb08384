import { stat } from "node:fs/promises";
import { SettingsError } from "@hansard/core";
import { openFolder } from "./folder.ts";
import { openZip } from "./zip.ts";

/** A file of an export. */
export interface Member {
  /** Its path inside the export with `/` between the parts. It is a label: nothing is ever written or opened by it alone. */
  path: string;
  /** In bytes, unpacked. */
  size: number;
}

/** Something in the export that was not opened, and why. */
export interface Refusal {
  path: string;
  reason: string;
}

export interface Listing {
  /** Ordered by path. A path may occur twice in a zip. */
  members: Member[];
  refused: Refusal[];
}

/** An opened export, zip or folder alike. */
export interface ExportFiles {
  list(): Promise<Listing>;
  /** The bytes of a member. Ends with a {@link DamagedFileError} where they cannot be had whole. */
  read(member: Member): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

/** A file of the export cannot be read whole. Its message is the reason, to stand after the file's name. */
export class DamagedFileError extends Error {
  override name = "DamagedFileError";
}

export const MAX_MEMBERS = 2_000_000;
export const MAX_FOLDER_DEPTH = 12;

export async function openExport(path: string): Promise<ExportFiles> {
  const kind = await kindOf(path);
  if (kind === "folder") return openFolder(path);
  if (kind === "file") return openZip(path);
  throw new SettingsError(`The export "${path}" is neither a file nor a folder.`, {
    remedy: "Set `export` to the zip file that Slack made, or to the folder it was unpacked to.",
  });
}

/** The operator's own path may be a link; links inside an export are never followed. */
async function kindOf(path: string): Promise<"file" | "folder" | "other"> {
  try {
    const status = await stat(path);
    if (status.isDirectory()) return "folder";
    return status.isFile() ? "file" : "other";
  } catch (error) {
    throw new SettingsError(`The export "${path}" cannot be opened (${codeOf(error)}).`, {
      remedy: "Check that the path in `export` exists and may be read by the account that runs Hansard.",
      cause: error,
    });
  }
}

/** The system's short name of an error, such as `ENOENT`. */
export function codeOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string")
    return error.code;
  return error instanceof Error ? error.message : String(error);
}

/** Compares by code units, so that the order is the same in every locale. */
export function byPath(one: { path: string }, other: { path: string }): number {
  if (one.path === other.path) return 0;
  return one.path < other.path ? -1 : 1;
}
