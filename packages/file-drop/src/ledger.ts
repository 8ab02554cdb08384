import { z } from "zod";
import { unwrapName } from "./names.ts";
import { gapId } from "./refusal.ts";

/**
 * What is known of one path of the drop.
 * `seen`: it was there, and is not known to be at rest yet. `awaited`: something names it and it is not there yet.
 * `read`: all of it is in the journal. `refused`: it could not be believed as it was.
 */
export const LedgerEntry = z.object({
  path: z.string(),
  state: z.enum(["seen", "awaited", "read", "refused"]),
  /** As listed when it came to this state; 0 for what was never there. */
  size: z.number(),
  mtimeMs: z.number(),
  /** When this size and time were first met, or since when it is awaited: ISO 8601. */
  since: z.string(),
  /** When it was last listed: ISO 8601. */
  listed: z.string(),
  /** Of the bytes as delivered. */
  sha256: z.string().optional(),
  /** Of the unwrapped content. */
  content: z.string().optional(),
  /** Different contents that this path had and that were read, this one included. Absent: one. */
  revision: z.number().optional(),
  /** Whether a gap for it is open. */
  gap: z.boolean().optional(),
  /** Fingerprint of the settings it was refused under; other settings are another try. */
  attempt: z.string().optional(),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** What a connector keeps of its drop in its checkpoint: plain JSON. */
export const Ledger = z.array(LedgerEntry);

/** The ledger at work, by path. */
export type LedgerBook = Map<string, LedgerEntry>;

export function openLedger(entries: LedgerEntry[] = []): LedgerBook {
  return new Map(entries.map((entry) => [entry.path, { ...entry }]));
}

/** The ledger as the checkpoint keeps it. */
export function ledgerEntries(book: LedgerBook): LedgerEntry[] {
  return [...book.values()].map((entry) => ({ ...entry }));
}

/**
 * Marks a file as being in the journal whole. Put the ledger into the checkpoint of the page that makes it so, and the
 * returned ids of gaps into its `closed`.
 */
export function markRead(
  book: LedgerBook,
  file: { path: string; sha256: string; delivered: { sha256: string; size: number; mtimeMs: number } },
  now: Date,
): string[] {
  const before = book.get(file.path);
  const again = before?.content !== undefined && before.content !== file.sha256;
  const revision = (before?.revision ?? 1) + (again ? 1 : 0);
  book.set(file.path, {
    path: file.path,
    state: "read",
    size: file.delivered.size,
    mtimeMs: file.delivered.mtimeMs,
    since: now.toISOString(),
    listed: now.toISOString(),
    sha256: file.delivered.sha256,
    content: file.sha256,
    ...(revision > 1 && { revision }),
  });
  return [...(before?.gap ? [gapId(file.path)] : []), ...settleAwaited(book, file.path)];
}

/** What was awaited by name has come, perhaps in another folder or packed otherwise. */
function settleAwaited(book: LedgerBook, path: string): string[] {
  const { name } = unwrapName(path);
  const closed: string[] = [];
  for (const [awaited, { state, gap }] of book) {
    if (state !== "awaited" || unwrapName(awaited).name !== name) continue;
    book.delete(awaited);
    if (gap) closed.push(gapId(awaited));
  }
  return closed;
}

/**
 * Forgets paths that the source took away longer than `days` ago, so that the ledger does not grow for ever. Should one
 * come back, its events have the keys that they had, and count once.
 */
export function forgetVanished(book: LedgerBook, now: Date, days = 14): void {
  const before = new Date(now.getTime() - days * 86_400_000).toISOString();
  for (const [path, { listed, gap, state }] of book) {
    if (listed < before && !gap && state !== "awaited") book.delete(path);
  }
}

/** Notes that something names a file which did not come, so that its gap is closed when it does. False: it is noted already. */
export function noteAbsent(book: LedgerBook, path: string, now: Date): boolean {
  if (book.has(path)) return false;
  const at = now.toISOString();
  book.set(path, { path, state: "awaited", size: 0, mtimeMs: 0, since: at, listed: at, gap: true });
  return true;
}
