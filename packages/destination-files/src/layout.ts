import type { Delivery } from "@hansard/core/ingestion";
import { emlLayout } from "./layout-eml.ts";
import { maildirLayout } from "./layout-maildir.ts";
import type { Settings } from "./settings.ts";

/** Where one delivery's file goes. Paths are absolute except `id`. */
export interface Place {
  /** The file's name in the manifest and in the receipt: under the root, with `/`. */
  id: string;
  /** The folders that must exist first. */
  folders: string[];
  /** Where it is written, on the same file system. */
  temporary: string;
  final: string;
}

/** How a format names its files. */
export interface Layout {
  place(delivery: Delivery): Place;
  /** Where the file is now, or undefined where there is none. */
  locate(id: string): Promise<string | undefined>;
  /** What a new folder needs beside its subfolders. */
  furnish?(place: Place): Promise<void>;
  /** Told of each file that was put in place. */
  added?(place: Place): void;
}

export function layoutOf(root: string, settings: Settings): Layout {
  return settings.format === "eml" ? emlLayout(root, settings) : maildirLayout(root, settings);
}
