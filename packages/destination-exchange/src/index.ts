import { DESTINATION_VERSION, type DestinationPlugin } from "@hansard/core/ingestion";
import { openExchangeDestination } from "./destination.ts";
import { Settings } from "./settings.ts";

/** Delivers messages into Exchange mailboxes through EWS, with their class and dates, into Purges or a folder that is seen. */
export const destination: DestinationPlugin = {
  destinationVersion: DESTINATION_VERSION,
  id: "exchange",
  title: "Exchange (EWS)",
  settings: Settings,
  open: (context) => openExchangeDestination(context),
};

export { openExchangeDestination } from "./destination.ts";
export { Settings } from "./settings.ts";
