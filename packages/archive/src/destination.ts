import { isAbsolute, resolve } from "node:path";
import type { Finding } from "@hansard/core";
import {
  DESTINATION_VERSION,
  type Destination,
  type DestinationContext,
  type DestinationPlugin,
} from "@hansard/core/ingestion";
import { z } from "zod";
import { type Archive, openArchive } from "./open-archive.ts";

export const Settings = z.strictObject({
  folder: z
    .string()
    .min(1)
    .optional()
    .describe(
      "The folder that holds the archive, on a local disk. Absent: one of the destination's own beside the journal.",
    ),
  mailboxes: z
    .union([z.literal("any"), z.array(z.email())])
    .default("any")
    .describe("The addresses that have a mailbox. `any`: a mailbox is made by its first delivery."),
});
export type Settings = z.infer<typeof Settings>;

/** The embedded archive as a destination. */
export const destination: DestinationPlugin = {
  destinationVersion: DESTINATION_VERSION,
  id: "archive",
  title: "Embedded archive",
  settings: Settings,
  open,
};

async function open({ settings, blobs, folder }: DestinationContext<Settings>): Promise<Destination> {
  const place =
    settings.folder === undefined ? folder : isAbsolute(settings.folder) ? settings.folder : resolve(settings.folder);
  const archive = await openArchive(place, { blobs, mailboxes: settings.mailboxes });
  return {
    guarantee: "exactly-once",
    limits: { messageBytes: 2 ** 40, batchDeliveries: 20_000, batchBytes: 64 * 1024 * 1024, concurrency: 1 },
    settleMs: 0,
    check: () => check(archive, place),
    submit: (deliveries) => archive.submit(deliveries),
    find: (deliveries) => archive.find(deliveries),
    read: (mailbox, { itemId }) => archive.read(mailbox, itemId),
    withdraw: (copies) => archive.withdraw(copies),
    maintain: async () => void (await archive.compact()),
    archive: archive.mail,
    resolve: async (address) => archive.resolve(address),
    close: () => archive.close(),
  };
}

async function check(archive: Archive, folder: string): Promise<Finding[]> {
  const { messages, mailboxes } = await archive.stats();
  return [
    {
      level: "ok",
      message: `The archive in ${folder} is writable and durable; it holds ${messages} messages in ${mailboxes} mailboxes.`,
    },
  ];
}
