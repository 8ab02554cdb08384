import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, type TestContext } from "vitest";
import { capture, deliverAll, everyFault, MAILBOXES, ownersOf } from "./delivery.test.support.ts";
import { type EwsScene, ewsServerOptions, HURRIED, openEwsScene, PROFILES } from "./ews-scene.test.support.ts";
import { type IngestionServer, type IngestionServerOptions, openIngestionServer } from "./server.ts";
import { expectAllOnce } from "./stored.test.support.ts";

// The real journal, core's own delivery and the real destination, against a server on which everything goes wrong.

const IS_LONG = process.env["HANSARD_TORTURE"] !== undefined;
/** Each event goes to two mailboxes. */
const DELIVERIES = IS_LONG ? 20_000 : 800;
const ROUNDS = 60;
const RATE = 0.05;

// Each test has a server of its own, and mostly waits.
(IS_LONG ? describe : describe.concurrent).each(PROFILES)("%s", (profile) => {
  async function open(
    { onTestFinished }: TestContext,
    options: Partial<IngestionServerOptions> = {},
    settings: object = {},
  ): Promise<{ server: IngestionServer; scene: EwsScene }> {
    const folder = await mkdtemp(join(tmpdir(), "ews-faults-"));
    const server = await openIngestionServer(ewsServerOptions(folder, profile, options));
    const scene = await openEwsScene(server.url, folder, profile, settings);
    onTestFinished(async () => {
      await scene.close();
      await server.close();
      await rm(folder, { recursive: true });
    });
    return { server, scene };
  }

  test(
    `with every fault on, ${DELIVERIES} deliveries to ${MAILBOXES} mailboxes: none lost, none doubled, nothing with an owner in the catch-all, one token for each that expired`,
    { timeout: 3_600_000 },
    async (context) => {
      const { server, scene } = await open(context, { faults: everyFault(RATE) }, HURRIED);
      await capture(scene.journal, DELIVERIES / 2);
      await deliverAll(scene, { kind: "purges" }, ROUNDS);
      // What was written last may not be seen yet, and what was given up may still be stored.
      await sleep(2000);
      expect(Object.keys(server.faults.struck).sort(), JSON.stringify(server.faults.struck)).toEqual(
        Object.keys(everyFault(RATE)).sort(),
      );
      expectAllOnce(server.store, ownersOf(DELIVERIES / 2), "Purges");
      expect(server.store.duplicates()).toEqual([]);
      expect(server.tokens.issued).toBeLessThanOrEqual(server.tokens.expirations + 1);
      expect(await scene.journal.quarantine()).toEqual([]);
    },
  );

  test(
    "a sink that commits later than it promises doubles messages, and each is reported in the log, the file and `check`",
    { timeout: 120_000 },
    async (context) => {
      const { server, scene } = await open(
        context,
        { faults: { "late-commit": { rate: 0.2, ms: 1500, writesOnly: true } } },
        { settleMs: 400 },
      );
      await capture(scene.journal, 60);
      await deliverAll(scene, { kind: "inbox" }, ROUNDS);
      server.faults.clear();
      await sleep(2000);
      await scene.destination.close();
      const doubled = server.store
        .duplicates()
        .map(({ mailbox, internetMessageId }) => `${mailbox} ${internetMessageId}`);
      expect(doubled.length).toBeGreaterThan(0);
      const reported = scene.log.logged
        .filter(({ message }) => message.startsWith("A message is in a mailbox more than once"))
        .map(({ details }) => `${String(details["mailbox"])} ${String(details["messageId"])}`);
      expect(reported.sort()).toEqual(doubled.sort());
      const findings = await (await scene.open("exchange", {})).check();
      expect(findings.find(({ message }) => message.includes("more than once"))).toMatchObject({
        level: "warning",
        message: expect.stringContaining(`${doubled.length} messages`),
        remedy: expect.stringContaining("settleMs"),
      });
    },
  );

  test(
    "one poison message among 100: 99 delivered, 1 in quarantine with the reason",
    { timeout: 60_000 },
    async (context) => {
      const { server, scene } = await open(context);
      await capture(scene.journal, 100);
      scene.poison = 57;
      await deliverAll(scene, { kind: "inbox" }, ROUNDS);
      const quarantined = await scene.journal.quarantine();
      expect(quarantined.map(({ eventKey }) => eventKey)).toEqual(["C1:000057"]);
      expect(quarantined[0]?.reason).toContain(
        profile === "exchange"
          ? "ErrorItemSavePropertyError: The item class is not valid."
          : '"IPM.NOTE.Chat.Wrong." is not IPM.NOTE.Source.Event',
      );
      expectAllOnce(
        server.store,
        ownersOf(100).filter(({ subject }) => subject !== "Event 57"),
        "Inbox",
      );
    },
  );
});
