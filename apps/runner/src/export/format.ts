import { z } from "zod";

/** The version of the export's layout, which `docs/specification.md` describes. */
export const EXPORT_FORMAT = "hansard-export/1";

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

/** A line of `messages.jsonl`. */
export const ExportedMessage = z.strictObject({
  messageId: z.string(),
  messageClass: z.string(),
  date: z.string(),
  sha256: Digest,
  size: z.int().nonnegative(),
  /** Relative to the export's folder, with forward slashes. */
  file: z.string(),
  copies: z.array(z.strictObject({ mailbox: z.string(), folder: z.string() })),
});
export type ExportedMessage = z.infer<typeof ExportedMessage>;
