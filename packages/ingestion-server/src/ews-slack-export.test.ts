import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connector as slack } from "@hansard/connector-slack";
import { capture, type Journal } from "@hansard/core/ingestion";
import { afterEach, beforeEach, expect, test } from "vitest";
import { deliverAll } from "./delivery.test.support.ts";
import { type EwsScene, ewsServerOptions, openEwsScene, PROFILES } from "./ews-scene.test.support.ts";
import { type IngestionServer, openIngestionServer } from "./server.ts";

// A real workspace's export. It is not part of this repository: without it these tests are skipped.
const EXPORT = join(import.meta.dirname, "../../../../shared/data/slack-community-export.zip");
/** Its messages; what else happened in it comes on top. */
const MESSAGES = 1382;

let folder: string;
let server: IngestionServer;
let scene: EwsScene;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slack-ews-"));
});

afterEach(async () => {
  await scene.close();
  await server.close();
  await rm(folder, { recursive: true });
});

test.skipIf(!existsSync(EXPORT)).each(PROFILES)(
  "a real Slack export goes end to end by the profile %s (skipped where the file is absent)",
  { timeout: 300_000 },
  async (profile) => {
    server = await openIngestionServer(ewsServerOptions(folder, profile));
    scene = await openEwsScene(server.url, folder, profile);
    const { journal, destination } = scene;
    await captureExport(journal);
    const addresses = await addressesOf(journal);
    for (const address of addresses) server.store.setMailbox({ address });
    // Some of the people are mapped; what none of them takes part in goes to the third-party data mailbox.
    const mapped = new Set([...addresses].sort().slice(0, 8));
    scene.connector = slack;
    scene.directory = (address) => (mapped.has(address) ? address : undefined);
    await deliverAll(scene, { kind: "purges" });
    const [books] = await journal.books();
    const quarantined = await journal.quarantine();
    const captured = books?.captured ?? 0;
    expect(captured).toBeGreaterThanOrEqual(MESSAGES);
    expect(books).toMatchObject({ claimed: captured, pending: 0, unaccounted: 0 });
    expect((books?.delivered ?? 0) + quarantined.length).toBe(captured);
    // Senders without any address, such as bots, have no mailbox: the article's service takes nothing from them.
    if (profile === "exchange") expect(quarantined).toEqual([]);
    for (const { reason } of quarantined) expect(reason).toContain("either From or Sender");
    expect(server.store.duplicates()).toEqual([]);
    const copies = new Set(
      server.store.accepted().map(({ mailbox, internetMessageId }) => `${mailbox} ${internetMessageId}`),
    );
    let compared = 0;
    for await (const { message, results } of journal.intents("chat", "exchange")) {
      for (const [index, result] of results.entries()) {
        if (result.status !== "delivered") continue;
        compared += 1;
        const mailbox = message.targets[index]?.mailbox ?? "";
        if (compared % 50 === 1)
          expect(await digestOf(destination.read!(mailbox, result.receipt))).toBe(message.sha256);
      }
    }
    expect(compared).toBe(copies.size);
    expect(compared).toBeGreaterThan(1000);
  },
);

async function captureExport(journal: Journal): Promise<void> {
  await journal.openSource({ id: "chat", connector: "slack", version: "1.0.0" });
  const settings = await slack.settings["~standard"].validate({ export: EXPORT, downloadFiles: false });
  const { stopped } = await capture({
    source: "chat",
    connector: slack,
    settings: "value" in settings ? settings.value : {},
    journal,
    http: { request: refuse, json: refuse, download: refuse },
    log: scene.log,
    signal: new AbortController().signal,
  });
  expect(stopped).toEqual([]);
}

function refuse(): never {
  throw new Error("Nothing is fetched here.");
}

/** The addresses of all who take part, by the connector's own mapping. */
async function addressesOf(journal: Journal): Promise<Set<string>> {
  const addresses = new Set<string>();
  const events = await journal.take("chat", "nowhere", 10_000);
  for (const event of events) {
    const draft = (slack.events[event.type] ?? slack.events["Other"])!(event);
    for (const { address } of [draft.from, ...draft.to]) if (address) addresses.add(address.toLowerCase());
  }
  return addresses;
}

async function digestOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of content) hash.update(chunk);
  return hash.digest("hex");
}
