import { DESTINATION_VERSION, type DestinationPlugin } from "@hansard/core/ingestion";
import { openMicrosoft365 } from "./destination.ts";
import { Settings } from "./settings.ts";

/** Delivers messages into Exchange Online mailboxes through Microsoft Graph. */
export const destination: DestinationPlugin = {
  destinationVersion: DESTINATION_VERSION,
  id: "microsoft365",
  title: "Microsoft 365 (Graph)",
  settings: Settings,
  open: openMicrosoft365,
};

export { type Microsoft365Destination, openMicrosoft365 } from "./destination.ts";
export type { Duplicate } from "./duplicates.ts";
export { Settings } from "./settings.ts";
