import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Delivery, Destination } from "../../packages/core/src/ingestion/index.ts";
import type { EwsOptions } from "../../packages/ingestion-server/src/ews.ts";
import { EWS_LIMITS, type PaceLimits, ServerPace } from "../../packages/ingestion-server/src/server-pace.ts";

export interface Listening {
  url: string;
  close(): Promise<void>;
}

export interface LimitsBench {
  listen(folder: string, options: EwsOptions, serviceMs: number): Promise<Listening>;
  open(url: string, folder: string, settings: object): Promise<Destination>;
  delivery(index: number, mailboxes: number): Promise<Delivery>;
  /** Of the largest request with one message. */
  requestBytes: number;
}

interface Limit {
  what: string;
  server: Partial<PaceLimits>;
  settings: object;
  messages: number;
  /** How long a client takes that uses the limit to the last, in milliseconds. */
  idealMs: number;
  /** How long the server takes for each message, in milliseconds. */
  serviceMs: number;
}

const MAILBOXES = 8;
const SLOTS = 4;
const SERVICE_MS = 1000;
const IN_SLOTS = 100;
// Microsoft's windows are of minutes: one of seconds is the harder task.
const IN_WINDOW = 10;
const WINDOW_MS = 12_000;
const WINDOWS = 3;

/** Delivers under each limit for so long that it alone decides how fast it goes. Prints a line of JSON for each. */
export async function keepToLimits(bench: LimitsBench): Promise<void> {
  async function row(limit: Limit): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "ews-limits-"));
    const { seconds, exceeded } = await deliverUnder(limit, bench, folder);
    await rm(folder, { recursive: true });
    const used = limit.idealMs / 1000 / seconds;
    const figures = { limit: limit.what, seconds: Number(seconds.toFixed(2)), used: Number(used.toFixed(3)), exceeded };
    return JSON.stringify({ ...figures, passes: used >= 0.95 && exceeded === 0 });
  }
  // They wait most of the time, each for its own server.
  for (const line of await Promise.all(limitsOf(bench.requestBytes).map(row))) process.stdout.write(`${line}\n`);
}

function limitsOf(requestBytes: number): Limit[] {
  const bytes = IN_WINDOW * requestBytes;
  const inWindows = { messages: IN_WINDOW * WINDOWS * MAILBOXES, idealMs: (WINDOWS - 1) * WINDOW_MS, serviceMs: 0 };
  return [
    {
      // Without impersonation all of the account's mailboxes share its connections.
      what: `${SLOTS} requests at once of one account`,
      server: { concurrency: SLOTS },
      settings: { batchItems: 1, impersonate: false, connections: SLOTS },
      messages: IN_SLOTS,
      idealMs: (IN_SLOTS / SLOTS) * SERVICE_MS,
      serviceMs: SERVICE_MS,
    },
    {
      what: `${IN_WINDOW} requests in ${WINDOW_MS} ms for each mailbox`,
      server: { requests: IN_WINDOW, requestsWindowMs: WINDOW_MS },
      settings: { batchItems: 1, pace: { requests: IN_WINDOW, windowMs: WINDOW_MS } },
      ...inWindows,
    },
    {
      what: `${bytes} bytes in ${WINDOW_MS} ms for each mailbox`,
      server: { uploadBytes: bytes, uploadWindowMs: WINDOW_MS },
      settings: { batchItems: 1, pace: { bytes, windowMs: WINDOW_MS } },
      ...inWindows,
    },
  ];
}

async function deliverUnder(
  { server, settings, messages, serviceMs }: Limit,
  bench: LimitsBench,
  folder: string,
): Promise<{ seconds: number; exceeded: number }> {
  const pace = new ServerPace({ ...EWS_LIMITS, ...server });
  const { url, close } = await bench.listen(folder, { pace }, serviceMs);
  const destination = await bench.open(url, folder, settings);
  const all = await Promise.all(Array.from({ length: messages }, (_, index) => bench.delivery(index, MAILBOXES)));
  const lanes = [...Map.groupBy(all, ({ mailbox }) => mailbox).values()];
  const { signal } = new AbortController();
  const started = performance.now();
  const outcomes = await Promise.all(lanes.map((lane) => destination.submit(lane, { signal })));
  const seconds = (performance.now() - started) / 1000;
  await destination.close();
  await close();
  const failed = outcomes.flat().find(({ status }) => status !== "accepted");
  if (failed) throw new Error(JSON.stringify(failed));
  return { seconds, exceeded: Object.values(pace.refused).reduce((sum, count) => sum + count, 0) };
}
