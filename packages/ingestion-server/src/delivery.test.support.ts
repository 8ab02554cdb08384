import type { Connector, Json, Participant } from "@hansard/core";
import {
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

export const MAILBOXES = 200;
export const THIRD_PARTY = "third-party@contoso.example";
export const ROUNDS = 20;
export const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** What the tests of whole deliveries work on. */
export interface Scene {
  journal: Journal;
  destination: Destination;
  /** The event whose message no server takes. */
  poison?: number;
  /** How far the clock of the delivery has been put forward, so that what was put off is due. */
  clockOffsetMs: number;
}

/** Of the Graph destination, before its schema has read them. */
export function settingsFor(url: string, more: object = {}): object {
  return {
    tenantId: "contoso.example",
    clientId: APPLICATION.clientId,
    signIn: { method: "client-secret", clientSecret: APPLICATION.secret },
    authorityUrl: url,
    graphUrl: url,
    holds: { confirmed: [{ mailboxes: "*", on: new Date().toISOString().slice(0, 10), by: "an administrator" }] },
    settleMs: 1800,
    timeoutMs: 1000,
    patienceMs: 5000,
    connections: 200,
    ...more,
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
  if (index % 20 === 19) return { from: `stranger${index}@elsewhere.example`, to: "another@elsewhere.example" };
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
function connectorOf(): Connector {
  const Data = z.object({ from: z.string(), to: z.string(), text: z.string() });
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

export async function deliverOnce(scene: Scene, target: Folder): Promise<DeliverResult> {
  const { journal, destination, poison } = scene;
  const people = await loadPeopleMap({
    directory: (address) => Promise.resolve(address.endsWith("@contoso.example") ? address : undefined),
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
    destination: poison === undefined ? destination : poisoned(destination, poison),
    journal,
    grouping: "event",
    log: quiet,
    signal: new AbortController().signal,
    clock: () => new Date(Date.now() + scene.clockOffsetMs),
  });
}

/** As a runner does: again and again, until nothing is open. Gives the number of rounds. */
export async function deliverAll(scene: Scene, target: Folder, rounds = ROUNDS): Promise<number> {
  const said: string[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const { stopped, postponed } = await deliverOnce(scene, target);
    if (stopped !== undefined && !/unavailable|cannot be said/i.test(String(stopped))) throw stopped;
    if (postponed === 0 && stopped === undefined && (await scene.journal.openIntents("chat", "m365")).length === 0)
      return round;
    said.push(`${postponed} ${String(stopped ?? "")}`);
    scene.clockOffsetMs += 3_600_000;
  }
  throw new Error(`The deliveries do not come to an end: ${said.join(" | ")}`);
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
