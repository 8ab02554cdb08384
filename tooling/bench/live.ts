import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { destination as archivePlugin } from "@hansard/archive";
import type { SourceEvent } from "@hansard/core";
import { deliver, loadPeopleMap } from "@hansard/core/ingestion";
import { openJournal } from "@hansard/journal";
import { assertDone } from "./measure.ts";
import { scenarioConnector } from "../torture/scenario-connector.ts";

const PEOPLE = ["ann@here.example", "bob@here.example", "cem@here.example", "dan@here.example"];

// Events arrive one by one at an even pace; each is timed from its arrival until it is durable in the archive.
const [folder = "", perSecond = "500", seconds = "10"] = process.argv.slice(2);
rmSync(folder, { recursive: true, force: true });
mkdirSync(join(folder, "archive"), { recursive: true });
const log = { debug() {}, info() {}, warn() {}, error() {} };
const { signal } = new AbortController();
const journal = openJournal(join(folder, "journal"));
await journal.openSource({ id: "source", connector: "scenario", version: "1.0.0" });
const connector = scenarioConnector({
  seed: 1,
  partitions: 1,
  events: 0,
  pageEvents: 1,
  files: false,
  unmappableEvery: 0,
  strangers: false,
});
const destination = await archivePlugin.open({
  id: "archive",
  settings: { mailboxes: "any" } as never,
  blobs: journal.blobs,
  folder: join(folder, "archive"),
  log,
});
const preparation = {
  source: "source",
  connector,
  connectorVersion: "1.0.0",
  people: await loadPeopleMap({ domains: ["here.example"] }),
  policy: { thirdPartyMailbox: "third@here.example" },
  installation: journal.installation,
  blobs: journal.blobs,
  messageBytes: destination.limits.messageBytes,
};

const arrived: { event: SourceEvent; at: number }[] = [];
const latencies: number[] = [];
const total = Number(perSecond) * Number(seconds);
let made = 0;
const start = performance.now();
const arrivals = setInterval(() => {
  const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * Number(perSecond)));
  // Each has arrived at its own moment of the even pace, not when this timer happened to run.
  for (; made < due; made += 1) arrived.push({ event: eventOf(made), at: start + (made / Number(perSecond)) * 1000 });
}, 1);
while (latencies.length < total) {
  const batch = arrived.splice(0);
  if (batch.length === 0) {
    await sleep(1);
    continue;
  }
  await journal.append("source", "all", { events: batch.map(({ event }) => event) }, new Date());
  await deliverAll(batch.length);
  const now = performance.now();
  // The first second is spent on compiling and on making the tables.
  for (const { at } of batch) latencies.push(now - at);
}
clearInterval(arrivals);
await destination.close();
await journal.close();
const settled = latencies.slice(Number(perSecond)).sort((a, b) => a - b);
process.stdout.write(
  JSON.stringify({
    events: total,
    p50: settled[Math.floor(settled.length * 0.5)],
    p99: settled[Math.floor(settled.length * 0.99)],
  }),
);

/** An event that was not delivered would have been quick. */
async function deliverAll(events: number): Promise<void> {
  const to = { preparation, destinationId: "archive", destination, journal, grouping: "event" as const };
  const { stopped, quarantined, postponed, copies } = await deliver({ ...to, log, signal });
  if (stopped !== undefined) throw stopped;
  assertDone("live events in quarantine or postponed", quarantined + postponed, 0);
  assertDone("copies of live events", copies, events * PEOPLE.length);
}

function eventOf(index: number): SourceEvent {
  return {
    type: "Message",
    key: `live:${String(index).padStart(8, "0")}`,
    occurredAt: new Date().toISOString(),
    data: {
      from: PEOPLE[index % PEOPLE.length] ?? "",
      to: PEOPLE,
      text: `Live message ${index} ${"word ".repeat(100)}`,
      unmappable: false,
    },
  };
}
