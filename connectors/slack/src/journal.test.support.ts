import type { HttpClient, ReadContext } from "@hansard/core";
import { MemoryJournal } from "@hansard/testkit";
import { offline, silent } from "./offline.test.support.ts";
import { partitions, read } from "./read.ts";
import { Checkpoint, Settings } from "./schema.ts";

export function countByType({ events }: MemoryJournal): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of events.values()) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

export interface RunOptions {
  settings: { [name: string]: unknown };
  journal?: MemoryJournal;
  http?: HttpClient;
  startedAt?: Date;
  /** Ends the run after so many pages, as a crash would. */
  stopAfterPages?: number;
}

/** Reads every partition into the journal, as the runner does. */
export async function runSource({
  settings: input,
  journal = new MemoryJournal(),
  http = offline,
  startedAt = new Date("2026-11-22T10:00:00Z"),
  stopAfterPages = Infinity,
}: RunOptions): Promise<MemoryJournal> {
  const settings = Settings.parse(input);
  const shared = {
    settings,
    http,
    log: silent,
    signal: new AbortController().signal,
    startedAt,
    state: { get: () => Promise.resolve(undefined), put: () => Promise.resolve() },
  };
  let pages = 0;
  for (const partition of await partitions(shared)) {
    const { checkpoint, ...position } = journal.position(partition.id, startedAt);
    const context: ReadContext<Settings, Checkpoint> = {
      ...shared,
      ...position,
      partition,
      checkpoint: checkpoint === undefined ? undefined : Checkpoint.parse(checkpoint),
    };
    for await (const page of read(context)) {
      if (pages >= stopAfterPages) return journal;
      journal.append(partition.id, page);
      pages += 1;
      if (pages >= stopAfterPages) return journal;
    }
  }
  return journal;
}
