import { z } from "zod";

export const Settings = z.strictObject({
  folder: z
    .string()
    .min(1)
    .describe("The folder that receives the messages. It is created where it does not exist; it must be a local disk."),
  format: z
    .enum(["eml", "maildir"])
    .describe("`eml`: a tree of files by mailbox, folder and date. `maildir`: one Maildir++ for each mailbox."),
  purgesFolder: z
    .array(z.string().min(1))
    .min(1)
    .default(["Recoverable Items", "Purges"])
    .describe(
      "The folder that stands for Recoverable Items/Purges, the outermost first. Files cannot hide it from a reader.",
    ),
  markAsRead: z
    .boolean()
    .default(true)
    .describe("Maildir only: whether a message arrives as read, in `cur`, or as new, in `new`."),
  readableBy: z
    .enum(["owner", "group"])
    .default("owner")
    .describe("Who may read the files: the account that Hansard runs as, or its group too."),
  minimumFreeBytes: z
    .int()
    .nonnegative()
    .default(1024 ** 3)
    .describe("`check` warns when the disk has less free space than this, in bytes."),
});
export type Settings = z.infer<typeof Settings>;
