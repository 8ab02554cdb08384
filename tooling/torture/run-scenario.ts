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

const log = { debug() {}, info() {}, warn() {}, error() {} };
const { signal } = new AbortController();

export interface RunOptions {
  folder: string;
  scenario: Scenario;
  /** How many events an earlier run said were durable. */
  promised?: number;
  /** How many events are durable now. */
  onCaptured?(events: number): void;
}

/** Runs a scenario to its end, from nothing or from whatever an earlier run left in the folder. */
export async function runScenario({ folder, scenario, promised = 0, onCaptured }: RunOptions): Promise<void> {
  const journal = openJournal(join(folder, "journal"));
  const connector = scenarioConnector(scenario.settings);
  await expectPromised();
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
    concurrency: scenario.concurrency,
    onProgress: (page) => onCaptured?.((captured += page.captured)),
  });
  if (stopped.length > 0) throw stopped[0]?.error;
  const destination = await archivePlugin.open({
    id: "archive",
    settings: { mailboxes: "any" } as never,
    blobs: journal.blobs,
    folder: join(folder, "archive"),
    log,
  });
  const result = await deliver(await deliverOptions(false));
  if (result.stopped) throw result.stopped;
  if (scenario.mends) await mend();
  await destination.close();
  await journal.close();

  async function expectPromised(): Promise<void> {
    if (promised === 0) return;
    const { events, problems } = await journal.verify();
    if (problems[0] !== undefined) throw new Error(problems[0]);
    if (events < promised) throw new Error(`${promised} events were promised to be durable and ${events} are there.`);
  }

  async function deliverOptions(mended: boolean): Promise<DeliverOptions> {
    const preparation = {
      source: "source",
      connector: mended ? scenarioConnector(scenario.settings, true) : connector,
      connectorVersion: "1.0.0",
      people: await loadPeopleMap({ domains: mended ? ["here.example", "elsewhere.example"] : ["here.example"] }),
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

  /** The mapping is mended, then the people map: what was in quarantine and what nobody claimed finds its way. */
  async function mend(): Promise<void> {
    const events = await journal.events((await journal.quarantine()).map(({ event }) => event));
    const mended = await deliverOptions(true);
    const people = await loadPeopleMap({ domains: ["here.example"] });
    const again = { ...mended, preparation: { ...mended.preparation, people } };
    if (events.length > 0)
      await deliverAgain(
        again,
        events.map((event) => singleEvent(event, mended.preparation.connector)),
      );
    await reroute(mended);
  }
}

async function refuse(): Promise<never> {
  throw new Error("The scenario has no network.");
}
