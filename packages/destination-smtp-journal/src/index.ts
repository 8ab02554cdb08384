import { DESTINATION_VERSION, type DestinationPlugin } from "@hansard/core/ingestion";
import { openJournalDestination } from "./destination.ts";
import { Settings } from "./settings.ts";

/** Sends messages over SMTP to archives that take journal mail: Exchange journal reports, Global Relay, Enterprise Vault, others. */
export const destination: DestinationPlugin = {
  destinationVersion: DESTINATION_VERSION,
  id: "smtp-journal",
  title: "SMTP journal",
  settings: Settings,
  open: openJournalDestination,
};

export { Settings } from "./settings.ts";
