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
  /** How long a plain client takes to post them over so many connections, one in each request, in milliseconds. */
  postPlain(url: string, deliveries: Delivery[], connections: number): Promise<number>;
  /** Of the largest request with one message. */
  requestBytes: number;
}

interface Limit {
  what: string;
  server: Partial<PaceLimits>;
  settings: object;
  messages: number;
  /** What a plain client posts that no limit holds up, to learn how fast the server is. */
  plain: { messages: number; connections: number };
  /** How long a client takes that uses the limit to the last, in milliseconds, from what the plain client took. */
  idealMs(plainMs: number): number;
  /** How long the server takes for each message, in milliseconds. */
  serviceMs: number;
}

const MAILBOXES = 8;
const SLOTS = 4;
const SERVICE_MS = 1000;
const IN_SLOTS = 48;
// Microsoft's windows are of minutes: one of seconds is the harder task.
const IN_WINDOW = 10;
const WINDOW_MS = 12_000;
const WINDOWS = 3;
/** As many as the destination uses where nothing else is set. */
const CONNECTIONS = 10;

/** Delivers under each limit for so long that it alone decides how fast it goes. Prints a line of JSON for each. */
export async function keepToLimits(bench: LimitsBench): Promise<void> {
  async function row(limit: Limit, plainMs: number): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "ews-limits-"));
    const { ms, exceeded } = await deliverUnder(limit, bench, folder);
    await rm(folder, { recursive: true });
    const used = limit.idealMs(plainMs) / ms;
    const figures = {
      limit: limit.what,
      seconds: Number((ms / 1000).toFixed(2)),
      used: Number(used.toFixed(3)),
      exceeded,
    };
    return JSON.stringify({ ...figures, passes: used >= 0.95 && exceeded === 0 });
  }
  const [slots, ...windows] = limitsOf(bench.requestBytes);
  process.stdout.write(`${await row(slots, await plainMsOf(slots, bench))}\n`);
  const plain: number[] = [];
  for (const limit of windows) plain.push(await plainMsOf(limit, bench));
  // These wait most of the time, each for its own server.
  const lines = await Promise.all(windows.map((limit, index) => row(limit, plain[index] ?? NaN)));
  for (const line of lines) process.stdout.write(`${line}\n`);
}

function limitsOf(requestBytes: number): [Limit, ...Limit[]] {
  const bytes = IN_WINDOW * requestBytes;
  const inWindows = {
    messages: IN_WINDOW * WINDOWS * MAILBOXES,
    // The first window's worth goes as fast as the server can, and whatever follows each a window later.
    plain: { messages: IN_WINDOW * MAILBOXES, connections: CONNECTIONS },
    idealMs: (plainMs: number) => plainMs + (WINDOWS - 1) * WINDOW_MS,
    serviceMs: 0,
  };
  return [
    {
      // Without impersonation all of the account's mailboxes share its connections.
      what: `${SLOTS} requests at once of one account`,
      server: { concurrency: SLOTS },
      settings: { batchItems: 1, impersonate: false, connections: SLOTS },
      messages: IN_SLOTS,
      plain: { messages: IN_SLOTS, connections: SLOTS },
      idealMs: (plainMs) => plainMs,
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

async function plainMsOf({ plain, serviceMs }: Limit, bench: LimitsBench): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "ews-limits-"));
  const { url, close } = await bench.listen(folder, { pace: new ServerPace(EWS_LIMITS) }, serviceMs);
  const [first, all] = [
    await deliveriesOf(plain.messages, bench, plain.messages),
    await deliveriesOf(plain.messages, bench),
  ];
  // What is compiled and opened the first time is not how fast the server is.
  await bench.postPlain(url, first, plain.connections);
  const ms = await bench.postPlain(url, all, plain.connections);
  await close();
  await rm(folder, { recursive: true });
  return ms;
}

function deliveriesOf(messages: number, bench: LimitsBench, first = 0): Promise<Delivery[]> {
  return Promise.all(Array.from({ length: messages }, (_, index) => bench.delivery(first + index, MAILBOXES)));
}

async function deliverUnder(
  { server, settings, messages, serviceMs }: Limit,
  bench: LimitsBench,
  folder: string,
): Promise<{ ms: number; exceeded: number }> {
  const pace = new ServerPace({ ...EWS_LIMITS, ...server });
  const { url, close } = await bench.listen(folder, { pace }, serviceMs);
  const destination = await bench.open(url, folder, settings);
  const all = await deliveriesOf(messages, bench);
  const lanes = [...Map.groupBy(all, ({ mailbox }) => mailbox).values()];
  const { signal } = new AbortController();
  const started = performance.now();
  const outcomes = await Promise.all(lanes.map((lane) => destination.submit(lane, { signal })));
  const ms = performance.now() - started;
  await destination.close();
  await close();
  const failed = outcomes.flat().find(({ status }) => status !== "accepted");
  if (failed) throw new Error(JSON.stringify(failed));
  return { ms, exceeded: Object.values(pace.refused).reduce((sum, count) => sum + count, 0) };
}
