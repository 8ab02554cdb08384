import { isHansardError, type ReadContext } from "@hansard/core";
import { read } from "../src/read.ts";
import { Checkpoint, type Settings } from "../src/schema.ts";
import { commit, knownEvents, putBlob, type TestJournal } from "./journal.ts";

export function contextOf(
  journal: TestJournal,
  partition: string,
  settings: Settings,
  startedAt: Date,
): ReadContext<Settings, Checkpoint> {
  const stored = journal.checkpoints.get(partition);
  const owed = [...(journal.followUps.get(partition)?.values() ?? [])];
  return {
    settings,
    http: { request: refuse, json: refuse, download: refuse },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    signal: new AbortController().signal,
    startedAt,
    partition: { id: partition, name: partition },
    checkpoint: stored === undefined ? undefined : Checkpoint.parse(stored),
    followUps: owed.filter(({ dueAt }) => dueAt === undefined || Date.parse(dueAt) <= startedAt.getTime()),
    blobs: { put: (content, { maxBytes = Number.POSITIVE_INFINITY } = {}) => putBlob(journal, content, maxBytes) },
    captured: (range) => knownEvents(journal, range),
    state: {
      get: async (key) => journal.state.get(key),
      put: async (key, value) => void journal.state.set(key, value),
    },
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
export async function readToEnd(journal: TestJournal, partition: string, options: RunOptions): Promise<void> {
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
  journal: TestJournal,
  partition: string,
  { settings, now, crash, isEnough }: RunOptions,
): Promise<boolean> {
  for await (const page of read(contextOf(journal, partition, settings, now()))) {
    const when = crash?.();
    if (when === "before") return false;
    commit(journal, partition, page);
    if (isEnough?.(page.checkpoint)) return true;
    if (when === "after") return false;
  }
  return true;
}

async function refuse(): Promise<never> {
  throw new Error("The connector brings its own transport.");
}
