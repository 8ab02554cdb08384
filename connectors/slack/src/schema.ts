import { Secret } from "@hansard/core";
import { z } from "zod";

const MODE = {
  description:
    "Where the events come from: `export` reads a workspace export, `discovery` the Discovery API of an Enterprise Grid, `web` the Web API.",
};
const DEFAULT_API = "https://slack.com/api/";
const API_URL = /^https?:\/\/[^?#]+\/$/;

function secret(description: string) {
  return z
    .string()
    .min(1)
    .meta({ description, secret: true })
    .transform((value) => new Secret(value));
}

/** What every mode has. */
const shared = {
  workspace: z.string().min(1).max(200).optional().meta({
    description: "A name for the workspace, shown in the books. Keep it the same over time.",
  }),
  excludeChannels: z
    .array(z.string().min(1))
    .default([])
    .meta({
      description:
        "Names or ids of conversations that must not be archived. In an export their messages are counted as excluded.",
      examples: [["social-football", "C024BE91L"]],
    }),
  downloadFiles: z.boolean().default(true).meta({
    description: "Fetch shared files from Slack. Files that lie inside an export are always archived.",
  }),
  maxFileBytes: z
    .int()
    .positive()
    .default(2 ** 31)
    .meta({ description: "The largest shared file to archive, in bytes. A larger one is noted as a gap." }),
};

/** What the modes have that ask Slack itself. */
const live = {
  apiUrl: z
    .string()
    .regex(API_URL, "Write the address with its scheme and a slash at the end, such as https://slack.com/api/.")
    .default(DEFAULT_API)
    .meta({ description: "Where Slack's API is, for a gateway in front of it." }),
  overlapHours: z.number().min(1).max(168).default(24).meta({
    description: "How far every read reaches back before the last one.",
  }),
  rescanHours: z.number().positive().default(24).meta({
    description: "How often the last `rescanDays` are read again, for edits, deletions, reactions and late replies.",
  }),
  rescanDays: z.number().min(1).max(3650).default(14).meta({
    description: "How many days back the regular second look reaches.",
  }),
  wholeScanDays: z.number().min(0).default(30).meta({
    description: "How often every conversation is read again from its beginning, in days; 0: never.",
  }),
};

const ExportSettings = z.object({
  mode: z.literal("export").default("export").meta(MODE),
  export: z
    .string()
    .min(1)
    .meta({
      description:
        "Path of the export that Slack made: the zip file, or the folder it was unpacked to. Relative to the configuration.",
      path: true,
      examples: ["./exports/acme-2026-01.zip"],
    }),
  ...shared,
});
export type ExportSettings = z.infer<typeof ExportSettings>;

const DiscoverySettings = z.object({
  mode: z.literal("discovery").meta(MODE),
  token: secret("The token: in mode `discovery` the organisation's user token, in mode `web` a bot or user token."),
  ...shared,
  ...live,
  sweepDays: z.number().positive().max(6).default(6).meta({
    description:
      "In mode `discovery`: how often all conversations are read and not only those that Slack lists as changed, in days. Slack's list reaches back 7 days.",
  }),
  requestsPerMinute: z.int().positive().default(1200).meta({
    description: "In mode `discovery`: how often each method may be asked in a minute.",
  }),
  requestsPerSecond: z.int().positive().default(30).meta({
    description: "In mode `discovery`: how many requests a second the organisation allows, all methods together.",
  }),
});
export type DiscoverySettings = z.infer<typeof DiscoverySettings>;

const WebSettings = z.object({
  mode: z.literal("web").meta(MODE),
  token: secret("The token: in mode `discovery` the organisation's user token, in mode `web` a bot or user token."),
  ...shared,
  ...live,
  appToken: secret(
    "In mode `web`: the app-level token for Socket Mode, over which Slack tells of edits, deletions and reactions as they happen.",
  ).optional(),
  socketMinutes: z.number().positive().default(10).meta({
    description:
      "In mode `web`: how long each run listens over Socket Mode, in minutes. The next run begins where it ends.",
  }),
  historyPerMinute: z.int().positive().default(50).meta({
    description:
      "In mode `web`: how often messages may be asked for in a minute. 50 for an app of your own; 1 for one that is distributed outside Slack's Marketplace.",
  }),
});
export type WebSettings = z.infer<typeof WebSettings>;

/** Where the events come from. All modes feed the same events. */
export const Settings = z.discriminatedUnion("mode", [ExportSettings, DiscoverySettings, WebSettings]);
export type Settings = z.infer<typeof Settings>;
export type LiveSettings = DiscoverySettings | WebSettings;

/** What was read of one day of a conversation. */
export const ReadDay = z.object({
  /** SHA-256 of the day's file; of all of them, one after the other, where the export holds several. */
  sha256: z.string(),
  /** Timestamps of its first and last message. Absent for a file without any. */
  first: z.string().optional(),
  last: z.string().optional(),
  /** Message timestamp → digest of its reactions, where it has any. */
  reactions: z.record(z.string(), z.string()).optional(),
  /** The gaps that it left, so that they close when a later export has what was missing. */
  gaps: z.array(z.string()).optional(),
  /** The gaps of the files of its messages, so that a later export may bring them. */
  missing: z.array(z.string()).optional(),
  /** The settings excluded it. It is read in full once they no longer do. */
  excluded: z.literal(true).optional(),
});
export type ReadDay = z.infer<typeof ReadDay>;

/** Of one conversation: day (or name of another file of its folder) → what was read. */
const ExportCheckpoint = z.object({
  mode: z.literal("export"),
  days: z.record(z.string(), ReadDay),
  /** Gaps of the workspace as a whole, such as an unreadable users.json. */
  gaps: z.array(z.string()).default([]),
});
export type ExportCheckpoint = z.infer<typeof ExportCheckpoint>;

/** A walk from the newest message back that has not come to its end. */
const Walk = z.object({
  /** Slack timestamps. The walk began at `top` and ends at `floor`; everything from `position` on up is in the journal. */
  top: z.string(),
  floor: z.string(),
  position: z.string(),
  reach: z.enum(["overlap", "rescan", "whole"]),
  /** Who came and went since `position`. Absent where the source tells it for any time. */
  members: z
    .object({
      changes: z.array(
        z.object({
          ts: z.string(),
          joined: z.array(z.string()),
          left: z.array(z.string()),
          present: z.array(z.string()).exactOptional(),
        }),
      ),
    })
    .optional(),
  /** Timestamps of messages that were captured before and were not met again so far. */
  unmet: z.array(z.string()).default([]),
});
export type Walk = z.infer<typeof Walk>;

/** Of one conversation that is read from Slack itself. */
const LiveCheckpoint = z.object({
  mode: z.enum(["discovery", "web"]),
  /** Everything up to this Slack timestamp was walked through. */
  mark: z.string().optional(),
  /** When the last second look, and the last look at the whole, began, as Slack timestamps. */
  rescanned: z.string().optional(),
  whole: z.string().optional(),
  walk: Walk.optional(),
  /** The conversation's name as it was then. */
  name: z.string().optional(),
});
export type LiveCheckpoint = z.infer<typeof LiveCheckpoint>;

export const Checkpoint = z.discriminatedUnion("mode", [ExportCheckpoint, LiveCheckpoint]);
export type Checkpoint = z.infer<typeof Checkpoint>;

const text = z.string().optional().catch(undefined);

const Edited = z.object({ user: text, ts: text });

const Reaction = z.object({
  name: z.string(),
  users: z.array(z.string()).catch([]),
  count: z.number().optional().catch(undefined),
});
export type Reaction = z.infer<typeof Reaction>;

export const File = z.object({
  id: z.string(),
  name: text,
  title: text,
  filetype: text,
  mimetype: text,
  size: z.number().nonnegative().optional().catch(undefined),
  user: text,
  mode: text,
  external_type: text,
  url_private: text,
  url_private_download: text,
  permalink: text,
});
export type File = z.infer<typeof File>;

const Room = z.object({
  date_start: z.number().optional().catch(undefined),
  date_end: z.number().optional().catch(undefined),
  participant_history: z.array(z.string()).optional().catch(undefined),
});

const unknowns = z.array(z.unknown()).optional().catch(undefined);

/** The fields of a message that we use. A field of another type than Slack documents is as good as absent. */
export const Message = z.object({
  type: text,
  subtype: text,
  ts: text,
  thread_ts: text,
  user: text,
  bot_id: text,
  username: text,
  text: text,
  inviter: text,
  topic: text,
  purpose: text,
  name: text,
  old_name: text,
  edited: Edited.optional().catch(undefined),
  user_profile: z.object({ real_name: text, display_name: text, name: text, email: text }).optional().catch(undefined),
  bot_profile: z.object({ name: text }).optional().catch(undefined),
  comment: z.object({ user: text, comment: text }).optional().catch(undefined),
  room: Room.optional().catch(undefined),
  reactions: z.array(Reaction).optional().catch(undefined),
  file: File.optional().catch(undefined),
  files: z
    .array(File.or(z.null().catch(null)))
    .optional()
    .catch(undefined),
  blocks: unknowns,
  attachments: unknowns,
});
export type Message = z.infer<typeof Message>;
