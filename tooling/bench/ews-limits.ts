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
  /** How long a client takes that uses the limit to the last, in milliseconds, with a server that was as fast as this one. */
  idealMs(served: Served): number;
  /** How long the server takes for each message, in milliseconds. */
  serviceMs: number;
}

/** What the server did. */
interface Served {
  /** For how long requests were under way, summed. */
  busyMs: number;
  /** When each was answered, from the start. */
  answeredMs: number[];
}

const MAILBOXES = 8;
const SLOTS = 4;
const SERVICE_MS = 1000;
const IN_SLOTS = 48;
// Microsoft's windows are of minutes: one of seconds is the harder task.
const IN_WINDOW = 10;
const WINDOW_MS = 12_000;
const WINDOWS = 3;

/** Delivers under each limit for so long that it alone decides how fast it goes. Prints a line of JSON for each. */
export async function keepToLimits(bench: LimitsBench): Promise<void> {
  async function row(limit: Limit): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "ews-limits-"));
    const { ms, exceeded, served } = await deliverUnder(limit, bench, folder);
    await rm(folder, { recursive: true });
    const used = limit.idealMs(served) / ms;
    const figures = {
      limit: limit.what,
      seconds: Number((ms / 1000).toFixed(2)),
      used: Number(used.toFixed(3)),
      exceeded,
    };
    return JSON.stringify({ ...figures, passes: used >= 0.95 && exceeded === 0 });
  }
  const [slots, ...windows] = limitsOf(bench.requestBytes);
  process.stdout.write(`${await row(slots)}\n`);
  // These wait most of the time, each for its own server.
  for (const line of await Promise.all(windows.map(row))) process.stdout.write(`${line}\n`);
}

function limitsOf(requestBytes: number): [Limit, ...Limit[]] {
  const bytes = IN_WINDOW * requestBytes;
  const inWindows = {
    messages: IN_WINDOW * WINDOWS * MAILBOXES,
    // The first window's worth goes as fast as the server can, and whatever follows each a window later.
    idealMs: ({ answeredMs }: Served) => (answeredMs[IN_WINDOW * MAILBOXES - 1] ?? 0) + (WINDOWS - 1) * WINDOW_MS,
    serviceMs: 0,
  };
  return [
    {
      // Without impersonation all of the account's mailboxes share its connections.
      what: `${SLOTS} requests at once of one account`,
      server: { concurrency: SLOTS },
      settings: { batchItems: 1, impersonate: false, connections: SLOTS },
      messages: IN_SLOTS,
      idealMs: ({ busyMs }) => busyMs / SLOTS,
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
): Promise<{ ms: number; exceeded: number; served: Served }> {
  const pace = new ServerPace({ ...EWS_LIMITS, ...server });
  const { url, close } = await bench.listen(folder, { pace }, serviceMs);
  const destination = await bench.open(url, folder, settings);
  const all = await Promise.all(Array.from({ length: messages }, (_, index) => bench.delivery(index, MAILBOXES)));
  const lanes = [...Map.groupBy(all, ({ mailbox }) => mailbox).values()];
  const { signal } = new AbortController();
  const started = performance.now();
  const served = meter(pace, started);
  const outcomes = await Promise.all(lanes.map((lane) => destination.submit(lane, { signal })));
  const ms = performance.now() - started;
  await destination.close();
  await close();
  const failed = outcomes.flat().find(({ status }) => status !== "accepted");
  if (failed) throw new Error(JSON.stringify(failed));
  return { ms, served, exceeded: Object.values(pace.refused).reduce((sum, count) => sum + count, 0) };
}

function meter(pace: ServerPace, started: number): Served {
  const served: Served = { busyMs: 0, answeredMs: [] };
  const enter = pace.enter.bind(pace);
  pace.enter = (...given) => {
    const pass = enter(...given);
    if ("limit" in pass) return pass;
    const entered = performance.now();
    return {
      leave() {
        const now = performance.now();
        served.busyMs += now - entered;
        served.answeredMs.push(now - started);
        pass.leave();
      },
    };
  };
  return served;
}
