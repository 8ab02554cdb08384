import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Delivery, Destination } from "../../packages/core/src/ingestion/index.ts";
import { openMicrosoft365, Settings } from "../../packages/destination-microsoft365/src/index.ts";
import {
  type IngestionServer,
  openIngestionServer,
  type PaceLimits,
} from "../../packages/ingestion-server/src/index.ts";
import { addressOf, APPLICATION, deliveries, quiet } from "./graph-deliveries.ts";

const MAILBOXES = 3;
const WINDOWS = 5;
const WINDOW_MS = 4000;
const BATCH = 20;
/** Chunks of a mailbox at once, as core's lanes hand them over. */
const CHUNKS = 2;

/**
 * How much of what the server's limits allow is used over whole windows, and how often they were exceeded, as the server
 * counts it. The limits are Microsoft's, scaled down so that one of them holds the work up.
 */
export async function throttled(): Promise<object> {
  const requests = await use({ requests: 100, requestsWindowMs: WINDOW_MS });
  const bytes = await use({ uploadBytes: 250_000, uploadWindowMs: WINDOW_MS });
  const rows = {
    requests: {
      share: requests.requests / (100 * MAILBOXES * WINDOWS),
      refused: requests.refused,
      accepted: requests.accepted,
    },
    bytes: { share: bytes.bytes / (250_000 * MAILBOXES * WINDOWS), refused: bytes.refused, accepted: bytes.accepted },
  };
  return {
    bench: "graph-throttled",
    ...rows,
    concurrency: Math.max(requests.concurrency, bytes.concurrency),
    passes: Object.values(rows).every(({ share, refused }) => share >= 0.95 && share <= 1 && refused === 0),
  };
}

interface Use {
  requests: number;
  bytes: number;
  accepted: number;
  refused: number;
  concurrency: number;
}

async function use(limits: Partial<PaceLimits>): Promise<Use> {
  const folder = await mkdtemp(join(tmpdir(), "graph-throttled-"));
  const mailboxes = Array.from({ length: MAILBOXES }, (_, index) => ({ address: addressOf(index) }));
  const applications = [APPLICATION];
  const server = await openIngestionServer({ folder: join(folder, "server"), applications, mailboxes, limits });
  const settings = Settings.parse({
    tenantId: "contoso.example",
    clientId: APPLICATION.clientId,
    signIn: { method: "client-secret", clientSecret: APPLICATION.secret },
    authorityUrl: server.url,
    graphUrl: server.url,
    pace: limits,
  });
  const destination = await openMicrosoft365({ id: "m365", settings, folder, ...quiet });
  const counted = observe(server);
  const stop = new AbortController();
  const work = submitAll(destination, deliveries(4000, "throttled", MAILBOXES), stop.signal);
  while (counted.startedAt === undefined) await sleep(1);
  await sleep(counted.startedAt + WINDOWS * WINDOW_MS - Date.now());
  const { requests, bytes } = counted;
  stop.abort();
  const accepted = await work;
  const refused = Object.values(server.pace.refused).reduce((sum, count) => sum + count, 0);
  await destination.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
  return { requests, bytes, accepted, refused, concurrency: server.pace.highest };
}

/** Counts what the server lets in, beside its own counting. */
function observe({ pace }: IngestionServer): { startedAt: number | undefined; requests: number; bytes: number } {
  const counted: ReturnType<typeof observe> = { startedAt: undefined, requests: 0, bytes: 0 };
  const enter = pace.enter.bind(pace);
  pace.enter = (application, mailbox, bytes) => {
    counted.startedAt ??= Date.now();
    counted.requests += 1;
    counted.bytes += bytes;
    return enter(application, mailbox, bytes);
  };
  return counted;
}

/** Gives how many were accepted. */
async function submitAll(destination: Destination, all: Delivery[], signal: AbortSignal): Promise<number> {
  let accepted = 0;
  const lanes = [...Map.groupBy(all, ({ mailbox }) => mailbox).values()];
  const workers = lanes.flatMap((lane) => {
    const starts = Array.from({ length: Math.ceil(lane.length / BATCH) }, (_, index) => index * BATCH).values();
    return Array.from({ length: CHUNKS }, async () => {
      for (const start of starts) {
        if (signal.aborted) return;
        const outcomes = await destination.submit(lane.slice(start, start + BATCH), { signal });
        // What the end of the run cut off has an outcome of its own.
        const wrong = outcomes.find(({ status }) => status !== "accepted");
        if (wrong && !signal.aborted) throw new Error(`A delivery failed: ${JSON.stringify(wrong)}`);
        accepted += outcomes.filter(({ status }) => status === "accepted").length;
      }
    });
  });
  await Promise.all(workers);
  return accepted;
}
