import { z } from "zod";

const ID = z
  .string()
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and hyphens, such as "slack-emea"');
const Address = z.email().transform((address) => address.toLowerCase());

const FolderChoice = z
  .union([z.literal("purges"), z.literal("inbox"), z.strictObject({ visible: z.array(z.string().min(1)).min(1) })], {
    error: "must be purges, inbox, or a visible folder such as { visible: [Slack] }",
  })
  .meta({
    description:
      "Where messages of mapped people go: `purges` (Recoverable Items/Purges, kept by a hold), `inbox`, or a visible folder such as `{ visible: [Slack] }`.",
  });

const Source = z.strictObject({
  connector: z.string().min(1).optional().meta({
    description:
      "The connector: `slack` for @hansard/connector-slack, or the full name of any package. Absent: the source's own key.",
  }),
  settings: z
    .record(z.string(), z.unknown())
    .default({})
    .meta({ description: "The connector's settings; its README lists them." }),
  destinations: z
    .array(ID)
    .min(1)
    .optional()
    .meta({ description: "Keys of the destinations that get its messages. Absent: all." }),
  grouping: z
    .enum(["event", "conversation-day"])
    .default("event")
    .meta({ description: "One message for each event, or one transcript for each conversation and day (UTC)." }),
  attachSource: z
    .boolean()
    .default(false)
    .meta({ description: "Whether each message carries the event's own JSON as an attachment." }),
  concurrency: z
    .int()
    .min(1)
    .max(64)
    .default(4)
    .meta({ description: "How many partitions, such as channels, are read side by side." }),
});

const Destination = z.strictObject({
  plugin: z.string().min(1).optional().meta({
    description:
      "The destination: `archive` for @hansard/archive, `microsoft365` for @hansard/destination-microsoft365, or the full name of any package. Absent: the destination's own key.",
  }),
  settings: z
    .record(z.string(), z.unknown())
    .default({})
    .meta({ description: "The destination's settings; its README lists them." }),
  thirdPartyMailbox: Address.meta({
    description: "The mailbox that gets the messages that nobody claims, in its Inbox.",
  }),
  folder: FolderChoice.default("purges"),
  classPrefix: z
    .enum(["IPM.NOTE", "IPM.ExternalData"])
    .default("IPM.NOTE")
    .meta({ description: "The prefix of the message class." }),
});

const People = z.strictObject({
  files: z
    .array(z.string())
    .default([])
    .meta({ description: "CSV or YAML files that map people to mailboxes, relative to this file." }),
  domains: z
    .union([z.literal("*"), z.array(z.string())])
    .default([])
    .meta({ description: "Mail domains whose addresses are mailboxes as they are; `*` for every address." }),
  aliases: z
    .array(z.strictObject({ from: z.string(), to: z.string() }))
    .default([])
    .meta({ description: 'Rules such as `{ from: "*@old.example", to: "*@new.example" }`.' }),
});

/** The whole of `hansard.yaml`. Its JSON Schema is generated from this. */
export const Configuration = z.strictObject({
  data: z
    .string()
    .default("./hansard-data")
    .meta({ description: "The folder of the journal and of the embedded archive, relative to this file." }),
  stateKey: z.string().min(1).optional().meta({
    secret: true,
    description:
      "The key that seals what sources remember, such as refresh tokens: 32 bytes as base64 or hexadecimal digits, as a reference such as `${file:/run/secrets/hansard-state-key}`. Keys behind it, after white space, still open. Absent: `.hansard/state.key` beside this file, made when it is needed.",
  }),
  sources: z.record(ID, Source).refine((sources) => Object.keys(sources).length > 0, "must name at least one source"),
  destinations: z
    .record(ID, Destination)
    .refine((destinations) => Object.keys(destinations).length > 0, "must name at least one destination"),
  people: People.default({ files: [], domains: [], aliases: [] }),
});
export type Configuration = z.output<typeof Configuration>;
export type SourceConfiguration = Configuration["sources"][string];
export type DestinationConfiguration = Configuration["destinations"][string];
