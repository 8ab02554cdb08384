import { SettingsError } from "@hansard/core";
import {
  type Delivery,
  type Destination,
  type DestinationContext,
  type Holds,
  type Outcome,
  type Receipt,
} from "@hansard/core/ingestion";
import { check } from "./check.ts";
import { retirement } from "./cloud.ts";
import { Doubts } from "./doubts.ts";
import { Folders } from "./folders.ts";
import { Keepings } from "./keepings.ts";
import { findStored, isKept, readStored, withdrawStored } from "./look-up.ts";
import { resolveAddress } from "./resolve.ts";
import { Session } from "./session.ts";
import type { Settings } from "./settings.ts";
import { openDoor } from "./sign-in.ts";
import { submit, type SubmitContext } from "./submit.ts";

const UNSENT: Outcome = { status: "retry", reason: "The run ended before this message was sent." };
const UNSAID: Outcome = { status: "unknown", reason: "Nothing was said of it." };

export async function openExchangeDestination(
  context: DestinationContext<Settings>,
  now: () => Date = () => new Date(),
): Promise<Destination> {
  const { settings, blobs, log, folder, routing } = context;
  assertInService(context, now());
  const door = openDoor(settings);
  const session = new Session(settings, door, log);
  const keepings = new Keepings(folder, settings.holds, settings.settleMs, (mailbox, messageId, signal) =>
    isKept(mailbox, messageId, session, signal),
  );
  const { holds } = keepings;
  const work: SubmitContext = { settings, session, folders: new Folders(session), blobs };
  const doubts = new Doubts(folder, settings.settleMs, log, (deliveries, signal) =>
    findStored(deliveries, work, signal),
  );

  async function submitAll(deliveries: Delivery[], signal: AbortSignal): Promise<Outcome[]> {
    if (signal.aborted) return deliveries.map(() => UNSENT);
    await keepings.look(mailboxesOfPurges(deliveries), signal);
    const unheld = deliveries.map((delivery) => unheldOutcome(delivery, holds));
    const written = deliveries.filter((_, index) => unheld[index] === undefined);
    const outcomes = await submit(written, work, signal);
    written.forEach((delivery, index) => {
      doubts.answered(delivery, outcomes[index]);
      keepings.answered(delivery, outcomes[index]);
    });
    const next = outcomes.values();
    return unheld.map((outcome) => outcome ?? next.next().value ?? UNSAID);
  }

  async function findAll(deliveries: Delivery[], signal: AbortSignal): Promise<(Receipt | undefined)[]> {
    await doubts.settled(deliveries, signal);
    const found = await findStored(deliveries, work, signal);
    deliveries.forEach((delivery, index) => doubts.looked(delivery, found[index] ?? []));
    return found.map(([first]) => first);
  }

  return {
    guarantee: "at-least-once",
    limits: {
      messageBytes: settings.messageBytes,
      messageAttachments: settings.messageAttachments,
      batchDeliveries: settings.batchItems,
      batchBytes: settings.batchBytes,
      concurrency: settings.connections,
      mailboxConcurrency: 1,
    },
    settleMs: settings.settleMs,
    check: () => check({ settings, session, door, doubts, keepings, routing, now }),
    submit: (deliveries, { signal }) => submitAll(deliveries, signal),
    find: (deliveries, { signal }) => findAll(deliveries, signal),
    read: (mailbox, receipt) => readStored(mailbox, receipt, work),
    withdraw: (copies, { signal }) => withdrawStored(copies, work, signal),
    holdDoubt: (mailbox) => holds.doubt(mailbox),
    resolve: (address) =>
      resolveAddress(address, { probeMailbox: settings.probeMailbox ?? routing?.thirdPartyMailbox }, session),
    async close() {
      await doubts.close();
      await door.close();
    },
  };
}

/** Exchange Online ends EWS. */
function assertInService({ settings, log }: DestinationContext<Settings>, now: Date): void {
  const finding = retirement(settings.url, now, settings.useAfterRetirement);
  if (finding?.level === "error")
    throw new SettingsError(finding.message, finding.remedy === undefined ? {} : { remedy: finding.remedy });
  if (finding) log.warn(finding.message, { remedy: finding.remedy });
}

function mailboxesOfPurges(deliveries: Delivery[]): Set<string> {
  return new Set(deliveries.flatMap(({ mailbox, folder }) => (folder.kind === "purges" ? mailbox : [])));
}

/** Purges keeps only what a hold keeps: without an administrator's word of one nothing is written there. */
function unheldOutcome({ folder, mailbox }: Delivery, holds: Holds): Outcome | undefined {
  const doubt = folder.kind === "purges" ? holds.doubt(mailbox) : undefined;
  return doubt && { status: "no-hold", ...doubt };
}
