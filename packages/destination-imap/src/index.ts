import { DESTINATION_VERSION, type DestinationPlugin } from "@hansard/core/ingestion";
import { openImapDestination } from "./destination.ts";
import { Settings } from "./settings.ts";

/** Delivers messages into IMAP mailboxes by APPEND: a mailbox for each person, or one account with a folder for each. */
export const destination: DestinationPlugin = {
  destinationVersion: DESTINATION_VERSION,
  id: "imap",
  title: "IMAP",
  settings: Settings,
  open: openImapDestination,
};

export { Settings } from "./settings.ts";
