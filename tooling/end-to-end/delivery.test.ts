import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RateLimitedError, UnavailableError } from "@hansard/core";
import {
  deliver,
  deliverAgain,
  type DeliverOptions,
  type Delivery,
  type Destination,
  type Journal,
  loadPeopleMap,
  type Outcome,
  type Receipt,
  singleEvent,
} from "@hansard/core/ingestion";
import { openJournal } from "@hansard/journal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { scenarioConnector, scenarioEvents } from "../torture/scenario-connector.ts";

const SETTINGS = {
  seed: 1,
  partitions: 1,
  events: 6,
  pageEvents: 6,
  files: false,
  unmappableEvery: 0,
  strangers: false,
};
const THIRD_PARTY = "third@here.example";
const log = { debug() {}, info() {}, warn() {}, error() {} };

let folder: string;
let journal: Journal;
let clock: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "hansard-delivery-"));
  journal = openJournal(folder);
  clock = Date.UTC(2026, 5, 1);
  await journal.openSource({ id: "source", connector: "scenario", version: "1.0.0" });
  await journal.append(
    "source",
    "p0",
    { events: scenarioEvents(SETTINGS, "p0"), claims: [{ id: "p0", events: 6 }] },
    new Date(clock),
  );
});

afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true });
});

test("each participant's mailbox gets each message once, and the books balance", async () => {
  const mailbox = new Mailboxes();
  expect(await deliver(await options(mailbox))).toMatchObject({
    messages: 6,
    copies: 18,
    quarantined: 0,
    postponed: 0,
  });
  expect(mailbox.copies()).toEqual(expectedCopies());
  expect(await books()).toMatchObject({ delivered: 6, pending: 0, unaccounted: 0 });
});

test("what is captured is delivered while its source is still being read", async () => {
  const mailbox = new Mailboxes();
  let finish: () => void = () => undefined;
  const capturing = new Promise<void>((resolve) => (finish = resolve));
  const delivering = deliver({ ...(await options(mailbox)), capturing });
  await expect.poll(() => mailbox.copies().length, { timeout: 10_000 }).toBe(18);
  await expect.poll(async () => (await books())?.delivered, { timeout: 10_000 }).toBe(6);

  const late = scenarioEvents(SETTINGS, "p1");
  await journal.append("source", "p1", { events: late, claims: [{ id: "p1", events: 6 }] }, new Date(clock));
  finish();

  expect(await delivering).toMatchObject({ messages: 12, copies: 36, postponed: 0 });
  expect(await books()).toMatchObject({ delivered: 12, pending: 0, unaccounted: 0 });
});

test("a reading that fails ends the wait for more, and what was captured is delivered", async () => {
  const mailbox = new Mailboxes();
  const capturing = Promise.reject(new Error("The source is gone."));
  expect(await deliver({ ...(await options(mailbox)), capturing })).toMatchObject({ messages: 6, copies: 18 });
});

test("a message that the destination refuses is quarantined with the reason, and the others arrive", async () => {
  const mailbox = new Mailboxes({
    outcome: ({ message }) =>
      message.subject.startsWith("Message 2 ") ? { status: "refused", reason: "It is poison." } : undefined,
  });
  await deliver(await options(mailbox));
  expect(await journal.quarantine()).toMatchObject([
    { eventKey: "p0:000002", stage: "deliver", reason: "It is poison." },
  ]);
  expect(await books()).toMatchObject({ delivered: 5, quarantined: 1, unaccounted: 0 });
});

test("what is tried again after one of its mailboxes refused it does not reach the others twice", async () => {
  const mailbox = new Mailboxes({
    outcome: ({ mailbox: to }) =>
      to === "bob@here.example" ? { status: "refused", reason: "Bob's mailbox is closed." } : undefined,
  });
  await deliver(await options(mailbox));
  const quarantined = await journal.quarantine();
  expect(quarantined).toHaveLength(6);
  const events = await journal.events(quarantined.map(({ event }) => event));

  const again = await options(new Mailboxes({}, mailbox));
  await deliverAgain(
    again,
    events.map((event) => singleEvent(event, again.preparation.connector)),
  );

  expect(mailbox.copies()).toEqual(expectedCopies());
  expect(await books()).toMatchObject({ delivered: 6, quarantined: 0, unaccounted: 0 });
});

test("a mailbox that does not exist falls through to the third-party data mailbox, with the reason", async () => {
  const mailbox = new Mailboxes({
    outcome: ({ mailbox: to }) =>
      to === "bob@here.example" ? { status: "no-mailbox", reason: "There is no Bob." } : undefined,
  });
  await deliver(await options(mailbox));
  expect(mailbox.of(THIRD_PARTY)).toBe(6);
  expect((await journal.trace(1))[0]?.results).toContainEqual(
    expect.objectContaining({ status: "redirected", reason: "There is no Bob." }),
  );
  expect(await books()).toMatchObject({ delivered: 6, unaccounted: 0 });
});

test("a denied access stops delivery and never falls through", async () => {
  const mailbox = new Mailboxes({
    outcome: ({ mailbox: to }) =>
      to === "bob@here.example"
        ? { status: "misconfigured", reason: "Access is denied.", remedy: "Grant it." }
        : undefined,
  });
  const result = await deliver(await options(mailbox));
  expect(result.stopped).toMatchObject({ kind: "settings", message: "Access is denied." });
  expect(mailbox.of(THIRD_PARTY)).toBe(0);
  const mended = new Mailboxes({}, mailbox);
  await deliver(await options(mended));
  expect(mended.copies()).toEqual(expectedCopies());
  expect(await books()).toMatchObject({ delivered: 6, pending: 0, unaccounted: 0 });
});

test("after an ambiguous answer it waits, looks, and writes only what is absent", async () => {
  let attempts = 0;
  // The first half is stored though the answer is lost; the second half is not stored.
  const mailbox = new Mailboxes({
    outcome: () =>
      (attempts += 1) <= 18
        ? { status: "unknown", reason: "The connection broke.", stored: attempts % 2 === 0 }
        : undefined,
    settleMs: 30,
  });
  const start = Date.now();
  await deliver({ ...(await options(mailbox)), clock: () => new Date() });
  expect(Date.now() - start).toBeGreaterThanOrEqual(30);
  expect(mailbox.copies()).toEqual(expectedCopies());
  expect(mailbox.doubled()).toEqual([]);
  expect(await books()).toMatchObject({ delivered: 6, unaccounted: 0 });
});

test("a crash after the hand-over is resolved by looking, at the next run", async () => {
  const mailbox = new Mailboxes({ crashAfterStoring: true });
  await expect(deliver(await options(mailbox))).rejects.toThrow("The process ends here.");
  await journal.close();
  journal = openJournal(folder);
  const next = new Mailboxes({}, mailbox);
  await deliver(await options(next));
  expect(next.copies()).toEqual(expectedCopies());
  expect(next.doubled()).toEqual([]);
});

test.each([new UnavailableError("The mailbox is moving."), new Error("The destination's library threw this.")])(
  "a mailbox of which nothing can be said is held back alone, and looked at again in the next run: %s",
  async (error) => {
    const isBob = (delivery: Delivery) => delivery.mailbox === "bob@here.example";
    const mailbox = new Mailboxes({
      outcome: (delivery) =>
        isBob(delivery) ? { status: "unknown", reason: "The connection broke.", stored: true } : undefined,
      findThrows: (delivery) => (isBob(delivery) ? error : undefined),
    });
    const result = await deliver(await options(mailbox));
    expect(result).toMatchObject({ copies: 12, postponed: 6 });
    expect(result.stopped).toBeUndefined();
    const next = new Mailboxes({}, mailbox);
    expect(await deliver(await options(next))).toMatchObject({ copies: 6, postponed: 0 });
    expect(next.copies()).toEqual(expectedCopies());
    expect(next.doubled()).toEqual([]);
  },
);

test("a run that is ended while it looks ends in peace, and the next one looks again", async () => {
  const stop = new AbortController();
  const mailbox = new Mailboxes({
    outcome: () => ({ status: "unknown", reason: "The connection broke.", stored: true }),
    findThrows: () => {
      stop.abort();
      return stop.signal.reason instanceof Error ? stop.signal.reason : undefined;
    },
  });
  const result = await deliver({ ...(await options(mailbox)), signal: stop.signal });
  expect(result).toMatchObject({ copies: 0 });
  expect(result.stopped).toBeUndefined();
  const next = new Mailboxes({}, mailbox);
  await deliver(await options(next));
  expect(next.copies()).toEqual(expectedCopies());
  expect(next.doubled()).toEqual([]);
});

test("where several of its people have no mailbox, the third-party data mailbox has one copy of a message", async () => {
  const mailbox = new Mailboxes({
    outcome: ({ mailbox: address }) =>
      address.startsWith("ann@") || address.startsWith("bob@")
        ? { status: "no-mailbox", reason: "No such mailbox." }
        : undefined,
  });
  expect(await deliver(await options(mailbox))).toMatchObject({ copies: 18, postponed: 0 });
  expect(mailbox.of(THIRD_PARTY)).toBe(6);
  expect(mailbox.doubled()).toEqual([]);
  expect(await books()).toMatchObject({ delivered: 6, pending: 0, unaccounted: 0 });
});

test("what was redirected before a crash is looked for where it went, and not written there again", async () => {
  const noBob = (delivery: Delivery): Scripted | undefined =>
    delivery.mailbox === "bob@here.example" ? { status: "no-mailbox", reason: "No such mailbox." } : undefined;
  const crashing = new Mailboxes({ outcome: noBob, crashAfterStoringIn: THIRD_PARTY });
  await expect(deliver(await options(crashing))).rejects.toThrow("The process ends here.");
  const stored = crashing.of(THIRD_PARTY);
  expect(stored).toBeGreaterThan(0);
  await journal.close();
  journal = openJournal(folder);
  const next = new Mailboxes({ outcome: noBob }, crashing);
  await deliver(await options(next));
  expect(next.of(THIRD_PARTY)).toBe(6);
  expect(next.doubled()).toEqual([]);
});

test("what must be tried again is tried when its time has come, and not before", async () => {
  let busy = true;
  const mailbox = new Mailboxes({
    outcome: () => (busy ? { status: "retry", reason: "Busy.", retryAt: new Date(clock + 60_000) } : undefined),
  });
  expect(await deliver(await options(mailbox))).toMatchObject({ copies: 0, postponed: 18 });
  busy = false;
  expect(await deliver(await options(mailbox))).toMatchObject({ copies: 0, postponed: 18 });
  clock += 61_000;
  expect(await deliver(await options(mailbox))).toMatchObject({ copies: 18 });
  expect(await books()).toMatchObject({ delivered: 6, pending: 0, unaccounted: 0 });
});

test.each([
  ["asks for patience", new RateLimitedError("Slower.", { retryAt: new Date(Date.UTC(2026, 5, 1) + 5_000) })],
  ["is down", new UnavailableError("Down.")],
])("a destination that %s as a whole loses nothing", async (_, error) => {
  const mailbox = new Mailboxes({ throws: error });
  await deliver(await options(mailbox));
  clock += 3_600_000;
  const next = new Mailboxes({}, mailbox);
  await deliver(await options(next));
  expect(next.copies()).toEqual(expectedCopies());
  expect(await books()).toMatchObject({ delivered: 6, pending: 0, unaccounted: 0 });
});

test("no mailbox has more than its share under way, and all mailboxes go on side by side", async () => {
  const mailbox = new Mailboxes({ delayMs: 5, batchDeliveries: 1 });
  await deliver(await options(mailbox));
  expect(mailbox.mostAtOnceForOne).toBeLessThanOrEqual(2);
  expect(mailbox.mostAtOnce).toBeGreaterThan(2);
});

test("a conversation's day is one transcript, made when the day is over, and late events make a supplement", async () => {
  const mailbox = new Mailboxes();
  clock = Date.UTC(2026, 0, 5, 12);
  expect(await deliver({ ...(await options(mailbox)), grouping: "conversation-day" })).toMatchObject({ messages: 0 });
  expect(await books()).toMatchObject({ pending: 6, delivered: 0, unaccounted: 0 });
  clock = Date.UTC(2026, 0, 6, 2);
  expect(await deliver({ ...(await options(mailbox)), grouping: "conversation-day" })).toMatchObject({
    messages: 1,
    copies: 3,
  });
  await journal.append(
    "source",
    "p0",
    {
      events: [
        {
          type: "Message",
          key: "late",
          occurredAt: "2026-01-05T10:00:00Z",
          data: { from: "ann@here.example", to: ["bob@here.example"], text: "Late" },
        },
      ],
    },
    new Date(clock),
  );
  await deliver({ ...(await options(mailbox)), grouping: "conversation-day" });
  expect([...mailbox.subjects()].sort()).toEqual([
    "Conversation, 2026-01-05 (1 message, supplement 1)",
    "Conversation, 2026-01-05 (6 messages)",
  ]);
  expect(await books()).toMatchObject({ delivered: 7, pending: 0, unaccounted: 0 });
});

test("what waits for its day goes out although the source is grouped no longer", async () => {
  const mailbox = new Mailboxes();
  clock = Date.UTC(2026, 0, 5, 12);
  await deliver({ ...(await options(mailbox)), grouping: "conversation-day" });
  clock = Date.UTC(2026, 0, 6, 2);
  expect(await deliver(await options(mailbox))).toMatchObject({ messages: 1 });
  expect(await books()).toMatchObject({ delivered: 6, pending: 0, unaccounted: 0 });
});

async function options(destination: Destination): Promise<DeliverOptions> {
  return {
    preparation: {
      source: "source",
      connector: scenarioConnector(SETTINGS),
      connectorVersion: "1.0.0",
      people: await loadPeopleMap({ domains: ["here.example"] }),
      policy: { thirdPartyMailbox: THIRD_PARTY },
      installation: journal.installation,
      blobs: journal.blobs,
      messageBytes: destination.limits.messageBytes,
    },
    destinationId: "mailboxes",
    destination,
    journal,
    grouping: "event",
    log,
    signal: new AbortController().signal,
    clock: () => new Date(clock),
  };
}

async function books() {
  const [first] = await journal.books();
  return first;
}

function expectedCopies(): string[] {
  return scenarioEvents(SETTINGS, "p0")
    .flatMap(({ data }) =>
      ["ann", "bob", "cem"].map((name) => `${name}@here.example ${(data as { text: string }).text}`),
    )
    .sort();
}

type Scripted = Outcome & { stored?: boolean };

interface Script {
  outcome?: (delivery: Delivery) => Scripted | undefined;
  throws?: Error;
  findThrows?: (delivery: Delivery) => Error | undefined;
  crashAfterStoringIn?: string;
  crashAfterStoring?: boolean;
  delayMs?: number;
  settleMs?: number;
  batchDeliveries?: number;
}

/** An at-least-once destination that does as it is told, and remembers what it stored. */
class Mailboxes implements Destination {
  readonly guarantee = "at-least-once" as const;
  readonly limits: Destination["limits"];
  readonly settleMs: number;
  mostAtOnce = 0;
  mostAtOnceForOne = 0;
  readonly #script: Script;
  readonly #stored: { mailbox: string; id: string; subject: string }[];
  readonly #underway = new Map<string, number>();

  constructor(script: Script = {}, earlier?: Mailboxes) {
    this.#script = script;
    this.#stored = earlier ? earlier.#stored : [];
    this.settleMs = script.settleMs ?? 0;
    this.limits = {
      messageBytes: 1_000_000,
      batchDeliveries: script.batchDeliveries ?? 4,
      batchBytes: 1_000_000,
      concurrency: 6,
      mailboxConcurrency: 2,
    };
  }

  async submit(deliveries: Delivery[]): Promise<Outcome[]> {
    if (this.#script.throws) throw this.#script.throws;
    const mailbox = deliveries[0]?.mailbox ?? "";
    this.#count(mailbox, 1);
    if (this.#script.delayMs) await new Promise((resolve) => setTimeout(resolve, this.#script.delayMs));
    const outcomes = deliveries.map((delivery): Outcome => {
      const { stored, ...scripted } =
        this.#script.outcome?.(delivery) ??
        ({ status: "accepted", receipt: receiptOf(delivery), stored: true } satisfies Scripted);
      if (stored)
        this.#stored.push({ mailbox: delivery.mailbox, id: delivery.message.id, subject: delivery.message.subject });
      return scripted;
    });
    this.#count(mailbox, -1);
    if (this.#script.crashAfterStoring || this.#script.crashAfterStoringIn === mailbox)
      throw new Error("The process ends here.");
    return outcomes;
  }

  async find(deliveries: Delivery[]): Promise<(Receipt | undefined)[]> {
    for (const delivery of deliveries) {
      const error = this.#script.findThrows?.(delivery);
      if (error) throw error;
    }
    return deliveries.map((delivery) =>
      this.#stored.some(({ mailbox, id }) => mailbox === delivery.mailbox && id === delivery.message.id)
        ? receiptOf(delivery)
        : undefined,
    );
  }

  async check(): Promise<[]> {
    return [];
  }

  async close(): Promise<void> {}

  copies(): string[] {
    return this.#stored.map(({ mailbox, subject }) => `${mailbox} ${subject}`).sort();
  }

  doubled(): string[] {
    const copies = this.copies();
    return copies.filter((copy, index) => copies.indexOf(copy) !== index);
  }

  of(mailbox: string): number {
    return this.#stored.filter((copy) => copy.mailbox === mailbox).length;
  }

  subjects(): Set<string> {
    return new Set(this.#stored.map(({ subject }) => subject));
  }

  #count(mailbox: string, change: number): void {
    this.#underway.set(mailbox, (this.#underway.get(mailbox) ?? 0) + change);
    this.mostAtOnceForOne = Math.max(this.mostAtOnceForOne, this.#underway.get(mailbox) ?? 0);
    this.mostAtOnce = Math.max(
      this.mostAtOnce,
      [...this.#underway.values()].reduce((sum, count) => sum + count, 0),
    );
  }
}

function receiptOf({ mailbox, message }: Delivery): Receipt {
  return { itemId: `${mailbox}/${message.id}`, correlationId: "request" };
}
