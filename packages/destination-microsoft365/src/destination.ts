import { type Destination, type DestinationContext, Holds } from "@hansard/core/ingestion";
import type { Dispatcher } from "undici";
import { check } from "./check.ts";
import { certificateFindings } from "./check-certificate.ts";
import { cloudOf } from "./clouds.ts";
import { userPath } from "./deliver.ts";
import { Directory } from "./directory.ts";
import { type Duplicate, findDuplicates } from "./duplicates.ts";
import { GraphFailure, thrown } from "./failure.ts";
import { findDeliveries } from "./find.ts";
import { BODY_FILES } from "./fit-body.ts";
import { Folders } from "./folders.ts";
import { GraphClient } from "./graph-client.ts";
import { openDispatcher } from "./graph-http.ts";
import { Lanes } from "./lanes.ts";
import { Ledger } from "./ledger.ts";
import type { Settings } from "./settings.ts";
import { openTokens, type Tokens } from "./sign-in.ts";
import { type Submission, submit } from "./submit.ts";
import { Uncertainty } from "./uncertainty.ts";

/** The destination, and what it can say beyond what every destination can. */
export interface Microsoft365Destination extends Destination {
  /** Messages that are in their folder more than once, of those whose answer was ambiguous. */
  duplicates(options?: { signal?: AbortSignal }): Promise<Duplicate[]>;
}

const BATCH_DELIVERIES = 20;
const BATCH_BYTES = 32 * 1024 * 1024;
/** Chunks of a mailbox overlap, so that its four slots are never idle: not between two, nor while some wait to be looked for. */
const MAILBOX_CHUNKS = 4;

export async function openMicrosoft365(context: DestinationContext<Settings>): Promise<Microsoft365Destination> {
  const { settings } = context;
  const cloud = cloudOf(settings);
  const dispatcher = openDispatcher(settings);
  const tokens = await openTokens(settings, cloud, dispatcher);
  for (const { level, message, remedy } of await certificateFindings(settings))
    if (level !== "ok") context.log.warn(message, { destination: context.id, remedy });
  const client = openClient(context, cloud.graphUrl, { tokens, dispatcher });
  const folders = new Folders(client, settings, context.routing?.thirdPartyMailbox);
  const ledger = new Ledger(context.folder);
  const holds = new Holds(settings.holds, ledger);
  const directory = new Directory(client, settings);
  const uncertainty = new Uncertainty(settings.settleMs);
  const work: Submission = { client, folders, context, cloud, ledger, holds, keeping: new Map() };

  return {
    guarantee: "at-least-once",
    limits: {
      messageBytes: settings.messageBytes,
      messageAttachments: settings.messageAttachments - BODY_FILES,
      batchDeliveries: BATCH_DELIVERIES,
      batchBytes: BATCH_BYTES,
      concurrency: settings.connections,
      mailboxConcurrency: MAILBOX_CHUNKS,
    },
    settleMs: settings.settleMs,
    check: () => check(work, tokens),
    async submit(deliveries, { signal }) {
      const outcomes = await submit(deliveries, work, signal);
      uncertainty.note(deliveries, outcomes);
      return outcomes;
    },
    async find(deliveries, { signal }) {
      ledger.doubt(
        deliveries.map(({ mailbox, folder, message }) => ({ mailbox, folder, messageId: message.id, at: Date.now() })),
      );
      await uncertainty.settle(deliveries, signal);
      return findDeliveries(deliveries, work, signal).catch((error: unknown) => {
        // What the look was moving may still be on its way.
        if (isAmbiguous(error)) uncertainty.doubt(deliveries);
        throw error;
      });
    },
    read: (mailbox, { itemId }) => read(client, mailbox, itemId, AbortSignal.timeout(settings.timeoutMs)),
    withdraw: (copies, { signal }) => withdraw(client, copies, signal),
    holdDoubt: (mailbox) => (cloud.hasPermanentDelete ? holds.doubt(mailbox) : undefined),
    resolve: (address) => directory.resolve(address),
    duplicates: ({ signal = AbortSignal.timeout(settings.timeoutMs * 10) } = {}) =>
      findDuplicates(ledger, work, signal),
    async close() {
      await dispatcher.close();
    },
  };
}

function openClient(
  { settings, routing, log }: DestinationContext<Settings>,
  graphUrl: string,
  parts: { tokens: Tokens; dispatcher: Dispatcher },
): GraphClient {
  return new GraphClient(graphUrl, settings, {
    ...parts,
    lanes: new Lanes(settings.pace),
    thirdPartyMailbox: routing?.thirdPartyMailbox,
    onUnreached: ({ reason, remedy }) => log.warn(reason, { remedy }),
  });
}

async function* read(
  client: GraphClient,
  mailbox: string,
  itemId: string,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  try {
    yield* await client.stream(`${userPath(mailbox)}/messages/${itemId}/$value`, signal);
  } catch (error) {
    throw thrown(error);
  }
}

function isAmbiguous(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof GraphFailure && error.cause.failure.kind === "unknown";
}

/** Into Recoverable Items, where a hold keeps them. What is gone already is gone. */
async function withdraw(
  client: GraphClient,
  copies: { mailbox: string; receipt: { itemId: string } }[],
  signal: AbortSignal,
): Promise<void> {
  for (const { mailbox, receipt } of copies) {
    try {
      await client.call(
        { method: "DELETE", path: `${userPath(mailbox)}/messages/${receipt.itemId}`, mailbox, isRepeatable: true },
        signal,
      );
    } catch (error) {
      if (!(error instanceof GraphFailure) || error.failure.kind !== "gone") throw thrown(error);
    }
  }
}
