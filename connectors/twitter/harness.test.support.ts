import { createHash } from "node:crypto";
import {
  type FollowUp,
  type Gap,
  type Json,
  type KnownEvent,
  type Logger,
  type Page,
  type Partition,
  type SourceEvent,
  isHansardError,
} from "@hansard/core";
import { type OpenHttpClient, createHttpClient } from "@hansard/core/ingestion";
import { type Random, type XServer } from "../../tooling/servers/x/index.ts";
import type { TwitterReadContext } from "./src/read/context.ts";
import { hosts, partitions, read } from "./src/read.ts";
import type { Checkpoint, Settings } from "./src/schema.ts";

/** What a journal keeps, in memory: pages are taken whole or not at all. */
export interface Journal {
  events: Map<string, SourceEvent>;
  byKey: Map<string, KnownEvent[]>;
  contexts: Map<string, Json>;
  checkpoints: Map<string, Checkpoint>;
  followUps: Map<string, Map<string, FollowUp>>;
  gaps: Map<string, Gap>;
  claims: Map<string, number>;
  blobs: Map<string, Uint8Array>;
  state: Map<string, string>;
  logged: { level: keyof Logger; message: string; details: Record<string, unknown> }[];
}

/** Ends a read as a power cut would. */
export class Crash extends Error {}

export interface Run {
  server: XServer;
  settings: Settings;
  journal: Journal;
  random: Random;
  /** The probability of a crash at each page and at each remembered token. */
  crash: number;
  /** What the world does while a page is being written. */
  between?: () => void;
}

export function createJournal(): Journal {
  return {
    events: new Map(),
    byKey: new Map(),
    contexts: new Map(),
    checkpoints: new Map(),
    followUps: new Map(),
    gaps: new Map(),
    claims: new Map(),
    blobs: new Map(),
    state: new Map(),
    logged: [],
  };
}

const MOST_ATTEMPTS = 400;

/** Reads every partition to its end, however often the server or the machine fails. */
export async function runAll(run: Run): Promise<void> {
  for (const partition of await partitions(contextOf(run, { id: "none", name: "" })))
    await runPartition(run, partition);
}

export async function runPartition(run: Run, partition: Partition): Promise<void> {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    try {
      return await readOnce(run, partition);
    } catch (error) {
      await recover(run.server, error);
    }
  }
  throw new Error(`The partition ${partition.id} did not end after ${MOST_ATTEMPTS} attempts.`);
}

/** What a runner does about each kind of error. */
async function recover({ world }: XServer, error: unknown): Promise<void> {
  if (error instanceof Crash) return;
  if (isHansardError(error, "rate-limited") && "retryAt" in error && error.retryAt instanceof Date) {
    world.now = Math.max(world.now, error.retryAt.getTime());
  } else if (isHansardError(error, "unavailable")) {
    world.now += 1000;
  } else {
    throw error;
  }
}

export async function readOnce(run: Run, partition: Partition): Promise<void> {
  const { journal, random, crash, between } = run;
  const context = contextOf(run, partition);
  try {
    for await (const page of read(context)) {
      if (random.chance(crash)) throw new Crash("Before the page is durable.");
      append(journal, partition.id, page);
      between?.();
      if (random.chance(crash)) throw new Crash("After the page is durable.");
    }
  } finally {
    await context.http.close();
  }
}

export function contextOf(
  { server, settings, journal, random, crash }: Run,
  partition: Partition,
): TwitterReadContext & { http: OpenHttpClient } {
  const startedAt = new Date(server.world.now);
  const due = [...(journal.followUps.get(partition.id)?.values() ?? [])].filter(
    ({ dueAt }) => dueAt === undefined || Date.parse(dueAt) <= startedAt.getTime(),
  );
  const signal = new AbortController().signal;
  const declared = hosts(settings);
  const log = logTo(journal);
  return {
    settings,
    http: createHttpClient({
      hosts: declared,
      allowPrivate: declared,
      signal,
      log,
      userAgent: "Hansard (twitter)",
      maxRetries: 2,
      backoffMs: 1,
      maxWaitMs: 5,
    }),
    log,
    signal,
    startedAt,
    partition,
    checkpoint: journal.checkpoints.get(partition.id),
    followUps: due,
    state: {
      get: async (name: string) => journal.state.get(name),
      async put(name: string, value: string) {
        journal.state.set(name, value);
        if (value.includes('"attempts":0') && random.chance(crash)) throw new Crash("After the token is durable.");
      },
    },
    blobs: { put: (content: AsyncIterable<Uint8Array> | Uint8Array) => putBlob(journal, content) },
    captured: (range: { from: string; to: string }) => captured(journal, range),
  };
}

function logTo(journal: Journal): Logger {
  const write =
    (level: keyof Logger) =>
    (message: string, details: Record<string, unknown> = {}) =>
      void journal.logged.push({ level, message, details });
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

async function putBlob({ blobs }: Journal, content: AsyncIterable<Uint8Array> | Uint8Array) {
  const chunks: Uint8Array[] = [];
  if (content instanceof Uint8Array) chunks.push(content);
  else for await (const chunk of content) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  blobs.set(sha256, bytes);
  return { sha256, size: bytes.length };
}

async function* captured({ byKey }: Journal, { from, to }: { from: string; to: string }): AsyncGenerator<KnownEvent> {
  if (to === `${from}\u0000`) return yield* byKey.get(from) ?? [];
  const keys = [...byKey.keys()].filter((key) => key >= from && key < to).toSorted();
  for (const key of keys) yield* byKey.get(key) ?? [];
}

/** All of a page, in the form in which it would be stored: as JSON. */
function append(journal: Journal, partition: string, page: Page<string, Checkpoint>): void {
  const {
    events,
    contexts = {},
    followUps = [],
    settled = [],
    gaps = [],
    closed = [],
    claims = [],
    checkpoint,
  } = structuredClone(page);
  for (const [id, content] of Object.entries(contexts))
    if (!journal.contexts.has(id)) journal.contexts.set(id, content);
  for (const event of events) addEvent(journal, event);
  const owed = journal.followUps.get(partition) ?? new Map<string, FollowUp>();
  journal.followUps.set(partition, owed);
  for (const id of settled) owed.delete(id);
  for (const followUp of followUps) owed.set(followUp.id, followUp);
  for (const gap of gaps) journal.gaps.set(gap.id, gap);
  for (const id of closed) journal.gaps.delete(id);
  for (const { id, events: count } of claims) journal.claims.set(id, count);
  if (checkpoint) journal.checkpoints.set(partition, checkpoint);
}

function addEvent(journal: Journal, event: SourceEvent): void {
  const { key, version = "", type } = event;
  const id = `${key}\n${version}`;
  if (journal.events.has(id)) return;
  for (const [name, context] of Object.entries(event.context ?? {})) {
    if (!journal.contexts.has(context)) throw new Error(`The context ${name} of ${key} was never stored.`);
  }
  journal.events.set(id, event);
  journal.byKey.set(key, [...(journal.byKey.get(key) ?? []), { key, version, type }]);
}

/** An event as a mapping receives it. */
export function captureOf(journal: Journal, event: SourceEvent) {
  const context = Object.fromEntries(
    Object.entries(event.context ?? {}).map(([name, id]) => [name, journal.contexts.get(id) ?? null]),
  );
  const { type, key, version = "", occurredAt, data, attachments = [] } = event;
  return { type, key, version, occurredAt, data, context, attachments };
}
