import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mailboxesNamed } from "./delivery.test.sample.ts";
import {
  capture,
  deliverAll,
  deliverOnce,
  MAILBOXES,
  ownersOf,
  STRANGER,
  THIRD_PARTY,
} from "./delivery.test.support.ts";
import { type EwsScene, ewsServerOptions, openEwsScene, type Profile } from "./ews-scene.test.support.ts";
import { ACCOUNT } from "./ews.test.support.ts";
import { type IngestionServer, type IngestionServerOptions, openIngestionServer } from "./server.ts";
import { expectAllOnce, inFolder } from "./stored.test.support.ts";

// Who gets what through EWS, by core's own delivery, the real journal and the real destination.

let folder: string;
let server: IngestionServer;
let scene: EwsScene;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ews-deliver-"));
});

afterEach(async () => {
  await scene.close();
  await server.close();
  await rm(folder, { recursive: true });
});

async function open(profile: Profile, options: Partial<IngestionServerOptions> = {}): Promise<void> {
  server = await openIngestionServer(ewsServerOptions(folder, profile, options));
  scene = await openEwsScene(server.url, folder, profile);
}

test("a mailbox that is not there falls through to the third-party data mailbox", async () => {
  const missing = "user8@contoso.example";
  await open("exchange", {
    mailboxes: [
      ...mailboxesNamed(MAILBOXES).filter(({ address }) => address !== missing),
      { address: missing, hasMailbox: false },
      { address: THIRD_PARTY },
    ],
  });
  await capture(scene.journal, 200);
  await deliverAll(scene, { kind: "purges" });
  const catchAll = inFolder(server.store, server.store.mailbox(THIRD_PARTY)?.id ?? 0, "Inbox");
  const expected = ownersOf(200).filter(({ mailboxes }) =>
    [missing, THIRD_PARTY].some((one) => mailboxes.includes(one)),
  );
  expect(catchAll.sort()).toEqual(expected.map(({ subject }) => subject).sort());
});

test("nothing goes into Purges of a mailbox of which nobody says that it is on hold: one copy is parked", async () => {
  await open("exchange");
  await capture(scene.journal, 19);
  const unheld = "user1@contoso.example";
  const held = mailboxesNamed(MAILBOXES).flatMap(({ address }) => (address === unheld ? [] : [address]));
  const confirmed = [{ mailboxes: held, on: new Date().toISOString().slice(0, 10), by: "an administrator" }];
  const doubtful = await scene.open("doubtful", { holds: { confirmed } });
  expect(doubtful.holdDoubt?.(unheld)?.reason).toContain("No administrator has confirmed");
  await deliverAll({ ...scene, destination: doubtful, destinationId: "doubtful" }, { kind: "purges" });
  const of = (address: string, folder: string) =>
    inFolder(server.store, server.store.mailbox(address)?.id ?? 0, folder).sort();
  expect(of(unheld, "Purges")).toEqual([]);
  expect(of(THIRD_PARTY, "Inbox")).toEqual(["Event 0", "Event 1"]);
  expect(of("user8@contoso.example", "Purges")).toEqual(["Event 1", "Event 8"]);
  await doubtful.close();
});

test("an account that may not impersonate stops the delivery, and nothing goes elsewhere", async () => {
  await open("exchange", { ews: { accounts: [{ ...ACCOUNT, mayImpersonate: false }] } });
  await capture(scene.journal, 19);
  const { user, password } = ACCOUNT;
  const denied = await scene.open("denied", { signIn: { method: "basic", user, password } });
  const { stopped, copies } = await deliverOnce(
    { ...scene, destination: denied, destinationId: "denied" },
    { kind: "purges" },
  );
  expect(String(stopped)).toContain("ErrorImpersonateUserDenied");
  expect(stopped).toMatchObject({ remedy: expect.stringContaining("New-ManagementRoleAssignment") });
  expect(copies).toBe(0);
  expect(server.store.accepted()).toEqual([]);
  await denied.close();
});

test(
  "the partner profile: one sender without a mailbox among 100 fails whole requests, is found by halves, and 99 go through",
  { timeout: 60_000 },
  async () => {
    const { user, password } = { user: THIRD_PARTY, password: "third" };
    await open("partner-ingestion", {
      ews: { accounts: [{ user, password, mailbox: THIRD_PARTY, isAdministrator: true }] },
    });
    // Every twentieth event is a stranger's; of these all but one have an active mailbox.
    await capture(scene.journal, 100);
    scene.senders = new Map([[59, "gone@elsewhere.example"]]);
    const partner = await scene.open("exchange", { signIn: { method: "basic", user, password } });
    await deliverAll({ ...scene, destination: partner }, { kind: "purges" });
    const [quarantined, ...more] = await scene.journal.quarantine();
    expect(more).toEqual([]);
    expect(quarantined?.eventKey).toBe("C1:000059");
    expect(quarantined?.reason).toContain("You will need to resend your entire Request");
    expectAllOnce(
      server.store,
      ownersOf(100).filter(({ subject }) => subject !== "Event 59"),
      "Purges",
    );
    expect(server.store.duplicates()).toEqual([]);
    const ids = scene.log.logged.flatMap(({ details }) => details["x-IngestionCorrelationID"] ?? []);
    expect(ids.length).toBeGreaterThan(2);
    for await (const { results } of scene.journal.intents("chat", "exchange")) {
      for (const result of results)
        if (result.status === "delivered") expect(ids).toContain(result.receipt.correlationId);
    }
    await partner.close();
  },
);

test(
  "the partner profile tells an expired token from a sender without a mailbox, and fetches one token for it",
  { timeout: 60_000 },
  async () => {
    await open("partner-ingestion", { faults: { "token-expired": { rate: 1, times: 1 } } });
    server.store.removeMailbox(STRANGER);
    await capture(scene.journal, 60);
    await deliverAll(scene, { kind: "purges" });
    expect(server.faults.struck).toEqual({ "token-expired": 1 });
    expect(server.tokens.issued).toBe(2);
    expect((await scene.journal.quarantine()).map(({ eventKey }) => eventKey).sort()).toEqual([
      "C1:000019",
      "C1:000039",
      "C1:000059",
    ]);
  },
);
