import type { Connector, EventAttachment, Page, SourceEvent } from "@hansard/core";
import type { CaptureResult } from "@hansard/core/ingestion";
import { heldBy, openInstallation, readInto, stoppedBy } from "./installation.ts";
import type { ConformanceSource } from "./options.ts";
import { openCopy } from "./source-copy.ts";
import { listed, must } from "./suite.ts";

export interface RecordedPage {
  partition: string;
  /** The page itself, as the connector gave it. */
  page: Page;
  /** As JSON at the moment when it was given. */
  given: string;
}

/** What a read without disturbance gives. */
export interface Reference {
  pages: RecordedPage[];
  /** All events, in the order in which they came, repeated ones too. */
  events: SourceEvent[];
  /** By name, as `heldBy` gives them. */
  held: Set<string>;
  /** SHA-256 of every file. */
  files: Set<string>;
  /** How many HTTP requests it took. */
  requests: number;
}

/** Makes the reference when it is first asked for, and once. */
export function openReference(connector: Connector, source: ConformanceSource): () => Promise<Reference> {
  let reference: Promise<Reference> | undefined;
  return () => (reference ??= readOnce(connector, source));
}

async function readOnce(connector: Connector, source: ConformanceSource): Promise<Reference> {
  await using copy = await openCopy(connector, source);
  await using installation = await openInstallation();
  const pages: RecordedPage[] = [];
  const journal = installation.openJournal();
  try {
    const result = await readInto(journal, recording(connector, pages), copy);
    mustEnd(result);
    const events = pages.flatMap(({ page }) => page.events);
    const files = new Set(events.flatMap(filesOf));
    return { pages, events, files, held: await heldBy(journal), requests: copy.server?.seen.length ?? 0 };
  } finally {
    await journal.close();
  }
}

/** The hashes of an event's files, of those that were captured. */
export function filesOf({ attachments = [] }: { attachments?: EventAttachment[] }): string[] {
  return attachments.flatMap((file) => ("blob" in file ? [file.blob.sha256] : []));
}

/** The connector, with all its pages noted. */
export function recording(connector: Connector, pages: RecordedPage[]): Connector {
  return {
    ...connector,
    async *read(context) {
      for await (const page of connector.read(context)) {
        pages.push({
          partition: (context as { partition: { id: string } }).partition.id,
          page,
          given: JSON.stringify(page),
        });
        yield page;
      }
    },
  };
}

export function mustEnd(result: CaptureResult): void {
  must(result.stopped.length === 0, () => `The read stopped before its end: ${stoppedBy(result)}`);
}

/** That a read gave what the undisturbed one gave. */
export function mustEqual(held: Set<string>, reference: Reference, where: string): void {
  const lost = [...reference.held].filter((name) => !held.has(name));
  const extra = [...held].filter((name) => !reference.held.has(name));
  must(
    lost.length === 0 || extra.length === 0,
    () =>
      `${where}: ${extra.length} events came under another key or version than the first time, ${listed(extra)} and not ${listed(lost)}. An event's key and version must be the same however often it is read.`,
  );
  must(lost.length === 0, () => `${where}: ${lost.length} of ${reference.held.size} events are lost: ${listed(lost)}.`);
  must(
    extra.length === 0,
    () => `${where}: ${extra.length} events came a second time under another key or version: ${listed(extra)}.`,
  );
}
