import { DESTINATION_VERSION, type DestinationPlugin } from "@hansard/core/ingestion";
import { openFilesDestination } from "./destination.ts";
import { Settings } from "./settings.ts";

/** Delivers messages into a folder: a tree of EML files or one Maildir for each mailbox, with a hash-chained manifest. */
export const destination: DestinationPlugin = {
  destinationVersion: DESTINATION_VERSION,
  id: "files",
  title: "EML files or Maildir",
  settings: Settings,
  open: openFilesDestination,
};

export { Settings } from "./settings.ts";
export { type Problem, type Verification, verify } from "./verify.ts";
