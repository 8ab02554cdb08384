import type { Finding } from "@hansard/core";
import type { Destination, Outcome } from "@hansard/core/ingestion";
import { openExchangeDestination, Settings } from "@hansard/destination-exchange";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestEws, recordingLog, settingsFor, type TestEws, THIRD_PARTY } from "./ews.test.support.ts";
import { ALICE, blobs, BOB, sample } from "./ews-sample.test.support.ts";

// EWS does not tell of holds: that one was removed shows in what Purges no longer has.

const signal = new AbortController().signal;
let ews: TestEws;

beforeEach(async () => {
  ews = await openTestEws({ mailboxes: [BOB, ALICE, THIRD_PARTY].map((address) => ({ address })) });
  ews.store.setRetention(0);
});

afterEach(() => ews.close());

/** As a run or a check of its own does. */
async function inRun<Result>(work: (destination: Destination) => Promise<Result>, settings: object = {}) {
  const destination = await openExchangeDestination({
    id: "exchange",
    settings: Settings.parse(settingsFor(ews, { settleMs: 0, ...settings })),
    blobs,
    folder: ews.folder,
    log: recordingLog(),
    routing: { thirdPartyMailbox: THIRD_PARTY, folder: { kind: "purges" } },
  });
  try {
    return await work(destination);
  } finally {
    await destination.close();
  }
}

async function submitted(number: number, mailbox = BOB, settings = {}): Promise<Outcome | undefined> {
  const delivery = await sample(number, { mailbox });
  const outcomes = await inRun((destination) => destination.submit([delivery], { signal }), settings);
  return outcomes[0];
}

function errorsOf(findings: Finding[]): Finding[] {
  return findings.filter(({ level }) => level === "error");
}

test("a hold that was removed is noticed by the next run before it writes there, and by check", async () => {
  expect((await submitted(1))?.status).toBe("accepted");
  expect((await submitted(2, ALICE))?.status).toBe("accepted");
  const findings = await inRun((destination) => destination.check());
  expect(errorsOf(findings)).toEqual([]);
  expect(findings.at(-1)?.message).toContain("2 messages in as many mailboxes");
  ews.store.setMailbox({ address: BOB, onHold: false });
  expect(await submitted(3)).toMatchObject({
    status: "no-hold",
    reason: expect.stringContaining("hold was removed"),
    remedy: expect.stringContaining(`-Identity ${BOB} -LitigationHoldEnabled $true`),
  });
  expect((await submitted(4, ALICE))?.status).toBe("accepted");
  expect(errorsOf(await inRun((destination) => destination.check()))).toMatchObject([
    { message: expect.stringContaining(`${BOB} did not keep`) },
  ]);
});

test("check alone notices it, and the mailbox is believed again when an administrator has looked since", async () => {
  await submitted(1);
  ews.store.setMailbox({ address: BOB, onHold: false });
  expect(errorsOf(await inRun((destination) => destination.check()))).toHaveLength(1);
  ews.store.setMailbox({ address: BOB, onHold: true });
  const confirmed = [{ mailboxes: [BOB], on: new Date().toISOString(), by: "Anna" }];
  expect((await submitted(2, BOB, { holds: { confirmed } }))?.status).toBe("accepted");
  expect((await submitted(3, BOB, { holds: { confirmed } }))?.status).toBe("accepted");
  expect(errorsOf(await inRun((destination) => destination.check(), { holds: { confirmed } }))).toEqual([]);
});

test("a server that cannot say so now does not put a hold in doubt, and check says that it could not see", async () => {
  await submitted(1);
  ews.faults.set("unavailable", { rate: 1 });
  const hurried = { patienceMs: 10, timeoutMs: 500 };
  const outcome = await submitted(2, BOB, hurried);
  expect(outcome?.status).toBe("retry");
  const findings = await inRun((destination) => destination.check(), hurried);
  expect(findings.at(-1)).toMatchObject({ level: "warning", message: expect.stringContaining("could not be seen") });
  ews.faults.clear();
  expect((await submitted(2))?.status).toBe("accepted");
});

test("a message that a search does not show yet does not put a hold in doubt", async () => {
  ews.faults.set("search-lag", { rate: 1, ms: 60_000 });
  expect((await submitted(1, BOB, { settleMs: 60_000 }))?.status).toBe("accepted");
  expect((await submitted(2, BOB, { settleMs: 60_000 }))?.status).toBe("accepted");
});
