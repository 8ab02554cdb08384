import { createReadStream, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SaxesParser } from "saxes";
import type { Connector, Json, ReadContext } from "../../packages/core/src/index.ts";
import { writeLargeChat } from "../servers/bloomberg/large-chat.ts";
import { atLeast, atMost, child, LARGE_RUNS, median, type Row } from "./measure.ts";

interface Measurement {
  result: number;
  seconds: number;
  cpuSeconds: number;
  maxRss: number;
}

// node tooling/bench/bloomberg.ts [--bytes 1000000000] [--rounds 3], after a build
if (import.meta.main) await main();

/** A generated chat file streamed into events, against saxes alone on the same file: each in turn in each round. */
export async function bloomberg(work: string, bytes: number, rounds: number): Promise<Row[]> {
  const drop = join(work, "bloomberg");
  rmSync(drop, { recursive: true, force: true });
  mkdirSync(drop, { recursive: true });
  const path = join(drop, "f123.ib19.200313.xml");
  try {
    const { events } = await writeLargeChat(path, bytes);
    const ours: Measurement[] = [];
    const alone: Measurement[] = [];
    for (let round = 0; round < rounds; round += 1) {
      alone.push(inOwnProcess("--parse", path));
      ours.push(inOwnProcess("--stream", drop));
      const [a, b] = [alone.at(-1), ours.at(-1)];
      if (b?.result !== events) throw new Error(`${b?.result} events were read and ${events} written.`);
      process.stderr.write(`  round ${round + 1}: ${JSON.stringify({ saxes: a, events: b })}\n`);
    }
    return rowsOf(bytes, ours, alone);
  } finally {
    rmSync(drop, { recursive: true, force: true });
  }
}

function rowsOf(bytes: number, ours: Measurement[], alone: Measurement[]): Row[] {
  const seconds = median(ours.map((measured) => measured.seconds));
  const ratio = (of: "seconds" | "cpuSeconds") =>
    median(alone.map((measured, round) => measured[of] / (ours[round]?.[of] ?? NaN)));
  const rate = `${(bytes / 1e6 / seconds).toFixed(0)} MB/s, ${ratio("cpuSeconds").toFixed(2)} by processor time`;
  return [
    atLeast(
      `a Bloomberg chat file of ${(bytes / 1e6).toLocaleString("en-US")} MB into events, as a share of the speed of saxes alone`,
      ratio("seconds"),
      0.5,
      rate,
    ),
    atMost("resident memory for it", Math.max(...ours.map(({ maxRss }) => maxRss)) / 2 ** 20, 200, "", " MB"),
  ];
}

/** Its memory is its own there. */
function inOwnProcess(way: string, path: string): Measurement {
  return child<Measurement>(import.meta.filename, [way, path], [...process.execArgv, ...LARGE_RUNS]);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      bytes: { type: "string", default: "1000000000" },
      rounds: { type: "string", default: "3" },
      stream: { type: "string" },
      parse: { type: "string" },
    },
  });
  const { stream, parse } = values;
  if (stream !== undefined) return print(await measured(() => streamEvents(stream)));
  if (parse !== undefined) return print(await measured(() => parseAlone(parse)));
  const work = join(import.meta.dirname, "..", "..", ".cache", "bench");
  print(await bloomberg(work, Number(values.bytes), Number(values.rounds)));
}

function print(result: object): void {
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
  const start = performance.now();
  const result = await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage();
  return { result, seconds, cpuSeconds: (user + system) / 1e6, maxRss: process.resourceUsage().maxRSS * 1024 };
}
