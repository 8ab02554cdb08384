import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Folder } from "@hansard/core/ingestion";
import { z } from "zod";

const FolderKind = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("purges") }),
  z.object({ kind: z.literal("inbox") }),
  z.object({ kind: z.literal("visible"), path: z.array(z.string()) }),
]);
const Doubt = z.object({ mailbox: z.string(), folder: FolderKind, messageId: z.string(), at: z.number() });
const Kept = z.object({ mailbox: z.string(), itemId: z.string(), at: z.number() });

/** A delivery whose answer was ambiguous once: it may be there twice. */
export interface Doubt {
  mailbox: string;
  folder: Folder;
  messageId: string;
  at: number;
}

/** An item that went into Purges: while the hold lasts it is there. */
export type Kept = z.infer<typeof Kept>;

const Lost = z.object({ mailbox: z.string(), at: z.number() });

const MOST_LINES = 20_000;
const MOST_AGE_MS = 90 * 24 * 60 * 60 * 1000;

/**
 * What `check` looks after later, in the destination's own folder. It is a help and no record: the journal is the
 * record, and a line that is lost costs one look.
 */
export class Ledger {
  readonly #doubts: string;
  readonly #kept: string;
  readonly #lost: string;

  constructor(folder: string) {
    this.#doubts = join(folder, "doubtful.jsonl");
    this.#kept = join(folder, "kept.jsonl");
    this.#lost = join(folder, "lost.jsonl");
  }

  doubt(doubts: Doubt[]): void {
    append(this.#doubts, doubts);
  }

  keep(kept: Kept): void {
    append(this.#kept, [kept]);
  }

  doubts(): Doubt[] {
    const known = new Map<string, Doubt>();
    for (const doubt of readLines(this.#doubts, Doubt)) known.set(`${doubt.mailbox}\n${doubt.messageId}`, doubt);
    return [...known.values()];
  }

  kept(): Kept[] {
    return readLines(this.#kept, Kept);
  }

  /** A mailbox did not keep what was sent into its Purges. */
  lose(lost: z.infer<typeof Lost>): void {
    append(this.#lost, [lost]);
  }

  /** When each mailbox was last seen to have lost something. */
  lost(): Map<string, number> {
    return new Map(readLines(this.#lost, Lost).map(({ mailbox, at }) => [mailbox, at]));
  }
}

function append(file: string, entries: object[]): void {
  if (entries.length > 0) appendFileSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
}

/** The lines that are young enough; where they became too many, the file is written anew. A torn last line is passed over. */
function readLines<Entry extends { at: number }>(file: string, schema: z.ZodType<Entry>): Entry[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const entries = lines.flatMap((line) => parsed(line, schema)).filter(({ at }) => at > Date.now() - MOST_AGE_MS);
  if (lines.length <= MOST_LINES) return entries;
  const young = entries.slice(-MOST_LINES / 2);
  writeFileSync(`${file}.new`, young.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  renameSync(`${file}.new`, file);
  return young;
}

function parsed<Entry>(line: string, schema: z.ZodType<Entry>): Entry[] {
  try {
    return [schema.parse(JSON.parse(line))];
  } catch {
    return [];
  }
}
