import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../workspace.ts";
import { bloomberg } from "./bloomberg.ts";
import { bulk } from "./bulk.ts";
import { growth } from "./growth.ts";
import { atMost, child, type Row } from "./measure.ts";
import { ews, graph, slack } from "./network.ts";
import { recordBenches } from "./record-bench.ts";
import { sameHits, searchTimes } from "./search.ts";
import { startUp } from "./start.ts";
import { countSyncs } from "./syncs.ts";

// npm run bench -- [--only bulk,fsync,live,large,start,growth,search,slack,bloomberg,graph,ews] [--messages 100000] [--large 1000000] [--rounds 3] [--write]
const { values } = parseArgs({
  options: {
    only: { type: "string", default: "bulk,fsync,live,large,start,growth,search,slack,bloomberg,graph,ews" },
    messages: { type: "string", default: "100000" },
    large: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "3" },
    write: { type: "boolean", default: false },
  },
});
const work = join(ROOT, ".cache", "bench");
mkdirSync(work, { recursive: true });
const [messages, large] = [Number(values.messages), Number(values.large)];

const BENCHES: Record<string, () => Promise<Row[]>> = {
  bulk: () => bulk(work, messages, Number(values.rounds)),
  fsync: () => countSyncs(work, messages),
  live: async () => {
    const { p50, p99, events } = child<{ p50: number; p99: number; events: number }>(
      join(import.meta.dirname, "live.ts"),
      [join(work, "live"), "500", "10"],
    );
    return [
      atMost(
        "one live event until it is durable in the archive, 99th percentile at 500 events/s",
        p99,
        50,
        `median ${p50.toFixed(1)} ms, ${events} events`,
        " ms",
      ),
    ];
  },
  large: async () => {
    const { maxRss, seconds } = child<{ maxRss: number; seconds: number }>(
      join(import.meta.dirname, "large-file.ts"),
      [join(work, "large")],
      ["--max-old-space-size=256"],
    );
    return [
      atMost(
        "resident memory while an attachment of 1 GB passes, heap 256 MB",
        maxRss / 2 ** 20,
        400,
        `${seconds.toFixed(0)} s`,
        " MB",
      ),
    ];
  },
  start: async () => startUp(work),
  growth: () => growth(work, messages, large),
  search: async () => [
    ...(await searchTimes(join(work, "growth", "archive"))),
    // The peers have the mails of the first run; each run of ours has Message-IDs of its own.
    await sameHits(join(work, "finished", "archive"), join(work, "maildir"), work),
  ],
  slack: async () => slack(),
  bloomberg: () => bloomberg(work, 1_000_000_000, Number(values.rounds)),
  graph: async () => graph(),
  ews: async () => ews(),
};

const measured: Record<string, Row[]> = {};
for (const name of values.only.split(",")) {
  process.stderr.write(`${name} …\n`);
  const bench = BENCHES[name];
  if (bench === undefined) throw new Error(`There is no bench "${name}", but ${Object.keys(BENCHES).join(", ")}.`);
  measured[name] = await bench();
}
const rows = Object.values(measured).flat();
const width = Math.max(...rows.map(({ what }) => what.length));
for (const { what, measured: figure, goal, ok } of rows)
  console.log(`${ok === undefined ? "  " : ok ? "ok" : "NO"}  ${what.padEnd(width)}  ${goal.padEnd(9)}  ${figure}`);
if (values.write) recordBenches(join(work, "rows.json"), measured, Object.keys(BENCHES));
process.exitCode = rows.some(({ ok }) => ok === false) ? 1 : 0;
