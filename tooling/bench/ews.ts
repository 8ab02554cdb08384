import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { composeMail, composeMessage, type Delivery } from "../../packages/core/src/ingestion/index.ts";
import { openExchangeDestination, Settings } from "../../packages/destination-exchange/src/index.ts";
import { createItem, envelope } from "../../packages/destination-exchange/src/requests.ts";
import { type EwsAccount, type EwsOptions, ewsProtocol } from "../../packages/ingestion-server/src/ews.ts";
import { Faults } from "../../packages/ingestion-server/src/faults.ts";
import { sendAnswer } from "../../packages/ingestion-server/src/server-http.ts";
import { ServerPace } from "../../packages/ingestion-server/src/server-pace.ts";
import { Tokens } from "../../packages/ingestion-server/src/server-token.ts";
import { openStore } from "../../packages/ingestion-server/src/store.ts";
import type { Store } from "../../packages/ingestion-server/src/store-types.ts";
import { keepToLimits, type Listening } from "./ews-limits.ts";
import { processorTime } from "./measure.ts";

/**
 * Messages a second through EWS into the local server with 200 mailboxes, against a plain client that only posts the same
 * bodies, prepared beforehand; then how much of a server's limits is used, and whether they are ever exceeded:
 * `node --conditions=@hansard/source tooling/bench/ews.ts [--messages 8000] [--only speed,limits]`. Prints a line of JSON for
 * each. Where speed is measured, the server runs in a process of its own, and each turn gets a fresh one.
 */
const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "8000" },
    turns: { type: "string", default: "3" },
    only: { type: "string", default: "speed,limits" },
    serve: { type: "string" },
  },
});
const MAILBOXES = 200;
const CONNECTIONS = 10;
const BATCH = 20;
const ACCOUNT: EwsAccount = {
  user: "bench@contoso.example",
  password: "bench",
  mayImpersonate: true,
  fullAccess: "all",
};
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const blobs = { async *read() {} };

/** Nothing goes to Purges without one. */
const HOLDS = { confirmed: [{ mailboxes: "*", on: new Date().toISOString().slice(0, 10), by: "bench" }] };
const ONLY = values.only.split(",");

if (values.serve !== undefined) process.stdout.write(`${(await listen(values.serve)).url}\n`);
else {
  if (ONLY.includes("speed")) await compare(Number(values.messages), Number(values.turns));
  if (ONLY.includes("limits"))
    await keepToLimits({ listen, open, delivery, postPlain, requestBytes: await largestRequest() });
}

async function compare(messages: number, turns: number): Promise<void> {
  const deliveries = await Promise.all(Array.from({ length: messages }, (_, index) => delivery(index)));
  const lanes = [...Map.groupBy(deliveries, ({ mailbox }) => mailbox).values()].flatMap(chunks);
  const bodies = await Promise.all(lanes.map(bodyOf));
  const ours: Turn[] = [];
  const plain: Turn[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    plain.push(await onServer((url) => postPrepared(url, bodies)));
    ours.push(await onServer((url) => submitAll(url, lanes)));
  }
  const [best, bare] = [fastest(ours), fastest(plain)];
  const ratio = bare.seconds / best.seconds;
  const figures = {
    messages,
    messagesPerSecond: Math.round(messages / best.seconds),
    plainPerSecond: Math.round(messages / bare.seconds),
    cpu: best.cpu / messages,
    plainCpu: bare.cpu / messages,
    ratio: Number(ratio.toFixed(3)),
  };
  process.stdout.write(`${JSON.stringify({ ...figures, passes: ratio >= 0.8 })}\n`);
}

interface Turn {
  seconds: number;
  /** Of this process, in microseconds. */
  cpu: number;
}

function fastest(turns: Turn[]): Turn {
  return turns.reduce((best, turn) => (turn.seconds < best.seconds ? turn : best));
}

/** How long a plain client takes for the same messages, one in each request, in milliseconds. */
async function postPlain(url: string, deliveries: Delivery[], connections: number): Promise<number> {
  const bodies = await Promise.all(deliveries.map((one) => bodyOf([one])));
  const started = performance.now();
  await postPrepared(url, bodies, connections);
  return performance.now() - started;
}

async function postPrepared(url: string, bodies: string[], connections = CONNECTIONS): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  await inParallel(bodies, connections, async (body) => {
    const text = await post(agent, `${url}/EWS/Exchange.asmx`, body);
    if (!text.includes("NoError") || text.includes('ResponseClass="Error"')) throw new Error(text.slice(0, 500));
  });
  agent.destroy();
}

async function post(agent: Agent, url: string, body: string): Promise<string> {
  const authorization = `Basic ${btoa(`${ACCOUNT.user}:${ACCOUNT.password}`)}`;
  const headers = {
    "content-type": "text/xml; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    authorization,
  };
  const sent = request(url, { agent, method: "POST", headers }).end(body);
  const [answer] = await once(sent, "response");
  let text = "";
  for await (const chunk of answer) text += String(chunk);
  return text;
}

async function submitAll(url: string, lanes: Delivery[][]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ews-bench-"));
  const destination = await open(url, folder, { connections: CONNECTIONS, batchItems: BATCH });
  const { signal } = new AbortController();
  await inParallel(lanes, CONNECTIONS, async (lane) => {
    const outcomes = await destination.submit(lane, { signal });
    const failed = outcomes.find(({ status }) => status !== "accepted");
    if (failed) throw new Error(JSON.stringify(failed));
  });
  await destination.close();
  await rm(folder, { recursive: true });
}

function open(url: string, folder: string, more: object): ReturnType<typeof openExchangeDestination> {
  const { user, password } = ACCOUNT;
  const signIn = { method: "basic", user, password };
  const settings = Settings.parse({ url: `${url}/EWS/Exchange.asmx`, signIn, holds: HOLDS, ...more });
  return openExchangeDestination({ id: "bench", settings, blobs, folder, log: quiet });
}

/** In bytes. The sizes differ by the digits of the numbers alone. */
async function largestRequest(): Promise<number> {
  return Buffer.byteLength(await bodyOf([await delivery(9_999)]));
}

async function inParallel<Item>(items: Item[], atOnce: number, work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = items.values();
  async function worker(): Promise<void> {
    for (const item of waiting) await work(item);
  }
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function chunks(lane: Delivery[]): Delivery[][] {
  return Array.from({ length: Math.ceil(lane.length / BATCH) }, (_, index) =>
    lane.slice(index * BATCH, (index + 1) * BATCH),
  );
}

async function bodyOf(lane: Delivery[]): Promise<string> {
  const items = lane.map((delivery) => ({
    delivery,
    mime: Buffer.concat(delivery.mail.segments.filter((segment) => segment instanceof Uint8Array)).toString("base64"),
  }));
  const mailbox = lane[0]?.mailbox ?? "";
  return envelope(createItem({ distinguished: "recoverableitemspurges", mailbox }, items, true), mailbox);
}

async function delivery(index: number, mailboxes = MAILBOXES): Promise<Delivery> {
  const mailbox = `user${index % mailboxes}@contoso.example`;
  const message = composeMessage({
    draft: {
      from: { id: "a", address: mailbox },
      to: [{ id: "b", address: "b@contoso.example" }],
      date: "2026-01-02T03:04:05Z",
      subject: `Number ${index}`,
      text: `Text ${index} ${"word ".repeat(150)}`,
    },
    source: "Bench",
    type: "Message",
    key: `C:${index}`,
    version: "",
    messageId: `<bench${index}@hansard.invalid>`,
    references: [],
    address: () => undefined,
  });
  return {
    id: String(index),
    mailbox,
    folder: { kind: "purges" },
    message,
    mail: await composeMail(message, { blobs }),
  };
}

/** What the work takes, on a server of its own. */
async function onServer(work: (url: string) => Promise<void>): Promise<Turn> {
  const folder = await mkdtemp(join(tmpdir(), "ews-bench-"));
  const server = spawn(
    process.execPath,
    ["--conditions=@hansard/source", fileURLToPath(import.meta.url), "--serve", folder],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  try {
    const [url] = await once(server.stdout, "data");
    const [started, cpu] = [performance.now(), processorTime()];
    await work(String(url).trim());
    return { seconds: (performance.now() - started) / 1000, cpu: processorTime() - cpu };
  } finally {
    server.kill("SIGKILL");
    await once(server, "exit");
    await rm(folder, { recursive: true });
  }
}

/** `serviceMs`: how long the server takes for each message on top. */
async function listen(folder: string, options: EwsOptions = {}, serviceMs = 0): Promise<Listening> {
  const mailboxes = Array.from({ length: MAILBOXES }, (_, index) => ({ address: `user${index}@contoso.example` }));
  const opened = await openStore(folder, mailboxes);
  const store: Store = {
    ...opened,
    createItem: async (...given) => {
      if (serviceMs > 0) await sleep(serviceMs);
      return opened.createItem(...given);
    },
  };
  const tokens = new Tokens(folder, { id: "t", domain: "contoso.example" }, [], 3_600_000);
  const context = { store, faults: new Faults(), tokens, pace: new ServerPace(), url: () => "", folder };
  const protocol = ewsProtocol(context, { accounts: [ACCOUNT], ...options });
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    void protocol.answer({ request, url, requestId: "bench" })?.then((found) => sendAnswer(response, found));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await opened.close();
    },
  };
}
