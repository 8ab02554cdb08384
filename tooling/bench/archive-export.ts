import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { destination as archivePlugin } from "@hansard/archive";
import { connector } from "@hansard/connector-slack";
import { capture, deliver, loadPeopleMap } from "@hansard/core/ingestion";
import { openJournal } from "@hansard/journal";
import type { BulkRun, Progress } from "./archive-run.ts";

// Archives a Slack export as the runner does, and prints what it took as JSON.
const [exportFolder = "", folder = ""] = process.argv.slice(2);
rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, "archive"), { recursive: true });
const log = { debug() {}, info() {}, warn() {}, error() {} };
const { signal } = new AbortController();
const memory: number[] = [];
const progress: Progress[] = [];
let read = 0;
const sampler = setInterval(() => memory.push(process.memoryUsage.rss()), 500);

const start = performance.now();
const journal = openJournal(join(folder, "journal"));
await journal.openSource({ id: "slack", connector: "slack", version: "1.0.0" });
const settings = {
  mode: "export",
  export: exportFolder,
  excludeChannels: [],
  downloadFiles: false,
  maxFileBytes: 2 ** 31,
};
const http = { request: refuse, json: refuse, download: refuse };
const destination = await archivePlugin.open({
  id: "archive",
  settings: { mailboxes: "any" } as never,
  blobs: journal.blobs,
  folder: join(folder, "archive"),
  log,
});
const preparation = {
  source: "slack",
  connector,
  connectorVersion: "1.0.0",
  people: (await loadPeopleMap({ domains: ["contoso.example"] })).forSource("slack"),
  policy: { thirdPartyMailbox: "third@contoso.example" },
  installation: journal.installation,
  blobs: journal.blobs,
  messageBytes: destination.limits.messageBytes,
};
// As "hansard run" does: what is captured is delivered meanwhile.
let capturedAt = start;
const capturing = capture({
  source: "slack",
  connector,
  settings,
  journal,
  http,
  log,
  signal,
  onProgress: ({ captured }) => (read += captured),
});
const capturedAll = capturing.then(() => (capturedAt = performance.now()));
const delivered = await deliver({
  capturing,
  preparation,
  destinationId: "archive",
  destination,
  journal,
  grouping: "event",
  log,
  signal,
  onProgress: ({ messages }) => progress.push(now(messages)),
});
const captured = await capturing;
await capturedAll;
if (captured.stopped.length > 0) throw captured.stopped[0]?.error;
if (delivered.stopped || delivered.quarantined > 0)
  throw delivered.stopped ?? new Error(`${delivered.quarantined} events were quarantined.`);
// Searchable, too: counting waits until the index has everything.
const found = await destination.archive?.count("kind:externaldata");
await destination.close();
await journal.close();
const seconds = (performance.now() - start) / 1000;
clearInterval(sampler);
const result: BulkRun = {
  messages: delivered.messages,
  copies: delivered.copies,
  found: found ?? 0,
  seconds,
  captureSeconds: (capturedAt - start) / 1000,
  cpuSeconds: now(delivered.messages).cpuSeconds,
  maxRss: process.resourceUsage().maxRSS * 1024,
  rss: memory,
  progress,
};
process.stdout.write(JSON.stringify(result));

function now(messages: number): Progress {
  const { user, system } = process.cpuUsage();
  return { messages, read, seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
}

async function refuse(): Promise<never> {
  throw new Error("A benchmark has no network.");
}
