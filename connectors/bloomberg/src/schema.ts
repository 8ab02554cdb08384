import { CompletionSettings, DropLocation, Ledger, PgpSettings, ScheduleSettings } from "@hansard/file-drop";
import { z } from "zod";

export const Settings = z.strictObject({
  drop: DropLocation.describe("Where Bloomberg's files lie: a folder, or Bloomberg's SFTP server."),
  pgp: PgpSettings.optional().describe("The keys, where the files are encrypted or signed."),
  completion: CompletionSettings.prefault({}).describe("How to tell that a file is there whole."),
  expect: ScheduleSettings.extend({
    files: z
      .array(z.enum(["mail", "chat"]))
      .min(1)
      .default(["mail", "chat"])
      .describe("What must come each day."),
  })
    .optional()
    .describe("The days that must be covered. A day whose files do not come becomes a gap."),
  history: z
    .enum(["archive", "exclude"])
    .default("archive")
    .describe(
      "Whether messages that the source repeats for someone who looked back are archived, or counted as excluded.",
    ),
  ignore: z.array(z.string()).default([]).describe("Glob patterns of paths in the drop that are not Bloomberg's data."),
  maxFileBytes: z
    .int()
    .positive()
    .default(64 * 1024 ** 3)
    .describe("The longest file that is read, unpacked."),
  maxRatio: z.int().positive().default(500).describe("The most unpacked bytes for each packed one."),
  maxMembers: z.int().positive().default(1_000_000).describe("The most files in one attachments archive."),
  spoolFolder: z
    .string()
    .optional()
    .describe("Where files are kept while they are verified. Absent: the temporary folder."),
});
export type Settings = z.output<typeof Settings>;

export const Checkpoint = z.object({
  version: z.literal(1),
  files: Ledger,
  /** Days whose gap is open, as `mail:2020-03-13`. */
  missingDays: z.array(z.string()),
  /** Days that were covered, likewise, as far as the schedule asks. */
  coveredDays: z.array(z.string()),
});
export type Checkpoint = z.output<typeof Checkpoint>;

/** A part of a message that was not in the drop when it was archived. */
export const Owed = z.object({
  kind: z.literal("parts"),
  group: z.string(),
  files: z.array(z.string()),
  disclaimer: z.string().optional(),
});
export type Owed = z.output<typeof Owed>;

const Text = z.string().catch("");

/** A counterparty has a name, a company and a Bloomberg address; only the firm's own people have numbers. */
export const ChatUser = z.object({
  LoginName: z.string().min(1),
  FirstName: Text,
  LastName: Text,
  UUID: z.string().optional(),
  CompanyName: Text,
  EmailAddress: Text,
  CorporateEmailAddress: Text,
});
export type ChatUser = z.output<typeof ChatUser>;

export const MailUser = z.object({
  FirstName: Text,
  LastName: Text,
  AccountName: Text,
  AccountNumber: Text,
  BloombergUUID: Text,
  BloombergEmailAddress: Text,
  CorporateEmailAddress: Text,
});
export type MailUser = z.output<typeof MailUser>;

/** `Reference` is a pointer, such as to a news story, and has no bytes. */
export const FileReference = z.object({
  FileName: z.string().optional(),
  Reference: z.string().optional(),
  FileID: z.string().optional(),
  FileSize: z.string().optional(),
});
export type FileReference = z.output<typeof FileReference>;

const Epoch = z.string().regex(/^\d{1,13}$/);

/** What every event of a conversation has. Invitations have two people, all others one. */
export const ChatFields = FileReference.extend({
  DateTimeUTC: Epoch,
  Content: z.string().optional(),
  StartTimeUTC: Epoch.optional(),
  EndTimeUTC: Epoch.optional(),
  "@InteractionType": z.string().optional(),
  "@DeviceType": z.string().optional(),
});
export const ChatEvent = ChatFields.extend({
  User: ChatUser.optional(),
  Inviter: ChatUser.optional(),
  Invitee: ChatUser.optional(),
});
export type ChatEvent = z.output<typeof ChatEvent>;

const Person = z.object({ UserInfo: MailUser });
export const Recipient = Person.extend({
  "@DeliveryType": z.string().optional(),
  ForwardedTo: z.array(z.object({ Recipient: z.array(Person).catch([]) })).catch([]),
  ForwardedBy: z.array(Person).catch([]),
});

export const Mail = z.object({
  MsgID: z.string().min(1),
  MsgTimeUTC: Epoch,
  MsgLang: z.string().optional(),
  MsgType: z.string().optional(),
  Subject: Text,
  MsgBody: Text,
  Greeting: z.string().optional(),
  DisclaimerReference: z.string().optional(),
  Sender: Person.extend({ "@DeviceType": z.string().optional() }),
  OrigSender: Person.optional(),
  OnBehalfOf: Person.optional(),
  SharedMessenger: Person.optional(),
  Recipient: z.array(Recipient).min(1),
  Attachment: z.array(FileReference).catch([]),
});
export type Mail = z.output<typeof Mail>;

export const Room = z.object({ id: z.string(), persistent: z.boolean(), start: z.string() });
export type Room = z.output<typeof Room>;
