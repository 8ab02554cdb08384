import { createHash } from "node:crypto";
import { z } from "zod";

/** The version of the export's layout, which `docs/specification.md` describes. */
export const EXPORT_FORMAT = "hansard-export/1";

/** The files that the manifest lists: these, in this order. */
export const LISTED_FILES = ["messages.jsonl", "journal.jsonl"];

const Digest = z.string().regex(/^[0-9a-f]{64}$/);
const ListedFile = z.strictObject({ path: z.string(), sha256: Digest, size: z.int().nonnegative() });

/** `manifest.json`: what the export holds and where the journal stood. */
export const ExportManifest = z.strictObject({
  format: z.literal(EXPORT_FORMAT),
  installation: z.string(),
  destination: z.string(),
  /** The query of a partial export; null where the export is whole. */
  query: z.string().nullable(),
  /** The last entry of the journal, which can be compared with one that was anchored outside. */
  head: z.strictObject({ seq: z.int().nonnegative(), hash: Digest }),
  messages: z.int().nonnegative(),
  files: z.array(ListedFile),
});
export type ExportManifest = z.infer<typeof ExportManifest>;

/** A line of `journal.jsonl`. The body is null where the export is partial and the entry has no part in it. */
export const ExportedEntry = z.strictObject({
  seq: z.int().positive(),
  kind: z.string(),
  at: z.int(),
  body: z.string().nullable(),
  bodyHash: Digest,
  hash: Digest,
});
export type ExportedEntry = z.infer<typeof ExportedEntry>;

/** A line of `messages.jsonl`. It says nothing that the mail and the journal do not say too, so that all of it can be checked. */
export const ExportedMessage = z.strictObject({
  messageId: z.string(),
  messageClass: z.string(),
  /** Of the mail's own Date field, so in whole seconds: `2026-11-22T09:30:00Z`. */
  date: z.string(),
  sha256: Digest,
  size: z.int().nonnegative(),
  /** Relative to the export's folder, with forward slashes. */
  file: z.string(),
  /** Each mailbox once, in the order of their bytes. */
  copies: z.array(z.strictObject({ mailbox: z.string(), folder: z.string() })),
});
export type ExportedMessage = z.infer<typeof ExportedMessage>;

/** Where a message's mail is. Named by the Message-ID and not by the content, whose hash is known only when it has been written. */
export function mailFile(messageId: string): string {
  const name = createHash("sha256").update(messageId).digest("hex").slice(0, 40);
  return `messages/${name.slice(0, 2)}/${name}.eml`;
}

/** Whether a message is listed before another: the oldest first, and of one second by their Message-ID. */
export function isBefore(
  one: Pick<ExportedMessage, "date" | "messageId">,
  other: Pick<ExportedMessage, "date" | "messageId">,
): boolean {
  return one.date < other.date || (one.date === other.date && one.messageId < other.messageId);
}
