import { isHansardError, type Partition, type ReadContext } from "@hansard/core";
import { createHttpClient, type OpenHttpClient } from "@hansard/core/ingestion";
import type { MemoryJournal } from "@hansard/testkit";
import type { SlackServer } from "../../../tooling/servers/slack/index.ts";
import { partitions, read } from "../src/read.ts";
import { Checkpoint, Settings } from "../src/schema.ts";

export interface Run {
  server: SlackServer;
  input: Record<string, unknown>;
  journal: MemoryJournal;
  /** Whether to crash now: before a page is durable, or after. */
  crash: () => "before" | "after" | undefined;
}

const MOST_ATTEMPTS = 500;

/** Reads every partition to its end, over crashes and errors that pass, each time from what is durable. */
export async function readAll(run: Run): Promise<void> {
  const startedAt = new Date(run.server.world.now);
  const listed = await insist(run, startedAt, async (context) => partitions(context));
  for (const partition of listed)
    await insist(run, startedAt, async (context) => readOnce(run, context, partition), partition);
}

/** Reads one partition to its end, as `readAll` does. */
export async function readPartition(run: Run, partition: Partition): Promise<void> {
  const startedAt = new Date(run.server.world.now);
  await insist(run, startedAt, async (context) => readOnce(run, context, partition), partition);
}

type Context = ReadContext<Settings, Checkpoint>;

/** Settings are parsed anew each time, as in a new process. */
async function insist<Result>(
  run: Run,
  startedAt: Date,
  work: (context: Context) => Promise<Result | undefined>,
  partition: Partition = { id: "none", name: "none" },
): Promise<Result> {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    const http = openHttp(run);
    try {
      const result = await work(contextOf(run, http, startedAt, partition));
      if (result !== undefined) return result;
    } catch (error) {
      if (!isHansardError(error, "unavailable") && !isHansardError(error, "rate-limited")) throw error;
    } finally {
      await http.close();
    }
  }
  throw new Error(`${partition.name} did not come to its end in ${MOST_ATTEMPTS} attempts.`);
}

async function readOnce({ journal, crash }: Run, context: Context, { id }: Partition): Promise<true | undefined> {
  for await (const page of read(context)) {
    const when = crash();
    if (when === "before") return undefined;
    journal.append(id, page);
    if (when === "after") return undefined;
  }
  return true;
}

export function openHttp({ server }: Pick<Run, "server">): OpenHttpClient {
  const { host } = new URL(server.url);
  return createHttpClient({
    hosts: [host],
    allowPrivate: [host],
    signal: new AbortController().signal,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    userAgent: "Hansard (slack)",
    maxRetries: 2,
    backoffMs: 1,
    maxWaitMs: 5,
  });
}

export function contextOf(
  { input, journal }: Run,
  http: OpenHttpClient,
  startedAt: Date,
  partition: Partition,
): Context {
  const { checkpoint: stored, ...position } = journal.position(partition.id, startedAt);
  return {
    settings: Settings.parse(input),
    http,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    signal: new AbortController().signal,
    startedAt,
    partition,
    checkpoint: stored === undefined ? undefined : Checkpoint.parse(stored),
    ...position,
  };
}
