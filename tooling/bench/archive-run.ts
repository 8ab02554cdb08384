import { join } from "node:path";
import { MEMBERS } from "./generate-export.ts";
import { assertDone, child, LARGE_RUNS } from "./measure.ts";

/** What archive-export.ts prints. Its times are taken from inside. */
export interface BulkRun {
  messages: number;
  copies: number;
  found: number;
  seconds: number;
  captureSeconds: number;
  cpuSeconds: number;
  maxRss: number;
  rss: number[];
  progress: Progress[];
}

/** What the run had done, and taken, whenever a batch was delivered. */
export interface Progress {
  /** Delivered. */
  messages: number;
  /** Captured of the export. */
  read: number;
  seconds: number;
  cpuSeconds: number;
}

export const ARCHIVE_EXPORT = join(import.meta.dirname, "archive-export.ts");

/** Archives an export of so many messages in a process of its own. `wholeSeconds`: from its start to its exit, as the peers are timed. */
export function archiveExport(
  slackExport: string,
  target: string,
  messages: number,
): BulkRun & { wholeSeconds: number } {
  const start = performance.now();
  const run = child<BulkRun>(ARCHIVE_EXPORT, [slackExport, target], LARGE_RUNS);
  const wholeSeconds = (performance.now() - start) / 1000;
  assertAllArchived(run, messages);
  return { ...run, wholeSeconds };
}

/** A run that did less than it was asked would be the faster one. */
export function assertAllArchived(run: BulkRun, messages: number): void {
  assertDone("messages delivered", run.messages, messages);
  assertDone("copies delivered", run.copies, messages * MEMBERS);
  assertDone("messages found by search", run.found, messages);
}
