import { execFileSync } from "node:child_process";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SaxesParser } from "saxes";
import type { Connector, Json, ReadContext } from "../../packages/core/src/index.ts";
import { writeLargeChat } from "../servers/bloomberg/large-chat.ts";

/**
 * Streams a generated chat file into events, and compares with saxes alone on the same file in the same run:
 * `node tooling/bench/bloomberg.ts [--bytes 1000000000]`, after a build. Prints one line of JSON.
 */
const { values } = parseArgs({
  options: { bytes: { type: "string", default: "1000000000" }, stream: { type: "string" }, parse: { type: "string" } },
});
/** Left alone, Node lets garbage lie for as long as the machine has memory, and saxes alone takes 230 MB. */
const COLLECT_EARLY = ["--initial-old-space-size=32", "--max-semi-space-size=8"];

if (values.stream !== undefined) report(await measured(() => streamEvents(values.stream ?? "")));
else if (values.parse !== undefined) report(await measured(() => parseAlone(values.parse ?? "")));
else await compare(Number(values.bytes));

interface Measurement {
  result: number;
  seconds: number;
  cpuSeconds: number;
  residentBytes: number;
}

/** Each way runs in a process of its own, so that the memory is its own too. */
async function compare(bytes: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bloomberg-bench-"));
  try {
    const drop = join(folder, "drop");
    await mkdir(drop);
    const path = join(drop, "f123.ib19.200313.xml");
    const written = await writeLargeChat(path, bytes);
    const alone = run("--parse", path);
    const streamed = run("--stream", drop);
    if (streamed.result !== written.events)
      throw new Error(`${streamed.result} events were read and ${written.events} written.`);
    const ratio = alone.seconds / streamed.seconds;
    report({
      ...written,
      seconds: streamed.seconds,
      saxesSeconds: alone.seconds,
      ratio,
      cpuRatio: alone.cpuSeconds / streamed.cpuSeconds,
      residentBytes: streamed.residentBytes,
      passes: ratio >= 0.5 && streamed.residentBytes < 200 * 1024 ** 2,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(way: string, path: string): Measurement {
  const node = [...process.execArgv, ...COLLECT_EARLY];
  const output = execFileSync(process.execPath, [...node, fileURLToPath(import.meta.url), way, path], {
    encoding: "utf8",
  });
  return JSON.parse(output);
}

function report(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** The built package where there is one, as it runs at a customer's; compiling sources takes memory too. */
async function loadConnector(): Promise<Connector> {
  const built = new URL("../../connectors/bloomberg/dist/index.js", import.meta.url);
  const source = new URL("../../connectors/bloomberg/src/index.ts", import.meta.url);
  const { connector } = await import((existsSync(built) ? built : source).href);
  return connector;
}

async function streamEvents(drop: string): Promise<number> {
  const connector = await loadConnector();
  const settings = await connector.settings["~standard"].validate({
    drop: { folder: drop },
    completion: { stableForSeconds: 0 },
  });
  if (settings.issues) throw new Error("The settings are not valid.");
  const quiet = () => {};
  const refuse = async () => {
    throw new Error("Nothing is fetched here.");
  };
  const context: ReadContext<unknown, Json> = {
    settings: settings.value,
    checkpoint: undefined,
    partition: { id: "all", name: "all" },
    followUps: [],
    startedAt: new Date(),
    signal: new AbortController().signal,
    state: { get: async () => undefined, put: async () => {} },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    http: { request: refuse, json: refuse, download: refuse },
    blobs: { put: refuse },
    async *captured() {},
  };
  let events = 0;
  for await (const page of connector.read(context as ReadContext<never, never>)) {
    if (page.gaps?.length) throw new Error(page.gaps[0]?.reason);
    events += page.events.length;
  }
  return events;
}

async function parseAlone(path: string): Promise<number> {
  const parser = new SaxesParser({ position: false });
  let elements = 0;
  parser.on("opentag", () => void (elements += 1));
  parser.on("text", () => {});
  parser.on("closetag", () => {});
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 }))
    parser.write(decoder.decode(chunk, { stream: true }));
  parser.close();
  return elements;
}

async function measured(work: () => Promise<number>): Promise<Measurement> {
  let residentBytes = 0;
  const timer = setInterval(() => void (residentBytes = Math.max(residentBytes, process.memoryUsage.rss())), 50);
  const start = process.hrtime.bigint();
  const result = await work();
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const { user, system } = process.cpuUsage();
  clearInterval(timer);
  return { result, seconds, cpuSeconds: (user + system) / 1e6, residentBytes };
}
