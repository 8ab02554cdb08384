import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { destination as archive } from "@hansard/archive";
import type { Connector, Logger } from "@hansard/core";
import {
  capture,
  type CaptureResult,
  deliver,
  type DeliverResult,
  type Destination,
  type Journal,
  loadPeopleMap,
  type SourceBooks,
} from "@hansard/core/ingestion";
import { openJournal } from "@hansard/journal";
import type { OpenCopy } from "./source-copy.ts";

export const SOURCE = "source";
const DESTINATION = "archive";

/** A folder with a journal and an archive, as a runner has one. */
export interface Installation extends AsyncDisposable {
  folder: string;
  openJournal(): Journal;
  openArchive(journal: Journal): Promise<Destination>;
}

export async function openInstallation(): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), "hansard-conformance-"));
  return { ...installationIn(folder), [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

export function installationIn(folder: string): Omit<Installation, keyof AsyncDisposable> {
  return {
    folder,
    openJournal: () => openJournal(join(folder, "journal")),
    async openArchive(journal) {
      const own = join(folder, "archive");
      await mkdir(own, { recursive: true });
      return archive.open({
        id: DESTINATION,
        settings: { mailboxes: "any" } as never,
        blobs: journal.blobs,
        folder: own,
        log: quiet,
      });
    },
  };
}

export interface ReadOptions {
  signal?: AbortSignal;
  log?: Logger;
  /** The longest request for patience that the run obeys. */
  longestWaitMs?: number;
}

/** Reads the source into the journal once, one partition after the other, without trying a second time. */
export async function readInto(
  journal: Journal,
  connector: Connector,
  copy: OpenCopy,
  options: ReadOptions = {},
): Promise<CaptureResult> {
  const { signal = new AbortController().signal, log = quiet, longestWaitMs = 0 } = options;
  const stop = new AbortController();
  const http = copy.http(AbortSignal.any([signal, stop.signal]), log);
  try {
    await journal.openSource({ id: SOURCE, connector: connector.id, version: "0.0.0" });
    return await capture({
      source: SOURCE,
      connector,
      settings: copy.settings,
      journal,
      http,
      log,
      signal,
      concurrency: 1,
      patience: { attempts: 1, firstDelayMs: 1, longestWaitMs },
      clock: copy.now,
    });
  } finally {
    stop.abort();
    await http.close();
  }
}

/** Delivers what the journal holds, a few events at a time, so that there are several intents. */
export async function deliverFrom(
  journal: Journal,
  connector: Connector,
  destination: Destination,
  batchEvents: number,
): Promise<DeliverResult> {
  const people = await loadPeopleMap({ domains: "*" });
  return deliver({
    preparation: {
      source: SOURCE,
      connector,
      connectorVersion: "0.0.0",
      people: people.forSource(SOURCE),
      policy: { thirdPartyMailbox: "third-party-data@example.com" },
      installation: journal.installation,
      blobs: journal.blobs,
      messageBytes: destination.limits.messageBytes,
    },
    destinationId: DESTINATION,
    destination,
    journal,
    grouping: "event",
    log: quiet,
    signal: new AbortController().signal,
    batchEvents,
  });
}

/** What the journal holds: `key` for a thing's first version, `key (version)` for later ones. */
export async function heldBy(journal: Journal): Promise<Set<string>> {
  const held = new Set<string>();
  for await (const { key, version } of journal.captured(SOURCE, { from: "", to: "\u{10ffff}" }))
    held.add(eventName(key, version));
  return held;
}

export function eventName(key: string, version = ""): string {
  return version === "" ? key : `${key} (${version})`;
}

export async function booksOf(journal: Journal): Promise<SourceBooks> {
  const [books] = await journal.books();
  if (!books) throw new Error("The journal has no books of the source.");
  return books;
}

/** In words, what stopped a read. */
export function stoppedBy({ stopped }: CaptureResult): string {
  return stopped
    .map(
      ({ partition, error }) =>
        `${partition === undefined ? "" : `partition "${partition}": `}${error instanceof Error ? `${error.name}: ${error.message}` : inspect(error)}`,
    )
    .join("; ");
}

export const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };
