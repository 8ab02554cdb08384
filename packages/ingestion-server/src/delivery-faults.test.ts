import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Connector, Json, Participant } from "@hansard/core";
import { type DeliverResult, deliver, type Folder, type Journal, loadPeopleMap } from "@hansard/core/ingestion";
import { type Microsoft365Destination, openMicrosoft365, Settings } from "@hansard/destination-microsoft365";
import { openJournal } from "@hansard/journal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { APPLICATION, mailboxesNamed } from "./delivery.test.sample.ts";
import type { Fault, FaultName } from "./faults.ts";
import { type IngestionServer, type IngestionServerOptions, openIngestionServer } from "./server.ts";

// The real journal, core's own delivery and the real destination, against a server on which everything goes wrong.

const MAILBOXES = 200;
/** Each event goes to two mailboxes. */
const DELIVERIES = process.env["HANSARD_TORTURE"] ? 20_000 : 2000;
const THIRD_PARTY = "third-party@contoso.example";
const RATE = 0.05;
const ROUNDS = 20;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

let folder: string;
let server: IngestionServer;
let destination: Microsoft365Destination;
let journal: Journal;
let clockOffsetMs: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "faults-"));
  clockOffsetMs = 0;
});

afterEach(async () => {
  await destination.close();
  await journal.close();
  await server.close();
  await rm(folder, { recursive: true });
});

test(
  `with every fault on, ${DELIVERIES} deliveries to ${MAILBOXES} mailboxes: none lost, none doubled, nothing with an owner in the catch-all`,
  { timeout: 1_800_000 },
  async () => {
    await open({ faults: everyFault(RATE) });
    await capture(DELIVERIES / 2);
    const rounds = await deliverAll({ kind: "visible", path: ["Slack"] });
    await expectAllOnce(DELIVERIES / 2, "Slack");
    expect(server.tokens.issued).toBeLessThanOrEqual(server.tokens.expirations + 1);
    expect(Object.keys(server.faults.struck).length, JSON.stringify(server.faults.struck)).toBe(
      Object.keys(everyFault(RATE)).length,
    );
    expect(rounds).toBeLessThan(ROUNDS);
  },
);

test(
  "with every fault on, what goes into Purges is there once, and nothing stays in the staging folders",
  { timeout: 600_000 },
  async () => {
    await open({ faults: everyFault(RATE) });
    await capture(150);
    await deliverAll({ kind: "purges" });
    await expectAllOnce(150, "Purges");
    server.faults.clear();
    for (const { id } of server.store.mailboxes()) expect(inFolder(id, "Hansard staging")).toEqual([]);
  },
);

test(
  "a sink that commits later than it promises doubles messages, and each is reported",
  { timeout: 120_000 },
  async () => {
    await open({ faults: { "late-commit": { rate: 0.2, ms: 6000, writesOnly: true } } });
    await capture(60);
    await deliverAll({ kind: "inbox" });
    server.faults.clear();
    await new Promise((resolve) => setTimeout(resolve, 7000));
    const doubled = server.store
      .duplicates()
      .map(({ mailbox, internetMessageId }) => `${mailbox} ${internetMessageId}`);
    expect(doubled.length).toBeGreaterThan(0);
    const reported = await destination.duplicates();
    expect(reported.map(({ mailbox, messageId }) => `${mailbox} ${messageId}`).sort()).toEqual(doubled.sort());
    const findings = await destination.check();
    expect(findings.filter(({ level, message }) => level === "warning" && message.includes("times")).length).toBe(
      doubled.length,
    );
  },
);

test("one poison message among 100: 99 delivered, 1 in quarantine with the reason", async () => {
  await open({});
  await capture(100, { poison: 7 });
  await deliverAll({ kind: "inbox" });
  const quarantined = await journal.quarantine();
  expect(quarantined.map(({ eventKey }) => eventKey)).toEqual(["C1:000007"]);
  expect(quarantined[0]?.reason).toContain("ErrorPropertyValidationFailure");
  expect(new Set(server.store.accepted().map(({ internetMessageId }) => internetMessageId)).size).toBe(99);
});

test("a mailbox that does not exist falls through to the third-party data mailbox; one that may not be touched never does", async () => {
  const missing = "user8@contoso.example";
  await open({
    mailboxes: [
      ...mailboxesNamed(MAILBOXES).filter(({ address }) => address !== missing),
      { address: missing, hasMailbox: false },
      { address: THIRD_PARTY },
    ],
  });
  await capture(200);
  await deliverAll({ kind: "inbox" });
  const catchAll = inFolder(server.store.mailbox(THIRD_PARTY)?.id ?? 0, "Inbox");
  expect(new Set(catchAll)).toEqual(
    new Set(
      expectedOwners(200)
        .filter(({ mailboxes }) => mailboxes.includes(missing) || mailboxes.includes(THIRD_PARTY))
        .map(({ id }) => id),
    ),
  );
});

test("an application that may not touch a mailbox stops the delivery, and nothing goes elsewhere", async () => {
  await open({ applications: [{ ...APPLICATION, mailboxes: ["user0@contoso.example", THIRD_PARTY] }] });
  await capture(19);
  const result = await deliverOnce({ kind: "inbox" });
  expect(String(result.stopped)).toContain("ErrorAccessDenied");
  expect(inFolder(server.store.mailbox(THIRD_PARTY)?.id ?? 0, "Inbox")).toEqual([]);
  expect((await journal.openIntents("chat", "m365")).length).toBe(1);
});

test("a full mailbox holds up nobody else, and gets its messages when there is room", async () => {
  await open({});
  server.store.setMailbox({ address: "user1@contoso.example", quotaBytes: 10 });
  await capture(200);
  const result = await deliverOnce({ kind: "inbox" });
  expect(result.stopped).toBeUndefined();
  expect(result.postponed).toBeGreaterThan(0);
  server.store.setMailbox({ address: "user1@contoso.example", quotaBytes: 1024 ** 3 });
  await deliverAll({ kind: "inbox" });
  await expectAllOnce(200, "Inbox");
});

async function open(options: Partial<IngestionServerOptions>): Promise<void> {
  server = await openIngestionServer({
    folder: join(folder, "server"),
    applications: [APPLICATION],
    mailboxes: [...mailboxesNamed(MAILBOXES), { address: THIRD_PARTY }],
    ...options,
  });
  journal = openJournal(join(folder, "journal"));
  const settings = Settings.parse({
    tenantId: "contoso.example",
    clientId: APPLICATION.clientId,
    signIn: { method: "client-secret", clientSecret: APPLICATION.secret },
    authorityUrl: server.url,
    graphUrl: server.url,
    holds: { confirmed: [{ mailboxes: "*", on: new Date().toISOString().slice(0, 10), by: "an administrator" }] },
    settleMs: 2500,
    timeoutMs: 1500,
    patienceMs: 5000,
    connections: 200,
  });
  destination = await openMicrosoft365({ id: "m365", settings, blobs: journal.blobs, folder, log: quiet });
}

function everyFault(rate: number): Partial<Record<FaultName, Fault>> {
  const names = [
    "throttled",
    "throttled-without-body",
    "throttled-without-retry-after",
    "unavailable",
    "unavailable-without-body",
    "timeout-before-commit",
    "timeout-after-commit",
    "reset-before-commit",
    "reset-after-commit",
    "token-expired",
    "mailbox-moving",
  ] as const;
  const faults: Partial<Record<FaultName, Fault>> = Object.fromEntries(names.map((name) => [name, { rate }]));
  return {
    ...faults,
    "timeout-before-commit": { rate, ms: 5000 },
    "timeout-after-commit": { rate, ms: 5000 },
    "late-commit": { rate, ms: 500 },
    "search-lag": { rate, ms: 700 },
  };
}

/** Events from one of the people to another; every twentieth is between two strangers. */
async function capture(events: number, options: { poison?: number } = {}): Promise<void> {
  await journal.openSource({ id: "chat", connector: "chat", version: "1.0.0" });
  const page = Array.from({ length: events }, (_, index) => {
    const { from, to } = peopleOf(index);
    const data: Json = { from, to, text: `Event ${index}`, class: index === options.poison ? "Poison" : "Message" };
    return {
      type: "Message",
      key: `C1:${String(index).padStart(6, "0")}`,
      occurredAt: new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString(),
      data,
    };
  });
  await journal.append("chat", "all", { events: page }, new Date());
  poison = options.poison;
}

let poison: number | undefined;

function peopleOf(index: number): { from: string; to: string } {
  if (index % 20 === 19) return { from: `stranger${index}@elsewhere.example`, to: "another@elsewhere.example" };
  return { from: `user${index % MAILBOXES}@contoso.example`, to: `user${(index * 7 + 1) % MAILBOXES}@contoso.example` };
}

/** The connector: plain and pure. */
function connectorOf(): Connector {
  const Data = z.object({ from: z.string(), to: z.string(), text: z.string(), class: z.string() });
  const person = (address: string): Participant => ({ id: address, name: address.split("@")[0] ?? address, address });
  const map = ({ data, occurredAt }: { data: Json; occurredAt: string }) => {
    const { from, to, text } = Data.parse(data);
    return {
      from: person(from),
      to: [person(to)],
      date: occurredAt,
      subject: text,
      text: `${text}\n${"words ".repeat(100)}`,
    };
  };
  return {
    contractVersion: 1,
    id: "chat",
    source: "Chat",
    title: "Chat",
    settings: z.object({}),
    checkpoint: z.object({}),
    captures: {
      edits: "not-reported",
      deletes: "not-reported",
      attachments: "none",
      reactions: "none",
      participants: "current",
      history: "All",
    },
    events: { Message: map, Other: map },
    async *read() {},
  };
}

async function deliverOnce(target: Folder): Promise<DeliverResult> {
  const people = await loadPeopleMap({
    directory: (address) =>
      address.endsWith("@contoso.example") ? Promise.resolve(address) : Promise.resolve(undefined),
  });
  return deliver({
    preparation: {
      source: "chat",
      connector: connectorOf(),
      connectorVersion: "1.0.0",
      people: people.forSource("chat"),
      policy: { folder: target, thirdPartyMailbox: THIRD_PARTY },
      installation: journal.installation,
      blobs: journal.blobs,
      messageBytes: destination.limits.messageBytes,
    },
    destinationId: "m365",
    destination: poison === undefined ? destination : poisoned(destination),
    journal,
    grouping: "event",
    log: quiet,
    signal: new AbortController().signal,
    clock: () => new Date(Date.now() + clockOffsetMs),
  });
}

/** Gives one message a class that no server takes. */
function poisoned(inner: Microsoft365Destination): Microsoft365Destination {
  return {
    ...inner,
    submit: (deliveries, options) =>
      inner.submit(
        deliveries.map((delivery) =>
          delivery.message.subject === `Event ${poison}`
            ? { ...delivery, message: { ...delivery.message, messageClass: "IPM.NOTE.Chat.Wrong." } }
            : delivery,
        ),
        options,
      ),
  };
}

/** As a runner does: again and again, until nothing is open. Gives the number of rounds. */
async function deliverAll(target: Folder): Promise<number> {
  const said: string[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const { stopped, postponed } = await deliverOnce(target);
    if (stopped !== undefined && !/unavailable|cannot be said/i.test(String(stopped))) throw stopped;
    if (postponed === 0 && stopped === undefined && (await journal.openIntents("chat", "m365")).length === 0)
      return round;
    said.push(`${postponed} ${String(stopped ?? "")}`);
    clockOffsetMs += 3_600_000;
  }
  throw new Error(`The deliveries do not come to an end: ${said.join(" | ")}`);
}

function expectedOwners(events: number): { id: string; mailboxes: string[] }[] {
  const bySubject = new Map(
    server.store.accepted().map(({ item, internetMessageId }) => [server.store.item(item)?.subject, internetMessageId]),
  );
  return Array.from({ length: events }, (_, index) => {
    const { from, to } = peopleOf(index);
    const mailboxes = [...new Set([from, to])].filter((address) => address.endsWith("@contoso.example"));
    return {
      id: bySubject.get(`Event ${index}`) ?? `Event ${index}`,
      mailboxes: mailboxes.length === 0 ? [THIRD_PARTY] : mailboxes,
    };
  });
}

/** Every message in each of its owners' folders, once, and nowhere else. */
async function expectAllOnce(events: number, folderName: string): Promise<void> {
  const expected = new Map<string, string[]>();
  for (const { id, mailboxes } of expectedOwners(events))
    for (const mailbox of mailboxes) expected.set(mailbox, [...(expected.get(mailbox) ?? []), id]);
  for (const { id, address } of server.store.mailboxes()) {
    const stored = inFolder(id, address === THIRD_PARTY ? "Inbox" : folderName);
    expect(stored.sort(), address).toEqual((expected.get(address) ?? []).sort());
  }
}

function inFolder(mailbox: number, name: string): string[] {
  const { store } = server;
  const roots = [
    store.wellKnownFolder(mailbox, "msgfolderroot"),
    store.wellKnownFolder(mailbox, "recoverableitemsroot"),
  ];
  const found = roots.flatMap(({ id }) => store.childFolders(mailbox, id)).find((one) => one.name === name);
  return found === undefined
    ? []
    : store
        .findItems({ mailbox, folder: found.id, limit: 100_000 })
        .items.map(({ internetMessageId }) => internetMessageId);
}
