import {
  capture,
  type CaptureResult,
  type DeliverResult,
  type GapEntry,
  type SourceBooks,
  type SourceStatus,
  type UnmappedAt,
} from "@hansard/core/ingestion";
import type { Installation, OpenSource } from "../installation.ts";
import type { UnprovenHold } from "../open-destination.ts";
import { plural, Progress, print } from "../output.ts";
import { deliverSource, deliverWaiting } from "./deliver-source.ts";
import { stillUnmapped } from "./people.ts";
import { explained, type Problem } from "../problem.ts";
import { runSummary } from "../run-summary.ts";

export interface RunOptions {
  json?: boolean;
  source?: string;
}

/** What one run did, and how the books stand after it. */
export interface RunReport {
  sources: { id: string; capture: Problem<CaptureResult>; delivery: Record<string, Problem<DeliverResult>> }[];
  books: SourceBooks[];
  status: SourceStatus[];
  unmapped: UnmappedAt[];
  gaps: GapEntry[];
  /** Whose messages are in a third-party data mailbox until their holds are proven. */
  unprovenHolds: UnprovenHold[];
  balanced: boolean;
}

/** Reads every source once from where it stood, delivers what is new, and says how the books stand. */
export async function run(
  installation: Installation,
  { json, source: wanted }: RunOptions,
  signal: AbortSignal,
): Promise<number> {
  installation.lock();
  const progress = new Progress();
  const sources: RunReport["sources"] = [];
  for (const id of installation.sourceIds(wanted)) {
    const source = await installation.source(id);
    await installation.journal.openSource({ id, connector: source.connector.id, version: source.version });
    // Reading a source may take hours: what is captured goes to each destination meanwhile.
    const capturing = captureSource(installation, source, signal, progress);
    const delivering = installation
      .destinationIds(id)
      .map(async (destination) => [
        destination,
        await deliverSource(installation, source, destination, signal, progress, capturing),
      ]);
    await Promise.allSettled([capturing, ...delivering]);
    sources.push({ id, capture: await capturing, delivery: Object.fromEntries(await Promise.all(delivering)) });
  }
  await deliverWaiting(installation, sources, signal, progress);
  const report = await reportOf(installation, sources);
  print(json, report, () => runSummary(report, installation.config));
  return exitCode(report);
}

async function captureSource(
  installation: Installation,
  source: OpenSource,
  signal: AbortSignal,
  progress: Progress,
): Promise<RunReport["sources"][number]["capture"]> {
  const { journal, log } = installation;
  let [captured, known] = [0, 0];
  const result = await capture({
    source: source.id,
    connector: source.connector,
    settings: source.settings,
    journal,
    http: installation.http(source, signal),
    log,
    signal,
    concurrency: source.configuration.concurrency,
    onProgress: (page) => {
      captured += page.captured;
      known += page.known;
      progress.show(`${source.id}: ${plural(captured, "event")} captured${known ? `, ${known} known already` : ""}`);
    },
  });
  progress.end();
  return {
    ...result,
    stopped: result.stopped.map(({ partition, error }) => ({
      ...(partition === undefined ? {} : { where: partition }),
      ...explained(error),
    })),
  };
}

async function reportOf(installation: Installation, sources: RunReport["sources"]): Promise<RunReport> {
  const { journal } = installation;
  const books = await installation.books();
  const unmapped = await stillUnmapped(installation);
  return {
    sources,
    books,
    status: await journal.status(),
    unmapped,
    gaps: await journal.gaps({ open: true }),
    unprovenHolds: await installation.unprovenHolds(),
    balanced: books.every(({ unaccounted }) => unaccounted === 0),
  };
}

function exitCode({ sources, unprovenHolds, balanced }: RunReport): number {
  const stopped = sources.some(
    ({ capture: captured, delivery }) =>
      captured.stopped.length > 0 || Object.values(delivery).some((result) => result.stopped.length > 0),
  );
  const parked = sources.some(({ delivery }) => Object.values(delivery).some((result) => result.parked.length > 0));
  return stopped || parked || unprovenHolds.length > 0 || !balanced ? 1 : 0;
}
