import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Connector, UnavailableError } from "@hansard/core";
import {
  deliver,
  type DeliverOptions,
  type Delivery,
  type Destination,
  type Journal,
  loadPeopleMap,
  type Outcome,
  reroute,
} from "@hansard/core/ingestion";
import { openJournal } from "@hansard/journal";
import { afterEach, beforeEach, expect, test } from "vitest";

// One message from Ann to Bob. However its runs end, the third-party data mailbox gets one copy, and it is counted once.

const [ANN, BOB, THIRD] = ["ann@here.example", "bob@here.example", "third@here.example"];
const INBOX = `${THIRD}/Inbox`;
const CONNECTOR = {
  id: "letters",
  source: "Letters",
  events: {
    Other: ({ occurredAt }: { occurredAt: string }) => ({
      date: occurredAt,
      from: { id: "A", name: "Ann", address: ANN },
      to: [{ id: "B", name: "Bob", address: BOB }],
      subject: "Letter",
      text: "Hello.",
    }),
  },
} as unknown as Connector;

let folder: string;
let journal: Journal;
/** The mailboxes that copies are in, the oldest first. */
let stored: string[];
/** How often each mailbox was written to. */
let tries: Map<string, number>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "hansard-parked-"));
  journal = openJournal(folder);
  [stored, tries] = [[], new Map()];
  await journal.openSource({ id: "source", connector: "letters", version: "1.0.0" });
  const event = { type: "Other", key: "1", occurredAt: "2026-01-01T00:00:00Z", data: {} };
  await journal.append("source", "p0", { events: [event] }, new Date());
});

afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true });
});

test("where a killed run's copy appears late, nobody else's is written beside it", async () => {
  const settleMs = 1500;
  const first = destination((to, attempt) => {
    if (to === ANN) return noMailbox();
    if (to === BOB) return attempt === 1 ? busy() : noMailbox();
    setTimeout(() => stored.push(to), 700);
    throw new Error("The process ends here.");
  }, settleMs);
  await expect(deliver(await options(first))).rejects.toThrow("The process ends here.");
  const second = destination((to) => (to === THIRD ? accepted(to) : noMailbox()), settleMs);
  await deliver(await options(second));
  await sleep(settleMs);
  expect(stored).toEqual([THIRD]);
  await expectBooked({ [INBOX]: 1 });
});

test("what the third-party data mailbox is to try again has no second copy beside it", async () => {
  const busyOnce = destination((to, attempt) => {
    if (to === ANN) return noMailbox();
    return attempt === 1 ? busy() : accepted(to);
  });
  await untilDone(busyOnce, waitingForBob);
  expect(stored).toEqual([THIRD]);
  await expectBooked({ [INBOX]: 1 });
});

test("where the third-party data mailbox may have its copy and cannot say so, no other is written", async () => {
  let isMoving = true;
  const mailboxes = destination((to, attempt) => {
    if (to === ANN) return noMailbox();
    const outcome = accepted(to);
    return attempt === 1 ? { status: "unknown", reason: "The connection broke." } : outcome;
  });
  const moving: Destination = {
    ...mailboxes,
    find: async (deliveries, more) => {
      if (isMoving) throw new UnavailableError("The mailbox is moving.");
      return mailboxes.find(deliveries, more);
    },
  };
  await deliver(await options(moving, waitingForBob));
  expect(stored).toEqual([THIRD]);
  isMoving = false;
  await untilDone(moving, waitingForBob);
  expect(stored).toEqual([THIRD]);
  await expectBooked({ [INBOX]: 1 });
});

test("a copy that serves two is one in all that is said of it, and leaves as one when both have mailboxes", async () => {
  const without = destination((to) => (to === THIRD ? accepted(to) : noMailbox()));
  expect(await deliver(await options(without))).toMatchObject({
    parked: [
      { mailbox: ANN, why: "no-mailbox", copies: 1, shared: 0 },
      { mailbox: BOB, why: "no-mailbox", copies: 1, shared: 1 },
    ],
  });
  await expectBooked({ [INBOX]: 1 });
  const withdrawn: string[] = [];
  const withBoth: Destination = {
    ...destination(accepted),
    resolve: async (address) => address,
    withdraw: async (copies) => void withdrawn.push(...copies.map(({ mailbox }) => mailbox)),
  };
  expect(await reroute(await options(withBoth))).toMatchObject({ copies: 2, withdrawn: 1 });
  expect(withdrawn).toEqual([THIRD]);
  await expectBooked({ [`${ANN}/Inbox`]: 1, [`${BOB}/Inbox`]: 1 });
});

test("what the third-party data mailbox refuses is not waited for", async () => {
  const refusing = destination((to) => (to === ANN ? noMailbox() : { status: "refused", reason: "It is too large." }));
  expect(await deliver(await options(refusing, waitingForBob))).toMatchObject({ quarantined: 2, postponed: 0 });
});

test("a third-party data mailbox that is not there is said to be missing, and is not waited for", async () => {
  await untilDone(destination(noMailbox), waitingForBob);
  const remedy = expect.stringContaining("Create the third-party data mailbox");
  expect(await journal.quarantine()).toMatchObject([{ remedy }]);
  expect(await journal.books()).toMatchObject([{ quarantined: 1, pending: 0, unaccounted: 0 }]);
});

const waitingForBob = { isHoldUnproven: (mailbox: string) => mailbox === BOB };

/** Later and later, until nothing is left to be done. */
async function untilDone(to: Destination, policy: object = {}): Promise<void> {
  for (let hours = 0; hours < 4; hours += 1) {
    const late = () => new Date(Date.now() + hours * 3_600_000);
    await deliver({ ...(await options(to, policy)), clock: late });
  }
}

async function expectBooked(byMailbox: Record<string, number>): Promise<void> {
  const [status] = await journal.status();
  expect(status?.destinations["mailboxes"]?.byMailbox).toEqual(byMailbox);
  expect(await journal.books()).toMatchObject([{ delivered: 1, pending: 0, unaccounted: 0 }]);
}

async function options(to: Destination, policy: object = { folder: { kind: "inbox" } }): Promise<DeliverOptions> {
  return {
    preparation: {
      source: "source",
      connector: CONNECTOR,
      connectorVersion: "1.0.0",
      people: await loadPeopleMap({ domains: ["here.example"] }),
      policy: { thirdPartyMailbox: THIRD, ...policy },
      installation: journal.installation,
      blobs: journal.blobs,
      messageBytes: to.limits.messageBytes,
    },
    destinationId: "mailboxes",
    destination: to,
    journal,
    grouping: "event",
    log: { debug() {}, info() {}, warn() {}, error() {} },
    signal: new AbortController().signal,
  };
}

/** Mailboxes that answer as they are told, and that are looked up by what they have stored. */
function destination(answer: (mailbox: string, attempt: number) => Outcome, settleMs = 0): Destination {
  return {
    guarantee: "at-least-once",
    limits: {
      messageBytes: 1_000_000,
      batchDeliveries: 4,
      batchBytes: 1_000_000,
      concurrency: 4,
      mailboxConcurrency: 1,
    },
    settleMs,
    check: async () => [],
    close: async () => undefined,
    submit: async (deliveries: Delivery[]) =>
      deliveries.map(({ mailbox }) => {
        const attempt = (tries.get(mailbox) ?? 0) + 1;
        tries.set(mailbox, attempt);
        return answer(mailbox, attempt);
      }),
    find: async (deliveries: Delivery[]) =>
      deliveries.map(({ mailbox }) =>
        stored.includes(mailbox) ? { itemId: mailbox, correlationId: "look-up" } : undefined,
      ),
  };
}

function accepted(mailbox: string): Outcome {
  stored.push(mailbox);
  return { status: "accepted", receipt: { itemId: mailbox, correlationId: "request" } };
}

function noMailbox(): Outcome {
  return { status: "no-mailbox", reason: "There is no such mailbox." };
}

function busy(): Outcome {
  return { status: "retry", reason: "Busy.", retryAt: new Date() };
}
