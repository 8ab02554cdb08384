import { isHansardError, type ReadContext } from "@hansard/core";
import type { MemoryJournal } from "@hansard/testkit";
import { read } from "../src/read.ts";
import { Checkpoint, type Settings } from "../src/schema.ts";

export function contextOf(
  journal: MemoryJournal,
  partition: string,
  settings: Settings,
  startedAt: Date,
): ReadContext<Settings, Checkpoint> {
  const { checkpoint: stored, ...position } = journal.position(partition, startedAt);
  return {
    settings,
    http: { request: refuse, json: refuse, download: refuse },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    signal: new AbortController().signal,
    startedAt,
    partition: { id: partition, name: partition },
    checkpoint: stored === undefined ? undefined : Checkpoint.parse(stored),
    ...position,
  };
}

export interface RunOptions {
  settings: Settings;
  now: () => Date;
  /** Whether to crash now: before a page is durable, or after. */
  crash?: () => "before" | "after" | undefined;
  /** Whether the page just made durable is the last that is wanted. */
  isEnough?: (checkpoint: Checkpoint | undefined) => boolean;
}

/** Reads a partition to its end, over crashes and errors that pass, each time from what is durable. */
export async function readToEnd(journal: MemoryJournal, partition: string, options: RunOptions): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    try {
      if (await readOnce(journal, partition, options)) return;
    } catch (error) {
      if (!isHansardError(error, "unavailable") && !isHansardError(error, "rate-limited")) throw error;
    }
  }
  throw new Error(`${partition} did not come to its end in 500 attempts.`);
}

async function readOnce(
  journal: MemoryJournal,
  partition: string,
  { settings, now, crash, isEnough }: RunOptions,
): Promise<boolean> {
  for await (const page of read(contextOf(journal, partition, settings, now()))) {
    const when = crash?.();
    if (when === "before") return false;
    journal.append(partition, page);
    if (isEnough?.(page.checkpoint)) return true;
    if (when === "after") return false;
  }
  return true;
}

async function refuse(): Promise<never> {
  throw new Error("The connector brings its own transport.");
}
