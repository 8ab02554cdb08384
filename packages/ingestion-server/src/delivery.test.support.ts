import { type Connector, isHansardError, type Json, type Participant } from "@hansard/core";
import {
  type DeliverOptions,
  type DeliverResult,
  deliver,
  type Folder,
  type Journal,
  loadPeopleMap,
  type Destination,
  type DestinationContext,
} from "@hansard/core/ingestion";
import { z } from "zod";
import { APPLICATION } from "./delivery.test.sample.ts";
import type { Fault, FaultName } from "./faults.ts";

export const MAILBOXES = 200;
export const THIRD_PARTY = "third-party@contoso.example";
/** Who sends what nobody claims. The people map does not know the address. */
export const STRANGER = "stranger@elsewhere.example";
export const ROUNDS = 20;
export const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** What the tests of whole deliveries work on. */
export interface Scene {
  journal: Journal;
  destination: Destination;
  /** The destination's key in the configuration. */
  destinationId: string;
  /** The event whose message no server takes. */
  poison?: number;
  /** Events that come from somebody else. */
  senders?: Map<number, string>;
  /** Absent: the chat that `capture` fills. */
  connector?: Connector;
  /** Who has a mailbox. Absent: everybody in the tenant's domain. */
  directory?: (address: string) => string | undefined;
  /** Ends a delivery before its time. */
  signal?: AbortSignal;
  /** How far the clock of the delivery has been put forward, so that what was put off is due. */
  clockOffsetMs: number;
}

/** An administrator's word that every mailbox is on hold. */
export function heldToday(): object {
  return { confirmed: [{ mailboxes: "*", on: new Date().toISOString().slice(0, 10), by: "an administrator" }] };
}

/** Of the Graph destination, before its schema has read them. */
export function settingsFor(url: string, more: object = {}): object {
  return {
    tenantId: "contoso.example",
    clientId: APPLICATION.clientId,
    signIn: { method: "client-secret", clientSecret: APPLICATION.secret },
    authorityUrl: url,
    graphUrl: url,
    holds: heldToday(),
    // A disk on which others write much may hold up a server for seconds.
    settleMs: 4000,
    timeoutMs: 1000,
    patienceMs: 5000,
    connections: 200,
    ...more,
  };
}

/** Everything that can go wrong, each as often. */
export function everyFault(rate: number): Partial<Record<FaultName, Fault>> {
  return {
    throttled: { rate, ms: 100 },
    "throttled-without-body": { rate, ms: 100 },
    "throttled-without-retry-after": { rate },
    unavailable: { rate },
    "unavailable-without-body": { rate },
    "timeout-before-commit": { rate, ms: 5000 },
    "timeout-after-commit": { rate, ms: 5000 },
    "late-commit": { rate, ms: 300 },
    "search-lag": { rate, ms: 400 },
    "reset-before-commit": { rate },
    "reset-after-commit": { rate },
    "token-expired": { rate },
    "mailbox-moving": { rate },
  };
}

export function contextOf<Settings>(
  settings: Settings,
  journal: Journal,
  folder: string,
): DestinationContext<Settings> {
  return { id: "m365", settings, blobs: journal.blobs, folder, log: quiet };
}

/** Events from one of the people to another; every twentieth is between two strangers. */
export async function capture(journal: Journal, events: number): Promise<void> {
  await journal.openSource({ id: "chat", connector: "chat", version: "1.0.0" });
  const page = Array.from({ length: events }, (_, index) => {
    const { from, to } = peopleOf(index);
    const occurredAt = new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString();
    return {
      type: "Message",
      key: `C1:${String(index).padStart(6, "0")}`,
      occurredAt,
      data: { from, to, text: `Event ${index}` },
    };
  });
  await journal.append("chat", "all", { events: page }, new Date());
}

function peopleOf(index: number): { from: string; to: string } {
  if (index % 20 === 19) return { from: STRANGER, to: "another@elsewhere.example" };
  return { from: `user${index % MAILBOXES}@contoso.example`, to: `user${(index * 7 + 1) % MAILBOXES}@contoso.example` };
}

/** Which mailboxes each event belongs in. */
export function ownersOf(events: number): { subject: string; mailboxes: string[] }[] {
  return Array.from({ length: events }, (_, index) => {
    const { from, to } = peopleOf(index);
    const mailboxes = [...new Set([from, to])].filter((address) => address.endsWith("@contoso.example"));
    return { subject: `Event ${index}`, mailboxes: mailboxes.length === 0 ? [THIRD_PARTY] : mailboxes };
  });
}

/** The connector: plain and pure. */
function chat(senders = new Map<number, string>()): Connector {
  const Data = z.object({ from: z.string(), to: z.string(), text: z.string() });
  const person = (address: string): Participant => ({ id: address, name: address.split("@")[0] ?? address, address });
  const map = ({ data, occurredAt }: { data: Json; occurredAt: string }) => {
    const { from, to, text } = Data.parse(data);
    return {
      from: person(senders.get(Number(text.split(" ")[1])) ?? from),
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

export async function deliverOnce(scene: Scene, target: Folder): Promise<DeliverResult> {
  return deliver(await optionsOf(scene, target));
}

/** What a runner hands over for a delivery or a rerouting. */
export async function optionsOf(scene: Scene, target: Folder): Promise<DeliverOptions> {
  const { journal, destination, destinationId, poison, senders, connector = chat(senders) } = scene;
  const { directory = (address) => (address.endsWith("@contoso.example") ? address : undefined) } = scene;
  const people = await loadPeopleMap({ directory: (address) => Promise.resolve(directory(address)) });
  return {
    preparation: {
      source: "chat",
      connector,
      connectorVersion: "1.0.0",
      people: people.forSource("chat"),
      policy: { folder: target, thirdPartyMailbox: THIRD_PARTY },
      installation: journal.installation,
      blobs: journal.blobs,
      messageBytes: destination.limits.messageBytes,
    },
    destinationId,
    destination: poison === undefined ? destination : poisoned(destination, poison),
    journal,
    grouping: "event",
    log: quiet,
    signal: scene.signal ?? new AbortController().signal,
    clock: () => new Date(Date.now() + scene.clockOffsetMs),
  };
}

/** As a runner does: again and again, until nothing is open. Gives the number of rounds. */
export async function deliverAll(scene: Scene, target: Folder, rounds = ROUNDS): Promise<number> {
  const { journal, destinationId } = scene;
  const said: string[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const { stopped, postponed } = await deliverOnce(scene, target);
    if (stopped !== undefined && !isPassing(stopped)) throw stopped;
    const isDone = postponed === 0 && stopped === undefined;
    if (isDone && (await journal.openIntents("chat", destinationId)).length === 0) return round;
    said.push(`${postponed} ${String(stopped ?? "")}`);
    scene.clockOffsetMs += 3_600_000;
  }
  throw new Error(`The deliveries do not come to an end: ${said.join(" | ")}`);
}

function isPassing(error: unknown): boolean {
  return isHansardError(error) && (error.kind === "unavailable" || error.kind === "rate-limited");
}

/** Gives one message a class that no server takes. */
function poisoned(inner: Destination, poison: number): Destination {
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
