import { setTimeout as sleep } from "node:timers/promises";
import { AuthenticationError, UnavailableError } from "@hansard/core";
import type { Delivery, Receipt } from "@hansard/core/ingestion";
import { z } from "zod";
import { callBatch, type InnerRequest } from "./batch.ts";
import { correlationOf, moveFromStaging, userPath, type Work } from "./deliver.ts";
import { GraphFailure } from "./failure.ts";
import { fitBody } from "./fit-body.ts";
import type { GraphAnswer } from "./graph-client.ts";
import { ID_PROPERTY, identityOf } from "./payload.ts";
import { purgeStaged } from "./purge.ts";
import { missingAttachments } from "./stored.ts";

/** A stored item that carries a delivery's identity. */
export interface FoundItem {
  itemId: string;
  correlationId: string;
}

const Page = z.object({ value: z.array(z.object({ id: z.string() })) });

/** From this size on a message may have gone by the staging folder. */
const STAGED_BYTES = 1_500_000;
const MAILBOXES_AT_ONCE = 16;
const ATTEMPTS = 6;

/** Looks deliveries up: by Message-ID and by our named property, in the folder they were for, and in the staging folder. */
export async function findDeliveries(
  deliveries: Delivery[],
  work: Work,
  signal: AbortSignal,
): Promise<(Receipt | undefined)[]> {
  const results: (Receipt | undefined)[] = [];
  const byMailbox = Map.groupBy(deliveries.keys(), (index) => deliveries[index]?.mailbox ?? "").entries();
  async function worker(): Promise<void> {
    for (const [mailbox, indexes] of byMailbox) {
      const here = indexes.flatMap((index) => deliveries[index] ?? []);
      const found = await findPatiently(mailbox, here, work, signal);
      for (const [position, index] of indexes.entries()) results[index] = found[position];
    }
  }
  await Promise.all(Array.from({ length: MAILBOXES_AT_ONCE }, worker));
  return deliveries.map((_, index) => results[index]);
}

/** Every item with one of these identities, in the order of the deliveries. */
export async function itemsOf(
  mailbox: string,
  wanted: { messageId: string; places: string[] }[],
  work: Work,
  signal: AbortSignal,
): Promise<FoundItem[][]> {
  const byMessageId = await search(
    mailbox,
    wanted,
    ({ messageId }) => `internetMessageId eq '${quoted(messageId)}'`,
    work,
    signal,
  );
  const rest = wanted.filter((_, index) => byMessageId[index]?.length === 0);
  const byProperty = await search(
    mailbox,
    rest,
    ({ messageId }) =>
      `singleValueExtendedProperties/Any(ep: ep/id eq '${ID_PROPERTY}' and ep/value eq '${quoted(identityOf({ id: messageId }))}')`,
    work,
    signal,
  );
  const later = byProperty.values();
  return byMessageId.map((found) => (found.length > 0 ? found : (later.next().value ?? [])));
}

/** What cannot be said leaves the mailbox's deliveries open until the next run: it is asked for more than once. */
async function findPatiently(
  mailbox: string,
  deliveries: Delivery[],
  work: Work,
  signal: AbortSignal,
): Promise<(Receipt | undefined)[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await findInMailbox(mailbox, deliveries, work, signal);
    } catch (error) {
      if (!(error instanceof GraphFailure)) throw error;
      const { kind, reason, retryAfterMs = 1000, remedy = "Look at the application's permissions." } = error.failure;
      if (kind === "no-mailbox") return deliveries.map(() => undefined);
      if (kind === "misconfigured" || kind === "token") throw new AuthenticationError(reason, { remedy, cause: error });
      if (attempt >= ATTEMPTS || signal.aborted)
        throw new UnavailableError(`It cannot be said whether messages are in ${mailbox}: ${reason}`, { cause: error });
      await sleep(retryAfterMs, undefined, { signal });
    }
  }
}

async function findInMailbox(
  mailbox: string,
  deliveries: Delivery[],
  work: Work,
  signal: AbortSignal,
): Promise<(Receipt | undefined)[]> {
  const places = await Promise.all(deliveries.map(({ folder }) => work.folders.places(mailbox, folder, signal)));
  const wanted = deliveries.map(({ message }, index) => ({ messageId: message.id, places: places[index] ?? [] }));
  const stored = await itemsOf(mailbox, wanted, work, signal);
  const results: (Receipt | undefined)[] = stored.map(([first]) => first);
  const open = deliveries.flatMap((delivery, index) =>
    results[index] === undefined && mayBeStaged(delivery) ? [{ delivery, index }] : [],
  );
  if (open.length === 0) return results;
  const staging = await work.folders.staging(mailbox, signal);
  const staged = await itemsOf(
    mailbox,
    open.map(({ delivery }) => ({ messageId: delivery.message.id, places: [staging] })),
    work,
    signal,
  );
  for (const [position, { delivery, index }] of open.entries())
    results[index] = await bringOut(staged[position] ?? [], delivery, work, signal);
  return results;
}

function mayBeStaged({ folder, mail }: Delivery): boolean {
  return folder.kind === "purges" || mail.size >= STAGED_BYTES;
}

/** What is complete in the staging folder goes where it was going, if that still keeps it; what is not is taken away. */
async function bringOut(
  staged: FoundItem[],
  delivery: Delivery,
  work: Work,
  signal: AbortSignal,
): Promise<Receipt | undefined> {
  const { mailbox, folder } = delivery;
  const { message } = fitBody(delivery);
  let receipt: Receipt | undefined;
  for (const item of staged) {
    const missing = await missingAttachments(work.client, mailbox, item.itemId, message.attachments, signal);
    const isUnkept = folder.kind === "purges" && work.holds.doubt(mailbox) !== undefined;
    if (receipt !== undefined || missing.length > 0 || isUnkept) await remove(mailbox, item.itemId, work, signal);
    else if (folder.kind !== "purges") receipt = await moveFromStaging(item, delivery, work, signal);
    else {
      const [outcome] = await purgeStaged(mailbox, [item], work, signal);
      if (outcome instanceof GraphFailure) throw outcome;
      receipt = item;
    }
  }
  return receipt;
}

async function remove(mailbox: string, itemId: string, { client }: Work, signal: AbortSignal): Promise<void> {
  try {
    await client.call(
      { method: "DELETE", path: `${userPath(mailbox)}/messages/${itemId}`, mailbox, isRepeatable: true },
      signal,
    );
  } catch (error) {
    if (!(error instanceof GraphFailure) || error.failure.kind !== "gone") throw error;
  }
}

async function search<Wanted extends { messageId: string; places: string[] }>(
  mailbox: string,
  wanted: Wanted[],
  filterOf: (one: Wanted) => string,
  { client }: Work,
  signal: AbortSignal,
): Promise<FoundItem[][]> {
  const asked = wanted.flatMap((one, index) =>
    one.places.map((place) => ({ index, request: lookUp(mailbox, place, filterOf(one)) })),
  );
  const answers = await callBatch(
    client,
    asked.map(({ request }) => request),
    signal,
  );
  const found: FoundItem[][] = wanted.map(() => []);
  for (const [position, { index }] of asked.entries()) found[index]?.push(...itemsIn(answers[position]));
  return found;
}

function lookUp(mailbox: string, place: string, filter: string): InnerRequest {
  return {
    method: "GET",
    path: `${userPath(mailbox)}/mailFolders/${place}/messages?$filter=${encodeURIComponent(filter)}&$select=id&$top=10`,
    mailbox,
  };
}

function itemsIn(answer: GraphAnswer | GraphFailure | undefined): FoundItem[] {
  if (answer instanceof GraphFailure) {
    // A folder that is not there holds nothing.
    if (answer.failure.kind === "gone") return [];
    throw answer;
  }
  if (answer === undefined) return [];
  return Page.parse(answer.json).value.map(({ id }) => ({ itemId: id, correlationId: correlationOf(answer) }));
}

function quoted(text: string): string {
  return text.replaceAll("'", "''");
}
