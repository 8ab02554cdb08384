import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Destination, reroute } from "@hansard/core/ingestion";
import { type Microsoft365Destination, openMicrosoft365, Settings } from "@hansard/destination-microsoft365";
import { openJournal } from "@hansard/journal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { APPLICATION, mailboxesNamed } from "./delivery.test.sample.ts";
import {
  capture,
  contextOf,
  deliverAll,
  deliverOnce,
  MAILBOXES,
  optionsOf,
  ownersOf,
  type Scene,
  settingsFor,
  STRANGER,
  THIRD_PARTY,
} from "./delivery.test.support.ts";
import { type IngestionServer, openIngestionServer } from "./server.ts";
import { expectAllOnce, inFolder } from "./stored.test.support.ts";

// The ways to a second copy, one by one: each was open once.

/** To whom the event 8 goes. */
const MISSING = "user57@contoso.example";
/** No answer within this time is taken for lost. The server's faults keep silent for longer. */
const HURRIED = { timeoutMs: 1000, settleMs: 1500 };
const PATIENT = { timeoutMs: 60_000, settleMs: 200 };

let folder: string;
let server: IngestionServer;
let scene: Scene & { destination: Microsoft365Destination };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "once-"));
  server = await openIngestionServer({
    folder: join(folder, "server"),
    applications: [APPLICATION],
    mailboxes: [
      ...mailboxesNamed(MAILBOXES).filter(({ address }) => address !== MISSING),
      { address: MISSING, hasMailbox: false },
      { address: THIRD_PARTY },
    ],
  });
});

afterEach(async () => {
  await scene.destination.close();
  await scene.journal.close();
  await server.close();
  await rm(folder, { recursive: true });
});

test("answers that get lost after the commit double nothing, in a full mailbox and beside it", async () => {
  await open(HURRIED);
  scene.destination = lookingWhenCaughtUp(scene.destination);
  server.store.setMailbox({ address: MISSING, hasMailbox: true });
  server.store.setMailbox({ address: "user1@contoso.example", quotaBytes: 10 });
  server.faults.set("timeout-after-commit", { rate: 0.3, ms: 3000, writesOnly: true });
  await capture(scene.journal, 60);
  expect((await deliverOnce(scene, { kind: "inbox" })).postponed).toBeGreaterThan(0);
  server.store.setMailbox({ address: "user1@contoso.example", quotaBytes: 1024 ** 3 });
  await deliverAll(scene, { kind: "inbox" });
  expect(server.faults.struck["timeout-after-commit"]).toBeGreaterThan(5);
  expectAllOnce(server.store, ownersOf(60), "Inbox");
}, 120_000);

test("where commits come later than promised, each double is reported, beside a full mailbox too", async () => {
  await open({ ...PATIENT, settleMs: 300 });
  server.store.setMailbox({ address: MISSING, hasMailbox: true });
  server.store.setMailbox({ address: "user1@contoso.example", quotaBytes: 10 });
  server.faults.set("late-commit", { rate: 0.3, ms: 2000, writesOnly: true });
  await capture(scene.journal, 40);
  expect((await deliverOnce(scene, { kind: "inbox" })).postponed).toBeGreaterThan(0);
  server.store.setMailbox({ address: "user1@contoso.example", quotaBytes: 1024 ** 3 });
  await deliverAll(scene, { kind: "inbox" });
  server.faults.clear();
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const doubled = server.store.duplicates().map(({ mailbox, internetMessageId }) => `${mailbox} ${internetMessageId}`);
  expect(doubled.length).toBeGreaterThan(0);
  const reported = await scene.destination.duplicates();
  expect(reported.map(({ mailbox, messageId }) => `${mailbox} ${messageId}`).sort()).toEqual(doubled.sort());
}, 120_000);

test("what Exchange stored otherwise than it was sent stops the delivery, and is not written again by the next run", async () => {
  await open({ ...PATIENT, readBackShare: 1, messageFlags: 8 });
  await capture(scene.journal, 1);
  expect(String((await deliverOnce(scene, { kind: "inbox" })).stopped)).toContain("it is a draft");
  await scene.destination.close();
  scene.destination = await destinationWith({ ...PATIENT, readBackShare: 1 });
  await deliverAll(scene, { kind: "inbox" });
  expectAllOnce(server.store, ownersOf(1), "Inbox");
});

test("what an earlier run left in the third-party data mailbox is not parked there again", async () => {
  await open(PATIENT);
  await capture(scene.journal, 9);
  scene.senders = new Map([[8, THIRD_PARTY]]);
  // The run ends when the third-party data mailbox has its copy, before the other one is tried.
  const ending = new AbortController();
  await deliverOnce(
    { ...scene, signal: ending.signal, destination: endingAfter(THIRD_PARTY, ending) },
    { kind: "inbox" },
  );
  expect(parked()).toEqual(["Event 8"]);
  await deliverAll(scene, { kind: "inbox" });
  expect(parked()).toEqual(["Event 8"]);
});

test("a message that is parked is not parked again by rerouting it to a mailbox that is not there", async () => {
  await open(PATIENT);
  await capture(scene.journal, 20);
  await deliverAll(scene, { kind: "inbox" });
  const before = parked();
  expect(before).toContain("Event 19");
  scene.directory = (address) =>
    address === STRANGER ? MISSING : address.endsWith("@contoso.example") ? address : undefined;
  await reroute(await optionsOf(scene, { kind: "inbox" }));
  expect(parked()).toEqual(before);
});

/**
 * A busy server takes up what a hurried client gave up seconds ago: such a commit is late, which the next test is about.
 * Here each look waits until the server has taken up all that was sent before, however long that takes.
 */
function lookingWhenCaughtUp(destination: Microsoft365Destination): Microsoft365Destination {
  return {
    ...destination,
    async find(deliveries, options) {
      // Connections are accepted in their order. The second answer comes when what the first one overtook was read as well.
      await answerOnNewConnection();
      await answerOnNewConnection();
      return destination.find(deliveries, options);
    },
  };
}

function answerOnNewConnection(): Promise<void> {
  return new Promise((resolve, reject) => {
    get(server.url, { agent: false }, (response) => response.resume().on("end", resolve)).on("error", reject);
  });
}

function parked(): string[] {
  return inFolder(server.store, server.store.mailbox(THIRD_PARTY)?.id ?? 0, "Inbox").sort();
}

function endingAfter(mailbox: string, ending: AbortController): Destination {
  const { destination } = scene;
  return {
    ...destination,
    limits: { ...destination.limits, concurrency: 1, batchDeliveries: 1 },
    async submit(deliveries, options) {
      const outcomes = await destination.submit(deliveries, options);
      if (deliveries.some((delivery) => delivery.mailbox === mailbox)) ending.abort();
      return outcomes;
    },
  };
}

async function open(more: object): Promise<void> {
  const journal = openJournal(join(folder, "journal"));
  scene = { journal, destination: await destinationWith(more, journal), destinationId: "m365", clockOffsetMs: 0 };
}

function destinationWith(more: object, journal = scene.journal): Promise<Microsoft365Destination> {
  return openMicrosoft365(contextOf(Settings.parse(settingsFor(server.url, more)), journal, folder));
}
