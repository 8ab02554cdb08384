import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createHttpClient } from "@hansard/core/ingestion";
import { capture } from "@hansard/core/ingestion";
import { openJournal } from "@hansard/journal";
import { connector } from "../../connectors/slack/src/index.ts";

/**
 * Captures a Grid over the local Discovery API into a real journal, the server in a process of its own:
 * `node --conditions=@hansard/source tooling/bench/slack-discovery.ts [--messages 60000] [--limited-seconds 125]`.
 * Without limits it must capture 3,000 messages a second; with Slack's published limits simulated it must use 95 % of what
 * they allow, and be refused nothing. Prints one line of JSON.
 */
const { values } = parseArgs({
  options: { messages: { type: "string", default: "60000" }, "limited-seconds": { type: "string", default: "125" } },
});
const TOKEN = "xoxp-bench-token";
const CHANNELS = 30;
const DAY_MS = 86_400_000;
const log = { debug() {}, info() {}, warn() {}, error() {} };

const free = await unlimited(Number(values.messages));
const limited = await withLimits(Number(values["limited-seconds"]));
const passes = free.messagesPerSecond >= 3000 && limited.share >= 0.95 && limited.refused === 0;
process.stdout.write(`${JSON.stringify({ ...free, ...limited, passes })}\n`);
process.exitCode = passes ? 0 : 1;

interface Server {
  url: string;
  ask(question: string): Promise<Record<string, number>>;
  stop(): void;
}

async function unlimited(messages: number) {
  const server = await startServer({ messages, channels: CHANNELS, limits: false });
  const input = { requestsPerMinute: 1_000_000, requestsPerSecond: 1_000_000 };
  const start = performance.now();
  const { captured } = await run(server, input, new AbortController().signal);
  const seconds = (performance.now() - start) / 1000;
  server.stop();
  if (captured !== messages) throw new Error(`${captured} messages were captured, and there are ${messages}.`);
  return { messages, seconds, messagesPerSecond: messages / seconds };
}

/**
 * More conversations than can be read in the time, of a few messages each, so that requests are what is scarce: 30 a
 * second for the organisation, of which each method may take 1,200 a minute. Two methods are asked for each conversation,
 * so the limits allow 40 a second by method and 30 in all.
 */
async function withLimits(seconds: number) {
  const server = await startServer({ messages: 40_000, channels: 20_000, limits: true });
  const stop = new AbortController();
  const running = run(server, {}, stop.signal);
  // The directory comes first: what counts is the steady state after it.
  while (((await server.ask("requests"))["histories"] ?? 0) === 0) await delay(50);
  const [from, before] = [performance.now(), (await server.ask("requests"))["answered"] ?? 0];
  await delay(seconds * 1000);
  const { answered = 0, refused = 0 } = await server.ask("requests");
  const rate = (answered - before) / ((performance.now() - from) / 1000);
  stop.abort(new Error("The benchmark is over."));
  await running;
  server.stop();
  return { requestsPerSecond: rate, share: rate / 30, refused };
}

async function run({ url }: Server, input: object, signal: AbortSignal) {
  const folder = mkdtempSync(join(tmpdir(), "slack-bench-"));
  const journal = openJournal(join(folder, "journal"));
  const parsed = await connector.settings["~standard"].validate({
    mode: "discovery",
    token: TOKEN,
    apiUrl: `${url}/api/`,
    downloadFiles: false,
    ...input,
  });
  if (parsed.issues) throw new Error(parsed.issues[0]?.message);
  const { host } = new URL(url);
  const http = createHttpClient({ hosts: [host], allowPrivate: [host], signal, log, userAgent: "Hansard bench" });
  try {
    await journal.openSource({ id: "slack", connector: "slack", version: "1.0.0" });
    const result = await capture({
      source: "slack",
      connector,
      settings: parsed.value,
      journal,
      http,
      log,
      signal,
      clock: () => new Date(Date.now() + DAY_MS),
    });
    const failed = result.stopped.find(() => !signal.aborted);
    if (failed) throw failed.error;
    return result;
  } finally {
    await http.close();
    await journal.close();
    rmSync(folder, { recursive: true });
  }
}

async function startServer(options: { messages: number; channels: number; limits: boolean }): Promise<Server> {
  const child = fork(join(import.meta.dirname, "slack-server.ts"), [JSON.stringify({ ...options, token: TOKEN })]);
  const next = () => new Promise<Record<string, never>>((resolve) => child.once("message", resolve as never));
  const { url } = await next();
  return {
    url: String(url),
    ask(question) {
      child.send(question);
      return next();
    },
    stop: () => void child.kill(),
  };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
