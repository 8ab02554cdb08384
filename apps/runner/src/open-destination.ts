import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Logger, SettingsError } from "@hansard/core";
import type { BlobReader, Destination, Folder, HoldDoubt, RoutePolicy } from "@hansard/core/ingestion";
import type { LoadedConfiguration } from "./config/load-config.ts";
import { pluginSettings } from "./config/plugin-settings.ts";
import type { DestinationConfiguration } from "./config/schema.ts";
import { loadDestination } from "./load-plugin.ts";

export interface OpenDestination {
  id: string;
  configuration: DestinationConfiguration;
  destination: Destination;
  /** Where messages go, by the configuration and by what the destination knows of holds. */
  policy: RoutePolicy;
  /** Whose messages are in the third-party data mailbox, of those that this run met. */
  unprovenHolds(): UnprovenHold[];
}

/** A mailbox whose messages go to the third-party data mailbox, since its Purges would not keep them. */
export interface UnprovenHold extends HoldDoubt {
  destination: string;
  mailbox: string;
  thirdPartyMailbox: string;
}

/** Opens a destination of the configuration. */
export async function openDestination(
  id: string,
  config: LoadedConfiguration,
  { blobs, log }: { blobs: BlobReader; log: Logger },
): Promise<OpenDestination> {
  const { destinations, folder, dataFolder } = config;
  const configuration = destinations[id];
  if (!configuration)
    throw new SettingsError(`The configuration has no destination "${id}".`, {
      remedy: `Name one of: ${Object.keys(destinations).join(", ")}.`,
    });
  const { plugin } = await loadDestination(configuration.plugin ?? id, folder);
  const settings = await pluginSettings(plugin.settings, configuration.settings, `destinations.${id}.settings`, config);
  const own = join(dataFolder, "destinations", id);
  mkdirSync(own, { recursive: true });
  const routing = { thirdPartyMailbox: configuration.thirdPartyMailbox, folder: folderOf(configuration) };
  const destination = await plugin.open({ id, settings: settings as never, blobs, folder: own, routing, log });
  return { id, configuration, destination, ...withHolds(id, destination, routing) };
}

/** Whose holds were asked about while routing is remembered, since what is known of them changes with the deliveries. */
function withHolds(
  id: string,
  destination: Destination,
  routing: { thirdPartyMailbox: string; folder: Folder },
): Pick<OpenDestination, "policy" | "unprovenHolds"> {
  const asked = new Set<string>();
  const { thirdPartyMailbox } = routing;
  return {
    policy: {
      ...routing,
      isHoldUnproven(mailbox) {
        asked.add(mailbox);
        return destination.holdDoubt?.(mailbox) !== undefined;
      },
    },
    unprovenHolds: () =>
      [...asked].toSorted().flatMap((mailbox) => {
        const doubt = destination.holdDoubt?.(mailbox);
        return doubt ? [{ destination: id, mailbox, thirdPartyMailbox, ...doubt }] : [];
      }),
  };
}

function folderOf({ folder }: DestinationConfiguration): Folder {
  return typeof folder === "string" ? { kind: folder } : { kind: "visible", path: folder.visible };
}
