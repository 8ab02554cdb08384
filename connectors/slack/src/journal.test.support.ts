import { createHash } from "node:crypto";
import type {
  BlobReference,
  CapturedEvent,
  FollowUp,
  HttpClient,
  Json,
  KnownEvent,
  Logger,
  Page,
  ReadContext,
  SourceEvent,
} from "@hansard/core";
import { UnavailableError } from "@hansard/core";
import { partitions, read } from "./read.ts";
import { type Checkpoint, type ExportCheckpoint, Settings } from "./schema.ts";

/** A journal in memory, as strict as the real one about what a page may refer to. */
export class MemoryJournal {
  events = new Map<string, SourceEvent>();
  contexts = new Map<string, Json>();
  checkpoints = new Map<string, ExportCheckpoint>();
  claims = new Map<string, { events: number; captured: Set<string> }>();
  gaps = new Map<string, { events: number; reason: string; claim?: string | undefined; open: boolean }>();
  exclusions = new Map<string, { events: number; claim?: string | undefined }>();
  blobs = new Map<string, Buffer>();
  /** By partition. */
  followUps = new Map<string, Map<string, FollowUp>>();
  pages = 0;

  append(partition: string, page: Page<string, Checkpoint>): number {
    this.pages += 1;
    let added = 0;
    for (const [id, value] of Object.entries(page.contexts ?? {}))
      if (!this.contexts.has(id)) this.contexts.set(id, structuredClone(value));
    for (const { id, events } of page.claims ?? [])
      this.claims.set(id, { events, captured: this.claims.get(id)?.captured ?? new Set() });
    for (const event of page.events) {
      const id = `${event.key}\n${event.version ?? ""}`;
      for (const context of Object.values(event.context ?? {}))
        if (!this.contexts.has(context)) throw new Error(`Unknown context of ${event.key}`);
      if (event.claim !== undefined) {
        const claim = this.claims.get(event.claim);
        if (!claim) throw new Error(`Unknown claim ${event.claim}`);
        claim.captured.add(id);
      }
      if (this.events.has(id)) continue;
      added += 1;
      this.events.set(id, JSON.parse(JSON.stringify(event)) as SourceEvent);
    }
    for (const { id, ...gap } of page.gaps ?? []) this.gaps.set(id, { ...gap, open: true });
    for (const id of page.closed ?? []) {
      const gap = this.gaps.get(id);
      if (gap) gap.open = false;
    }
    for (const { id, events, claim } of page.exclusions ?? []) this.exclusions.set(id, { events, claim });
    const owed = this.followUps.get(partition) ?? new Map<string, FollowUp>();
    this.followUps.set(partition, owed);
    for (const followUp of page.followUps ?? [])
      owed.set(followUp.id, JSON.parse(JSON.stringify(followUp)) as FollowUp);
    for (const id of page.settled ?? []) owed.delete(id);
    if (page.checkpoint?.mode === "export") this.checkpoints.set(partition, structuredClone(page.checkpoint));
    return added;
  }

  async *captured({ from, to }: { from: string; to: string }): AsyncGenerator<KnownEvent> {
    const found = [...this.events.values()].filter(({ key }) => from <= key && key < to);
    for (const { key, version = "", type } of found.sort((a, b) => (a.key < b.key ? -1 : 1)))
      yield { key, version, type };
  }

  due(partition: string, at: Date): FollowUp[] {
    const owed = [...(this.followUps.get(partition)?.values() ?? [])];
    return owed.filter(({ dueAt }) => dueAt === undefined || Date.parse(dueAt) <= at.getTime());
  }

  /** Claims that do not add up, by name. */
  get unaccounted(): Record<string, number> {
    const open: Record<string, number> = {};
    for (const [id, { events, captured }] of this.claims) {
      const sum = (entries: Iterable<{ events: number; claim?: string | undefined }>) =>
        [...entries].filter(({ claim }) => claim === id).reduce((total, entry) => total + entry.events, 0);
      const rest = events - captured.size - sum(this.gaps.values()) - sum(this.exclusions.values());
      if (rest !== 0) open[id] = rest;
    }
    return open;
  }

  /** Every event as `map` receives it. */
  get resolved(): CapturedEvent[] {
    return [...this.events.values()].map(
      ({ version = "", context = {}, attachments = [], claim: _claim, ...event }) => ({
        ...event,
        version,
        attachments,
        context: Object.fromEntries(Object.entries(context).map(([name, id]) => [name, this.contexts.get(id) ?? null])),
      }),
    );
  }

  countByType(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { type } of this.events.values()) counts[type] = (counts[type] ?? 0) + 1;
    return counts;
  }
}

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Refuses everything, as a machine without a network does. */
export const offline: HttpClient = {
  request: () => Promise.reject(new UnavailableError("There is no network.")),
  json: () => Promise.reject(new UnavailableError("There is no network.")),
  download: () => Promise.reject(new UnavailableError("There is no network.")),
};

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
    const context: ReadContext<Settings, Checkpoint> = {
      ...shared,
      partition,
      checkpoint: journal.checkpoints.get(partition.id),
      followUps: journal.due(partition.id, startedAt),
      blobs: { put: (content, options) => putBlob(journal, content, options?.maxBytes) },
      captured: (range) => journal.captured(range),
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

async function putBlob(
  journal: MemoryJournal,
  content: AsyncIterable<Uint8Array> | Uint8Array,
  maxBytes = Infinity,
): Promise<BlobReference> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content instanceof Uint8Array ? [content] : content) {
    size += chunk.length;
    if (size > maxBytes) throw new Error("The blob is too long.");
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  journal.blobs.set(sha256, bytes);
  return { sha256, size };
}
