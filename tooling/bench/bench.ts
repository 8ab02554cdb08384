import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { record } from "../reliability/record.ts";
import { ROOT } from "../workspace.ts";
import { bloomberg } from "./bloomberg.ts";
import { bulk } from "./bulk.ts";
import { generateExport } from "./generate-export.ts";
import { growth } from "./growth.ts";
import { atMost, child, isThere, median, type Row } from "./measure.ts";
import { ews, graph, slack } from "./network.ts";
import { sameHits, searchTimes } from "./search.ts";

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
  fsync: countSyncs,
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
    const { maxRss, seconds, problems } = child<{ maxRss: number; seconds: number; problems: string[] }>(
      join(import.meta.dirname, "large-file.ts"),
      [join(work, "large")],
      ["--max-old-space-size=256"],
    );
    return [
      {
        ...atMost(
          "resident memory while an attachment of 1 GB passes, heap 256 MB",
          maxRss / 2 ** 20,
          400,
          `${seconds.toFixed(0)} s`,
          " MB",
        ),
        ...(problems.length > 0 ? { ok: false } : {}),
      },
    ];
  },
  start: startUp,
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
  measured[name] = (await BENCHES[name]?.()) ?? [];
}
const rows = Object.values(measured).flat();
const width = Math.max(...rows.map(({ what }) => what.length));
for (const { what, measured: figure, goal, ok } of rows)
  console.log(`${ok === undefined ? "  " : ok ? "ok" : "NO"}  ${what.padEnd(width)}  ${goal.padEnd(9)}  ${figure}`);
if (values.write) recordAll();
process.exitCode = rows.some(({ ok }) => ok === false) ? 1 : 0;

/** Benches may be run one by one: the row of the promise holds the last figures of each. A missed goal is recorded as missed. */
function recordAll(): void {
  const file = join(work, "rows.json");
  const known: Record<string, Row[]> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const all = { ...known, ...measured };
  writeFileSync(file, JSON.stringify(all));
  const lines = Object.keys(BENCHES).flatMap((name) =>
    (all[name] ?? []).map(
      ({ what, measured: figure, goal, ok }) =>
        `${what}: ${figure}${ok === false ? ` (**missed**, goal ${goal})` : ""}`,
    ),
  );
  record("bench", lines.join("<br>"));
}

/** Synchronous writes for each message in bulk, counted by the system. */
async function countSyncs(): Promise<Row[]> {
  if (!isThere("strace"))
    return [{ what: "synchronous writes (strace is not installed)", measured: "-", goal: "≤ 1 / 500", ok: undefined }];
  const slackExport = await generateExport(work, { messages });
  const log = join(work, "syncs.log");
  spawnSync("strace", [
    "-f",
    "-qq",
    "-o",
    log,
    "-e",
    "trace=fsync,fdatasync",
    process.execPath,
    join(import.meta.dirname, "archive-export.ts"),
    slackExport,
    join(work, "syncs"),
  ]);
  const syncs = readFileSync(log, "utf8").match(/f(data)?sync\(/g)?.length ?? NaN;
  return [
    atMost(
      "messages in bulk for one synchronous write, as its reciprocal times 500",
      (syncs / messages) * 500,
      1,
      `${syncs} for ${messages}`,
    ),
  ];
}

/** `hansard --help` with the connectors of a user's folder, and with ten more that are not configured. */
async function startUp(): Promise<Row[]> {
  const bin = join(ROOT, "apps", "runner", "dist", "bin.js");
  const folder = mkdtempSync(join(work, "start-"));
  const help = () => Array.from({ length: 15 }, () => timedHelp(bin, folder));
  const alone = median(help());
  for (let index = 0; index < 10; index += 1)
    spawnSync("cp", ["-r", join(ROOT, "connectors", "slack"), join(folder, `connector-${index}`)]);
  const crowded = median(help());
  rmSync(folder, { recursive: true });
  return [
    atMost("`hansard --help`", alone, 150, "", " ms"),
    atMost("the same with ten connectors installed, as a ratio", crowded / alone, 1.15, `${crowded.toFixed(0)} ms`),
  ];
}

function timedHelp(bin: string, cwd: string): number {
  const start = performance.now();
  spawnSync(process.execPath, [bin, "--help"], { cwd });
  return performance.now() - start;
}
