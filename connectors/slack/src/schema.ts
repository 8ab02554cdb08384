import { z } from "zod";

/** Where the events come from. More modes join this one; each feeds the same events. */
export const Settings = z.object({
  mode: z
    .literal("export")
    .default("export")
    .meta({ description: "Where the events come from: `export` reads a workspace export." }),
  export: z
    .string()
    .min(1)
    .meta({
      description:
        "Path of the export that Slack made: the zip file, or the folder it was unpacked to. Relative to the configuration.",
      path: true,
      examples: ["./exports/acme-2026-01.zip"],
    }),
  workspace: z.string().min(1).max(200).optional().meta({
    description: "A name for the workspace, shown in the books. Keep it the same from one export to the next.",
  }),
  excludeChannels: z
    .array(z.string().min(1))
    .default([])
    .meta({
      description: "Names or ids of conversations that must not be archived. Their messages are counted as excluded.",
      examples: [["social-football", "C024BE91L"]],
    }),
  downloadFiles: z.boolean().default(true).meta({
    description:
      "Fetch shared files from Slack with the links in the export. Files that lie inside the export are always archived.",
  }),
  maxFileBytes: z
    .int()
    .positive()
    .default(2 ** 31)
    .meta({ description: "The largest shared file to archive, in bytes. A larger one is noted as a gap." }),
});
export type Settings = z.infer<typeof Settings>;

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
  /** The settings excluded it. It is read in full once they no longer do. */
  excluded: z.literal(true).optional(),
});
export type ReadDay = z.infer<typeof ReadDay>;

/** Of one conversation: day (or name of another file of its folder) → what was read. */
export const Checkpoint = z.object({
  mode: z.literal("export"),
  days: z.record(z.string(), ReadDay),
  /** Gaps of the workspace as a whole, such as an unreadable users.json. */
  gaps: z.array(z.string()).default([]),
});
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
