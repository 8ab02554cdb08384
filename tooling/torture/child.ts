import { writeSync } from "node:fs";
import { join } from "node:path";
import { destination as archivePlugin } from "@hansard/archive";
import {
  capture,
  deliver,
  deliverAgain,
  type DeliverOptions,
  loadPeopleMap,
  reroute,
  singleEvent,
} from "@hansard/core/ingestion";
import { openJournal } from "@hansard/journal";
import { scenarioConnector } from "./scenario-connector.ts";
import type { Scenario } from "./scenarios.ts";

// Runs one scenario to its end in the folder given. Every "captured" line is a promise: those events are durable.
const [folder = "", text = "{}"] = process.argv.slice(2);
const scenario = JSON.parse(text) as Scenario;
const log = { debug() {}, info() {}, warn() {}, error() {} };
const { signal } = new AbortController();

try {
  await main();
  say("done");
} catch (error) {
  writeSync(2, `hansard failed and ended: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(70);
}

async function main(): Promise<void> {
  const journal = openJournal(join(folder, "journal"));
  const connector = scenarioConnector(scenario.settings);
  await journal.openSource({ id: "source", connector: "scenario", version: "1.0.0" });
  const http = { request: refuse, json: refuse, download: refuse };
  let captured = 0;
  const { stopped } = await capture({
    source: "source",
    connector,
    settings: {},
    journal,
    http,
    log,
    signal,
    concurrency: 1,
    onProgress: (page) => say(`captured ${(captured += page.captured)}`),
  });
  if (stopped.length > 0) throw stopped[0]?.error;
  const destination = await archivePlugin.open({
    id: "archive",
    settings: { mailboxes: "any" } as never,
    blobs: journal.blobs,
    folder: join(folder, "archive"),
    log,
  });
  const options = await deliverOptions(["here.example"]);
  const result = await deliver(options);
  if (result.stopped) throw result.stopped;
  if (scenario.mends) await mend();
  await destination.close();
  await journal.close();

  async function deliverOptions(domains: string[]): Promise<DeliverOptions> {
    const preparation = {
      source: "source",
      connector,
      connectorVersion: "1.0.0",
      people: await loadPeopleMap({ domains }),
      policy: { thirdPartyMailbox: "third@here.example" },
      installation: journal.installation,
      blobs: journal.blobs,
      messageBytes: destination.limits.messageBytes,
    };
    return {
      preparation,
      destinationId: "archive",
      destination,
      journal,
      grouping: scenario.grouping,
      log,
      signal,
      batchEvents: scenario.batchEvents,
    };
  }

  /** The mapping and the people map are mended: what was in quarantine and what nobody claimed finds its way. */
  async function mend(): Promise<void> {
    process.env["HANSARD_MENDED"] = "1";
    const events = await journal.events((await journal.quarantine()).map(({ event }) => event));
    const mended = await deliverOptions(["here.example", "elsewhere.example"]);
    if (events.length > 0)
      await deliverAgain(
        options,
        events.map((event) => singleEvent(event, connector)),
      );
    await reroute(mended);
  }
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function refuse(): Promise<never> {
  throw new Error("The scenario has no network.");
}
