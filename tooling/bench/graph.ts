import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Agent, request } from "undici";
import type { Delivery } from "../../packages/core/src/ingestion/index.ts";
import { openMicrosoft365, Settings } from "../../packages/destination-microsoft365/src/index.ts";
import { openIngestionServer } from "../../packages/ingestion-server/src/index.ts";
import { addressOf, APPLICATION, deliveries, inParallel, quiet } from "./graph-deliveries.ts";
import { throttled } from "./graph-throttled.ts";
import { median, processorTime } from "./measure.ts";

/**
 * Messages per second through the Graph destination to the local server with 200 mailboxes, as a ratio to a plain client
 * that posts the same bodies, prepared beforehand, over as many connections. Paired rounds in one run; the order changes.
 * `node --conditions=@hansard/source tooling/bench/graph.ts [--messages 4000] [--rounds 5]`. Prints a line of JSON, and one
 * about the use of the server's limits; `--only throttled` leaves out the first.
 */
const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "4000" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    serve: { type: "string" },
  },
});
const MAILBOXES = 200;
const CONNECTIONS = 32;
const BATCH = 20;
const NOT_ABORTED = new AbortController().signal;

if (values.serve !== undefined) await serveHere(values.serve);
else {
  if (values.only !== "throttled") await compare(Number(values.messages), Number(values.rounds));
  report(await throttled());
}

async function serveHere(folder: string): Promise<void> {
  const mailboxes = Array.from({ length: MAILBOXES }, (_, index) => ({ address: addressOf(index) }));
  const server = await openIngestionServer({ folder, applications: [APPLICATION], mailboxes });
  process.stdout.write(`${server.url} ${server.tokens.issue(APPLICATION, "https://graph.microsoft.com")}\n`);
}

async function compare(messages: number, rounds: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "graph-bench-"));
  const { child, url, token } = await startServer(folder);
  try {
    const settings = Settings.parse({
      tenantId: "contoso.example",
      clientId: APPLICATION.clientId,
      signIn: { method: "client-secret", clientSecret: APPLICATION.secret },
      authorityUrl: url,
      graphUrl: url,
      connections: CONNECTIONS,
    });
    const destination = await openMicrosoft365({ id: "m365", settings, folder, ...quiet });
    const bodies: Recorded[] = [];
    const ours: Turn[] = [];
    const plain: Turn[] = [];
    await runDestination(destination, deliveries(400, "warm-up", MAILBOXES));
    for (let round = 0; round < rounds; round += 1) {
      const batch = deliveries(messages, `round ${round}`, MAILBOXES);
      bodies.splice(0, bodies.length, ...batch.map(recorded));
      const first = round % 2 === 0;
      if (first) ours.push(await turn(messages, () => runDestination(destination, batch)));
      plain.push(await turn(messages, () => runPlain(url, token, bodies)));
      if (!first) ours.push(await turn(messages, () => runDestination(destination, batch)));
    }
    await destination.close();
    const ratio = median(ours.map(({ perSecond }, round) => perSecond / (plain[round]?.perSecond ?? NaN)));
    report({
      bench: "graph",
      messages,
      rounds,
      mailboxes: MAILBOXES,
      messagesPerSecond: median(ours.map(({ perSecond }) => perSecond)),
      plainPerSecond: median(plain.map(({ perSecond }) => perSecond)),
      cpu: median(ours.map(({ cpu }) => cpu)),
      plainCpu: median(plain.map(({ cpu }) => cpu)),
      ratio,
      passes: ratio >= 0.8,
    });
  } finally {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

/** Chunks of each mailbox in turn, as core's lanes hand them over. */
async function runDestination(
  destination: { submit(deliveries: Delivery[], options: { signal: AbortSignal }): Promise<{ status: string }[]> },
  all: Delivery[],
): Promise<void> {
  const chunks = [...Map.groupBy(all, ({ mailbox }) => mailbox).values()].flatMap((lane) => {
    const parts: Delivery[][] = [];
    for (let start = 0; start < lane.length; start += BATCH) parts.push(lane.slice(start, start + BATCH));
    return parts;
  });
  await inParallel(chunks, CONNECTIONS, async (chunk) => {
    const outcomes = await destination.submit(chunk, { signal: NOT_ABORTED });
    const wrong = outcomes.find(({ status }) => status !== "accepted");
    if (wrong) throw new Error(`A delivery failed: ${JSON.stringify(wrong)}`);
  });
}

interface Recorded {
  path: string;
  body: string;
}

async function runPlain(url: string, token: string, bodies: Recorded[]): Promise<void> {
  const dispatcher = new Agent({ connections: CONNECTIONS });
  await inParallel(bodies, CONNECTIONS, async ({ path, body }) => {
    const answer = await request(url + path, {
      method: "POST",
      dispatcher,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", prefer: 'IdType="ImmutableId"' },
      body,
    });
    await answer.body.text();
    if (answer.statusCode !== 201) throw new Error(`The plain client got ${answer.statusCode}.`);
  });
  await dispatcher.close();
}

/** What the destination would post, with another identity, so that both find the same work to do. */
function recorded({ message, mail, mailbox }: Delivery): Recorded {
  const [bytes] = mail.segments;
  const header = bytes instanceof Uint8Array ? Buffer.from(bytes).toString("latin1").split("\r\n\r\n", 1)[0] : "";
  const from = { emailAddress: { name: message.from.name ?? "", address: message.from.address } };
  const body = {
    subject: message.subject,
    body: { contentType: "text", content: message.text },
    from,
    sender: from,
    toRecipients: message.to.map(({ name = "", address }) => ({ emailAddress: { name, address } })),
    internetMessageId: `<plain.${message.id.slice(1)}`,
    isRead: true,
    internetMessageHeaders: [{ name: "x-hansard-source", value: "Slack" }],
    singleValueExtendedProperties: [
      { id: "Integer 0x0E07", value: "4" },
      { id: "SystemTime 0x0E06", value: message.date },
      { id: "SystemTime 0x0039", value: message.date },
      { id: "String 0x001A", value: message.messageClass },
      {
        id: "String {00020386-0000-0000-C000-000000000046} Name x-hansard-id",
        value: `plain.${message.id.slice(1, -1)}`,
      },
      { id: "String 0x007D", value: `${header ?? ""}\r\n` },
    ],
  };
  return { path: `/v1.0/users/${mailbox}/mailFolders/inbox/messages?$select=id`, body: JSON.stringify(body) };
}

interface Turn {
  perSecond: number;
  /** Of this process, in microseconds for each message. */
  cpu: number;
}

async function turn(count: number, work: () => Promise<void>): Promise<Turn> {
  const [startedAt, cpu] = [performance.now(), processorTime()];
  await work();
  return { perSecond: (count / (performance.now() - startedAt)) * 1000, cpu: (processorTime() - cpu) / count };
}

async function startServer(folder: string): Promise<{ child: ChildProcess; url: string; token: string }> {
  const child = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), "--serve", join(folder, "server")],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const [line] = await once(child.stdout, "data");
  const [url = "", token = ""] = String(line).trim().split(" ");
  return { child, url, token };
}

function report(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
