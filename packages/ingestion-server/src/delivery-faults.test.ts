import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Microsoft365Destination, openMicrosoft365, Settings } from "@hansard/destination-microsoft365";
import { openJournal } from "@hansard/journal";
import { expect, test, type TestContext } from "vitest";
import { APPLICATION, mailboxesNamed } from "./delivery.test.sample.ts";
import {
  capture,
  deliverAll,
  deliverOnce,
  everyFault,
  MAILBOXES,
  contextOf,
  ownersOf,
  ROUNDS,
  type Scene,
  settingsFor,
  THIRD_PARTY,
} from "./delivery.test.support.ts";
import { type IngestionServer, type IngestionServerOptions, openIngestionServer } from "./server.ts";
import { expectAllOnce, inFolder } from "./stored.test.support.ts";

// The real journal, core's own delivery and the real destination, against a server on which everything goes wrong.

const IS_LONG = process.env["HANSARD_TORTURE"] !== undefined;
/** Each event goes to two mailboxes. */
const DELIVERIES = IS_LONG ? 20_000 : 2000;
const RATE = 0.05;

// Each test has a server of its own, and these mostly wait.
const beside = IS_LONG ? test : test.concurrent;

beside(
  `with every fault on, ${DELIVERIES} deliveries to ${MAILBOXES} mailboxes: none lost, none doubled, nothing with an owner in the catch-all`,
  { timeout: 3_600_000 },
  async (context) => {
    const { server, scene } = await open(context, { faults: everyFault(RATE) });
    await capture(scene.journal, DELIVERIES / 2);
    const rounds = await deliverAll(scene, { kind: "visible", path: ["Slack"] });
    expectAllOnce(server.store, ownersOf(DELIVERIES / 2), "Slack");
    expect(server.tokens.issued).toBeLessThanOrEqual(server.tokens.expirations + 1);
    expect(Object.keys(server.faults.struck).length, JSON.stringify(server.faults.struck)).toBe(
      Object.keys(everyFault(RATE)).length,
    );
    expect(rounds).toBeLessThan(ROUNDS);
  },
);

beside(
  "with every fault on, what goes into Purges is there once, and nothing stays in the staging folders",
  { timeout: 600_000 },
  async (context) => {
    const { server, scene } = await open(context, { faults: everyFault(RATE) });
    await capture(scene.journal, 40);
    await deliverAll(scene, { kind: "purges" });
    expectAllOnce(server.store, ownersOf(40), "Purges");
    server.faults.clear();
    for (const { id } of server.store.mailboxes()) expect(inFolder(server.store, id, "Hansard staging")).toEqual([]);
  },
);

beside(
  "a sink that commits later than it promises doubles messages, and each is reported",
  { timeout: 120_000 },
  async (context) => {
    const { server, scene } = await open(context, {
      faults: { "late-commit": { rate: 0.2, ms: 6000, writesOnly: true } },
    });
    await capture(scene.journal, 60);
    await deliverAll(scene, { kind: "inbox" });
    server.faults.clear();
    await new Promise((resolve) => setTimeout(resolve, 7000));
    const doubled = server.store
      .duplicates()
      .map(({ mailbox, internetMessageId }) => `${mailbox} ${internetMessageId}`);
    expect(doubled.length).toBeGreaterThan(0);
    const reported = await scene.destination.duplicates();
    expect(reported.map(({ mailbox, messageId }) => `${mailbox} ${messageId}`).sort()).toEqual(doubled.sort());
    const findings = await scene.destination.check();
    expect(findings.filter(({ level, message }) => level === "warning" && message.includes("times")).length).toBe(
      doubled.length,
    );
  },
);

test("one poison message among 100: 99 delivered, 1 in quarantine with the reason", async (context) => {
  const { server, scene } = await open(context, {});
  await capture(scene.journal, 100);
  scene.poison = 7;
  await deliverAll(scene, { kind: "inbox" });
  const quarantined = await scene.journal.quarantine();
  expect(quarantined.map(({ eventKey }) => eventKey)).toEqual(["C1:000007"]);
  expect(quarantined[0]?.reason).toContain("ErrorPropertyValidationFailure");
  expect(new Set(server.store.accepted().map(({ internetMessageId }) => internetMessageId)).size).toBe(99);
});

test("a mailbox that does not exist falls through to the third-party data mailbox; one that may not be touched never does", async (context) => {
  const missing = "user8@contoso.example";
  const { server, scene } = await open(context, {
    mailboxes: [
      ...mailboxesNamed(MAILBOXES).filter(({ address }) => address !== missing),
      { address: missing, hasMailbox: false },
      { address: THIRD_PARTY },
    ],
  });
  await capture(scene.journal, 200);
  await deliverAll(scene, { kind: "inbox" });
  const catchAll = inFolder(server.store, server.store.mailbox(THIRD_PARTY)?.id ?? 0, "Inbox");
  expect(new Set(catchAll)).toEqual(
    new Set(
      ownersOf(200)
        .filter(({ mailboxes }) => mailboxes.includes(missing) || mailboxes.includes(THIRD_PARTY))
        .map(({ subject }) => subject),
    ),
  );
});

test("an application that may not touch a mailbox stops the delivery, and nothing goes elsewhere", async (context) => {
  const { server, scene } = await open(context, {
    applications: [{ ...APPLICATION, mailboxes: ["user0@contoso.example", THIRD_PARTY] }],
  });
  await capture(scene.journal, 19);
  const result = await deliverOnce(scene, { kind: "inbox" });
  expect(String(result.stopped)).toContain("ErrorAccessDenied");
  expect(inFolder(server.store, server.store.mailbox(THIRD_PARTY)?.id ?? 0, "Inbox")).toEqual([]);
  expect((await scene.journal.openIntents("chat", "m365")).length).toBe(1);
});

test("a full mailbox holds up nobody else, and gets its messages when there is room", async (context) => {
  const { server, scene } = await open(context, {});
  server.store.setMailbox({ address: "user1@contoso.example", quotaBytes: 10 });
  await capture(scene.journal, 200);
  const result = await deliverOnce(scene, { kind: "inbox" });
  expect(result.stopped).toBeUndefined();
  expect(result.postponed).toBeGreaterThan(0);
  server.store.setMailbox({ address: "user1@contoso.example", quotaBytes: 1024 ** 3 });
  await deliverAll(scene, { kind: "inbox" });
  expectAllOnce(server.store, ownersOf(200), "Inbox");
});

test("a mailbox that refuses tokens which others take holds up nobody, and gets its messages when it is reached", async (context) => {
  const onPremises = "user1@contoso.example";
  const { server, scene } = await open(context, {});
  server.faults.set("token-refused", { rate: 1, mailboxes: [onPremises] });
  await capture(scene.journal, 200);
  const result = await deliverOnce(scene, { kind: "purges" });
  expect(result.stopped).toBeUndefined();
  expect(result.postponed).toBe(ownersOf(200).filter(({ mailboxes }) => mailboxes.includes(onPremises)).length);
  expect(server.tokens.issued).toBe(1);
  const others = ownersOf(200).map(({ subject, mailboxes }) => ({
    subject,
    mailboxes: mailboxes.filter((mailbox) => mailbox !== onPremises),
  }));
  expectAllOnce(server.store, others, "Purges");
  server.faults.clear();
  await deliverAll(scene, { kind: "purges" });
  expectAllOnce(server.store, ownersOf(200), "Purges");
});

test("where every mailbox refuses every token, the delivery stops", async (context) => {
  const { server, scene } = await open(context, { faults: { "token-refused": { rate: 1 } } });
  await capture(scene.journal, 19);
  const result = await deliverOnce(scene, { kind: "inbox" });
  expect(String(result.stopped)).toContain("401");
  expect(server.tokens.issued).toBeLessThan(20);
});

interface Opened {
  server: IngestionServer;
  scene: Scene & { destination: Microsoft365Destination };
}

async function open({ onTestFinished }: TestContext, options: Partial<IngestionServerOptions>): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), "faults-"));
  const server = await openIngestionServer({
    folder: join(folder, "server"),
    applications: [APPLICATION],
    mailboxes: [...mailboxesNamed(MAILBOXES), { address: THIRD_PARTY }],
    ...options,
  });
  // Nobody gives up early on a slow machine, unless time-outs are what is shown.
  const settings = settingsFor(server.url, options.faults === undefined ? { timeoutMs: 60_000 } : {});
  const journal = openJournal(join(folder, "journal"));
  const destination = await openMicrosoft365(contextOf(Settings.parse(settings), journal, folder));
  onTestFinished(async () => {
    await destination.close();
    await journal.close();
    await server.close();
    await rm(folder, { recursive: true });
  });
  return { server, scene: { journal, destination, destinationId: "m365", clockOffsetMs: 0 } };
}
