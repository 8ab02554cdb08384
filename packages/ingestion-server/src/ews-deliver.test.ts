import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { connector as slack } from "@hansard/connector-slack";
import type { Connector, Json, MessageDraft, Participant } from "@hansard/core";
import {
  capture,
  deliver,
  type DeliverResult,
  type Destination,
  type Folder,
  type Journal,
  loadPeopleMap,
  type PeopleMapOptions,
} from "@hansard/core/ingestion";
import { openExchangeDestination, Settings } from "@hansard/destination-exchange";
import { openJournal } from "@hansard/journal";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import {
  ACCOUNT,
  APPLICATION,
  openTestEws,
  recordingLog,
  settingsFor,
  TENANT,
  type TestEws,
  THIRD_PARTY,
} from "./ews.test.support.ts";
import type { Fault, FaultName } from "./faults.ts";
import type { EwsOptions } from "./ews.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readBody, sendAnswer } from "./server-http.ts";

// The real journal, core's own delivery and the real destination, against a server on which everything can go wrong.

const MAILBOXES = 200;
const RATE = 0.05;
const ROUNDS = 60;
/** Each event has two owners. */
const DELIVERIES = process.env["HANSARD_TORTURE"] ? 20_000 : 2_000;
const EXPORT = join(import.meta.dirname, "../../../../shared/data/slack-community-export.zip");

interface Bench {
  ews: TestEws;
  journal: Journal;
  destination: Destination;
  log: ReturnType<typeof recordingLog>;
  authorityUrl: string;
  close(): Promise<void>;
}

let bench: Bench;

afterEach(() => bench.close());

interface OpenOptions {
  mailboxes?: string[];
  settings?: object;
  faults?: Partial<Record<FaultName, Fault>>;
  ews?: EwsOptions;
}

async function open({
  mailboxes = people(),
  settings = {},
  faults = {},
  ews: ewsOptions = {},
}: OpenOptions): Promise<Bench> {
  const ews = await openTestEws({
    mailboxes: [...mailboxes, THIRD_PARTY, ACCOUNT.mailbox].map((address) => ({ address })),
    faults,
    ews: ewsOptions,
  });
  const authority = createServer((request, response) => {
    const tenant = (request.url ?? "").split("/")[1] ?? "";
    const host = `http://127.0.0.1:${(authority.address() as AddressInfo).port}`;
    void readBody(request, 65_536).then((body) =>
      sendAnswer(response, ews.tokens.answer(tenant, new URLSearchParams(body.toString()), host)),
    );
  });
  await new Promise<void>((resolve) => authority.listen(0, "127.0.0.1", resolve));
  const authorityUrl = `http://127.0.0.1:${(authority.address() as AddressInfo).port}`;
  const signIn = {
    method: "client-secret",
    tenantId: TENANT.domain,
    clientId: APPLICATION.clientId,
    clientSecret: APPLICATION.secret,
    authorityUrl,
  };
  const log = recordingLog();
  const journal = openJournal(join(ews.folder, "journal"));
  const folder = join(ews.folder, "destination");
  mkdirSync(folder);
  const parsed = Settings.parse(
    settingsFor(ews, { signIn, timeoutMs: 1_500, settleMs: 2_500, patienceMs: 3_000, ...settings }),
  );
  const destination = await openExchangeDestination({
    id: "exchange",
    settings: parsed,
    blobs: journal.blobs,
    folder,
    log,
  });
  return {
    ews,
    journal,
    destination,
    log,
    authorityUrl,
    async close() {
      await destination.close();
      await journal.close();
      authority.closeAllConnections();
      authority.close();
      await ews.close();
    },
  };
}

function people(): string[] {
  return Array.from({ length: MAILBOXES }, (_, index) => `user${index}@contoso.example`);
}

test(
  `with every fault on, ${DELIVERIES} deliveries to ${MAILBOXES} mailboxes: none lost, none doubled, nothing with an owner in the catch-all`,
  { timeout: 1_800_000 },
  async () => {
    bench = await open({ faults: everyFault(RATE) });
    await captureChat(DELIVERIES / 2);
    await deliverAll(chat, { kind: "purges" });
    // What was written last may not be seen yet, and what was given up may still be stored.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const { store, faults, tokens } = bench.ews;
    expect(Object.keys(faults.struck).sort(), JSON.stringify(faults.struck)).toEqual(
      Object.keys(everyFault(RATE)).sort(),
    );
    expect(store.duplicates()).toEqual([]);
    for (const address of people())
      expect(subjectsIn(address, "recoverableitemspurges"), address).toEqual(expectedFor(address, DELIVERIES / 2));
    expect(subjectsIn(THIRD_PARTY, "inbox")).toEqual(expectedFor(THIRD_PARTY, DELIVERIES / 2));
    expect(tokens.issued).toBeLessThanOrEqual(tokens.expirations + 1);
    expect(await bench.journal.quarantine()).toEqual([]);
  },
);

test(
  "one poison message among 100: 99 are delivered and 1 is in quarantine with the reason",
  { timeout: 60_000 },
  async () => {
    bench = await open({ mailboxes: ["user0@contoso.example", "user1@contoso.example"] });
    await captureChat(100, { owner: "user0@contoso.example" });
    const inner = bench.destination;
    const poisoned: Destination = {
      ...inner,
      submit: (deliveries, options) =>
        inner.submit(
          deliveries.map((delivery) =>
            delivery.message.subject === "Event 57"
              ? { ...delivery, message: { ...delivery.message, messageClass: "Wrong." } }
              : delivery,
          ),
          options,
        ),
    };
    await deliverAll(chat, { kind: "inbox" }, poisoned);
    const quarantined = await bench.journal.quarantine();
    expect(quarantined).toHaveLength(1);
    expect(quarantined[0]?.reason).toContain("ErrorItemSavePropertyError: The item class is not valid.");
    expect(subjectsIn("user0@contoso.example", "inbox")).toHaveLength(99);
    expect(bench.ews.store.duplicates()).toEqual([]);
  },
);

test("a sink that commits later than it promises: each duplicate is reported", { timeout: 60_000 }, async () => {
  bench = await open({
    mailboxes: ["user0@contoso.example"],
    settings: { settleMs: 200 },
    faults: { "late-commit": { rate: 1, ms: 700, times: 3, writesOnly: true } },
  });
  await captureChat(40, { owner: "user0@contoso.example" });
  await deliverAll(chat, { kind: "inbox" });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await bench.destination.close();
  const doubled = bench.ews.store.duplicates().map(({ internetMessageId }) => internetMessageId);
  const reported = bench.log.logged
    .filter(({ message }) => message.startsWith("A message is in a mailbox more than once"))
    .map(({ details }) => details["messageId"]);
  expect(doubled.length).toBeGreaterThan(0);
  expect([...new Set(reported)].sort()).toEqual(doubled.sort());
});

test(
  "a mailbox that is not there falls through to the third-party data mailbox, and access denied stops delivery",
  { timeout: 60_000 },
  async () => {
    bench = await open({
      mailboxes: ["user1@contoso.example"],
      ews: { accounts: [{ ...ACCOUNT, mayImpersonate: false }] },
    });
    await captureChat(10, { owner: "user0@contoso.example" });
    await deliverAll(chat, { kind: "purges" });
    expect(subjectsIn(THIRD_PARTY, "inbox")).toHaveLength(10);
    const { user, password } = ACCOUNT;
    const denied = await openExchangeDestination({
      id: "denied",
      settings: Settings.parse(settingsFor(bench.ews, { signIn: { method: "basic", user, password } })),
      blobs: bench.journal.blobs,
      folder: bench.ews.folder,
      log: bench.log,
    });
    const { stopped, copies } = await deliverOnce(chat, { kind: "purges" }, denied, "denied");
    expect(String(stopped)).toContain("ErrorImpersonateUserDenied");
    expect(stopped).toMatchObject({ remedy: expect.stringContaining("New-ManagementRoleAssignment") });
    expect(copies).toBe(0);
    await denied.close();
  },
);

test(
  "the partner profile: a sender without a mailbox fails the whole request, is found by halves, and the rest goes through",
  { timeout: 60_000 },
  async () => {
    const { user, password } = { user: THIRD_PARTY, password: "third" };
    bench = await open({
      mailboxes: ["user0@contoso.example"],
      ews: { accounts: [{ user, password, mailbox: THIRD_PARTY, isAdministrator: true }] },
    });
    const partner = await openPartner({ method: "basic", user, password });
    await captureChat(40, { owner: "user0@contoso.example", strangerAt: 17 });
    await deliverAll(chat, { kind: "purges" }, partner);
    expect(subjectsIn("user0@contoso.example", "recoverableitemspurges")).toHaveLength(39);
    const [quarantined, ...more] = await bench.journal.quarantine();
    expect(more).toEqual([]);
    expect(quarantined?.reason).toContain("You will need to resend your entire Request");
    expect(bench.ews.store.duplicates()).toEqual([]);
    const ids = bench.log.logged.flatMap(({ details }) => details["x-IngestionCorrelationID"] ?? []);
    expect(ids.length).toBeGreaterThan(2);
    for await (const { results } of bench.journal.intents("chat", "exchange")) {
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
    bench = await open({ mailboxes: people(), faults: { "token-expired": { rate: 1, times: 1 } } });
    const partner = await openPartner(signInOf(bench));
    await captureChat(60);
    await deliverAll(chat, { kind: "purges" }, partner);
    expect(bench.ews.faults.struck).toEqual({ "token-expired": 1 });
    expect(bench.ews.tokens.issued).toBe(2);
    await partner.close();
  },
);

test.skipIf(!existsSync(EXPORT)).each(["exchange", "partner-ingestion"] as const)(
  "a real Slack export goes end to end by the profile %s (skipped where the file is absent)",
  { timeout: 300_000 },
  async (profile) => {
    bench = await open({ mailboxes: [] });
    const { journal, ews } = bench;
    await journal.openSource({ id: "chat", connector: "slack", version: "1.0.0" });
    const settings = await slack.settings["~standard"].validate({ export: EXPORT, downloadFiles: false });
    const http = { request: refuse, json: refuse, download: refuse };
    const captured = await capture({
      source: "chat",
      connector: slack,
      settings: "value" in settings ? settings.value : {},
      journal,
      http,
      log: bench.log,
      signal: new AbortController().signal,
    });
    expect(captured.stopped).toEqual([]);
    const addresses = await addressesOf(journal);
    for (const address of addresses) ews.store.setMailbox({ address });
    // Some of the people are mapped; what none of them takes part in goes to the third-party data mailbox.
    const mapped = new Set([...addresses].sort().slice(0, 8));
    const destination = profile === "exchange" ? bench.destination : await openPartner(signInOf(bench));
    const people: PeopleMapOptions = {
      directory: (address) => Promise.resolve(mapped.has(address) ? address : undefined),
    };
    await deliverAll(slack, { kind: "purges" }, destination, people);
    const [books] = await journal.books();
    const quarantined = await journal.quarantine();
    expect(books).toMatchObject({ claimed: 1382, captured: 1382, pending: 0, unaccounted: 0 });
    expect((books?.delivered ?? 0) + quarantined.length).toBe(1382);
    // Senders without any address, such as bots, have no mailbox: the article's service takes nothing from them.
    if (profile === "exchange") expect(quarantined).toEqual([]);
    for (const { reason } of quarantined) expect(reason).toContain("either From or Sender");
    expect(ews.store.duplicates()).toEqual([]);
    const copies = new Set(
      ews.store.accepted().map(({ mailbox, internetMessageId }) => `${mailbox} ${internetMessageId}`),
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
    if (destination !== bench.destination) await destination.close();
  },
);

async function digestOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of content) hash.update(chunk);
  return hash.digest("hex");
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

function refuse(): never {
  throw new Error("Nothing is fetched here.");
}

function signInOf({ authorityUrl }: Bench): object {
  return {
    method: "client-secret",
    tenantId: TENANT.domain,
    clientId: APPLICATION.clientId,
    clientSecret: APPLICATION.secret,
    authorityUrl,
  };
}

function openPartner(signIn: object): Promise<Destination> {
  const settings = settingsFor(bench.ews, {
    url: `${bench.ews.url}/service/ThirdPartyIngestionService.svc`,
    profile: "partner-ingestion",
    thirdPartyMailbox: THIRD_PARTY,
    signIn,
  });
  return openExchangeDestination({
    id: "exchange",
    settings: Settings.parse(settings),
    blobs: bench.journal.blobs,
    folder: bench.ews.folder,
    log: bench.log,
  });
}

function everyFault(rate: number): Partial<Record<FaultName, Fault>> {
  return {
    throttled: { rate, ms: 100 },
    "throttled-without-body": { rate, ms: 100 },
    "throttled-without-retry-after": { rate },
    unavailable: { rate },
    "unavailable-without-body": { rate },
    "timeout-before-commit": { rate, ms: 4_000 },
    "timeout-after-commit": { rate, ms: 4_000 },
    "late-commit": { rate, ms: 500 },
    "search-lag": { rate, ms: 700 },
    "reset-before-commit": { rate },
    "reset-after-commit": { rate },
    "token-expired": { rate },
    "mailbox-moving": { rate },
  };
}

interface ChatOptions {
  /** All are from and to this one. */
  owner?: string;
  /** The one event whose sender has no mailbox. */
  strangerAt?: number;
}

async function captureChat(events: number, options: ChatOptions = {}): Promise<void> {
  await bench.journal.openSource({ id: "chat", connector: "chat", version: "1.0.0" });
  const page = Array.from({ length: events }, (_, index) => {
    const { from, to } =
      options.owner === undefined
        ? peopleOf(index)
        : { from: index === options.strangerAt ? "user9@contoso.example" : options.owner, to: options.owner };
    return {
      type: "Message",
      key: `C1:${String(index).padStart(6, "0")}`,
      occurredAt: new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString(),
      data: { from, to, text: `Event ${index}` },
    };
  });
  await bench.journal.append("chat", "all", { events: page }, new Date());
}

/** Every twentieth event is between two strangers. */
function peopleOf(index: number): { from: string; to: string } {
  if (index % 20 === 19) return { from: `stranger${index}@elsewhere.example`, to: "another@elsewhere.example" };
  return { from: `user${index % MAILBOXES}@contoso.example`, to: `user${(index * 7 + 1) % MAILBOXES}@contoso.example` };
}

function expectedFor(mailbox: string, events: number): string[] {
  return Array.from({ length: events }, (_, index) => index)
    .filter((index) => {
      const { from, to } = peopleOf(index);
      return mailbox === THIRD_PARTY ? from.startsWith("stranger") : from === mailbox || to === mailbox;
    })
    .map((index) => `Event ${index}`)
    .sort();
}

function subjectsIn(address: string, folder: "inbox" | "recoverableitemspurges"): string[] {
  const { store } = bench.ews;
  const mailbox = store.mailbox(address)!;
  const { items } = store.findItems({
    mailbox: mailbox.id,
    folder: store.wellKnownFolder(mailbox.id, folder).id,
    limit: 100_000,
  });
  return items.map(({ subject }) => subject).sort();
}

const Data = z.object({ from: z.string(), to: z.string(), text: z.string() });

const chat: Connector = {
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
  events: { Message: toMessage, Other: toMessage },
  async *read() {},
};

function toMessage({ data, occurredAt }: { data: Json; occurredAt: string }): MessageDraft {
  const { from, to, text } = Data.parse(data);
  return {
    from: person(from),
    to: [person(to)],
    date: occurredAt,
    subject: text,
    text: `${text}\n${"words ".repeat(100)}`,
  };
}

function person(address: string): Participant {
  return { id: address, name: address.split("@")[0] ?? address, address };
}

let clockOffsetMs = 0;

async function deliverOnce(
  connector: Connector,
  folder: Folder,
  destination: Destination,
  destinationId = "exchange",
  people: PeopleMapOptions = { domains: ["contoso.example"] },
): Promise<DeliverResult> {
  const { journal, log } = bench;
  return deliver({
    preparation: {
      source: "chat",
      connector,
      connectorVersion: "1.0.0",
      people: (await loadPeopleMap(people)).forSource("chat"),
      policy: { folder, thirdPartyMailbox: THIRD_PARTY },
      installation: journal.installation,
      blobs: journal.blobs,
      messageBytes: destination.limits.messageBytes,
    },
    destinationId,
    destination,
    journal,
    grouping: "event",
    log,
    signal: new AbortController().signal,
    clock: () => new Date(Date.now() + clockOffsetMs),
  });
}

/** As a runner does: again and again, until nothing is open. */
async function deliverAll(
  connector: Connector,
  folder: Folder,
  destination: Destination = bench.destination,
  people?: PeopleMapOptions,
): Promise<void> {
  clockOffsetMs = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const { stopped, postponed } = await deliverOnce(connector, folder, destination, "exchange", people);
    if (stopped !== undefined && !isPassing(stopped)) throw stopped;
    if (postponed === 0 && stopped === undefined && (await bench.journal.openIntents("chat", "exchange")).length === 0)
      return;
    clockOffsetMs += 3_600_000;
  }
  throw new Error("The deliveries do not come to an end.");
}

function isPassing(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "kind" in error &&
    (error.kind === "unavailable" || error.kind === "rate-limited")
  );
}
