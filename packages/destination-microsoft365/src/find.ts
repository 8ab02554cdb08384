import { setTimeout as sleep } from "node:timers/promises";
import { UnavailableError } from "@hansard/core";
import type { Delivery, Receipt } from "@hansard/core/ingestion";
import { moveFromStaging, userPath, type Work } from "./deliver.ts";
import { GraphFailure, thrown } from "./failure.ts";
import { fitBody } from "./fit-body.ts";
import { purgeStaged } from "./purge.ts";
import { byMessageIds, type FoundItem, itemsOf, stagedItemsOf } from "./search.ts";
import { missingAttachments } from "./stored.ts";

/** What a look says of one delivery: where it is, that it is nowhere, or why that cannot be said yet. */
type Look = Receipt | undefined | GraphFailure;

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

/** What cannot be said leaves the mailbox's deliveries open until the next run: it is asked for more than once. */
async function findPatiently(
  mailbox: string,
  deliveries: Delivery[],
  work: Work,
  signal: AbortSignal,
): Promise<(Receipt | undefined)[]> {
  const results: (Receipt | undefined)[] = [];
  let open = [...deliveries.keys()];
  for (let attempt = 1; ; attempt += 1) {
    const here = open.flatMap((index) => deliveries[index] ?? []);
    const looks = await lookAt(mailbox, here, work, signal);
    let failure: GraphFailure | undefined;
    open = open.filter((index, position) => {
      const look = looks[position];
      if (look instanceof GraphFailure) failure = look;
      else results[index] = look;
      return look instanceof GraphFailure;
    });
    if (failure === undefined) return deliveries.map((_, index) => results[index]);
    const { kind, remedy } = failure.failure;
    if (attempt >= ATTEMPTS || kind === "unreached" || signal.aborted)
      throw new UnavailableError(`It cannot be said whether messages are in ${mailbox}: ${failure.message}`, {
        cause: failure,
        ...(remedy !== undefined && { remedy }),
      });
    await sleep(restMs(failure, work), undefined, { signal });
  }
}

/** After an ambiguous answer what was being moved may still be on its way: it is looked for when that has had its time. */
function restMs({ failure: { kind, retryAfterMs = 1000 } }: GraphFailure, { context }: Work): number {
  return kind === "unknown" ? context.settings.settleMs : retryAfterMs;
}

/** A failure that concerns all of the mailbox is each delivery's. */
async function lookAt(mailbox: string, deliveries: Delivery[], work: Work, signal: AbortSignal): Promise<Look[]> {
  try {
    return await findInMailbox(mailbox, deliveries, work, signal);
  } catch (error) {
    if (!(error instanceof GraphFailure)) throw error;
    const { kind } = error.failure;
    if (kind === "misconfigured" || kind === "token") throw thrown(error);
    return deliveries.map(() => (kind === "no-mailbox" ? undefined : error));
  }
}

/** The staging folder first: what leaves it between the two looks is seen where it went, and never nowhere. */
async function findInMailbox(
  mailbox: string,
  deliveries: Delivery[],
  work: Work,
  signal: AbortSignal,
): Promise<Look[]> {
  const { folders } = work;
  const staged = await folders.again(mailbox, () => stagedOf(mailbox, deliveries, work, signal));
  const stored = await folders.again(mailbox, async () => {
    const places = await Promise.all(deliveries.map(({ folder }) => folders.places(mailbox, folder, signal)));
    const wanted = deliveries.map(({ message }, index) => ({
      messageId: message.id,
      places: places[index] ?? [],
      isElsewhere: (staged[index] ?? []).length > 0,
    }));
    return itemsOf(mailbox, wanted, work, signal);
  });
  const unseen = deliveries.filter(
    (delivery, index) => mayBeStaged(delivery) && staged[index]?.length === 0 && stored[index]?.length === 0,
  );
  const missed = await folders.again(mailbox, () => missedIn(mailbox, unseen, work, signal));
  for (const [position, delivery] of unseen.entries()) staged[deliveries.indexOf(delivery)] = missed[position] ?? [];
  const looks: Look[] = stored.map(([first]) => first);
  const complete: { index: number; delivery: Delivery; item: FoundItem }[] = [];
  for (const [index, delivery] of deliveries.entries()) {
    if (looks[index] !== undefined) continue;
    const item = await tidied(staged[index] ?? [], delivery, work, signal);
    if (item !== undefined) complete.push({ index, delivery, item });
  }
  const brought = await bringOut(mailbox, complete, work, signal);
  for (const [position, { index }] of complete.entries()) looks[index] = brought[position];
  return looks;
}

async function stagedOf(
  mailbox: string,
  deliveries: Delivery[],
  work: Work,
  signal: AbortSignal,
): Promise<FoundItem[][]> {
  if (!deliveries.some(mayBeStaged)) return [];
  const staging = await work.folders.staging(mailbox, signal);
  const messageIds = deliveries.map(({ message }) => message.id);
  const staged = await stagedItemsOf(mailbox, messageIds, staging, work, signal);
  return staged.map((items, index) => (mayBeStaged(deliveries[index]) ? items : []));
}

/** A list may lack what is there, without a word: what neither look found is asked for by name before it counts as absent. */
async function missedIn(mailbox: string, unseen: Delivery[], work: Work, signal: AbortSignal): Promise<FoundItem[][]> {
  if (unseen.length === 0) return [];
  const places = [await work.folders.staging(mailbox, signal)];
  const wanted = unseen.map(({ message }) => ({ messageId: message.id, places }));
  return byMessageIds(mailbox, wanted, work, signal);
}

function mayBeStaged(delivery: Delivery | undefined): boolean {
  return delivery !== undefined && (delivery.folder.kind === "purges" || delivery.mail.size >= STAGED_BYTES);
}

/** The one that is complete, if the folder that it is for still keeps it. The others are taken away. */
async function tidied(
  staged: FoundItem[],
  delivery: Delivery,
  work: Work,
  signal: AbortSignal,
): Promise<FoundItem | undefined> {
  const { mailbox, folder } = delivery;
  const { attachments } = fitBody(delivery).message;
  let complete: FoundItem | undefined;
  for (const item of staged) {
    // What has no attachments is complete as soon as it is there.
    const missing =
      attachments.length === 0 ? [] : await missingAttachments(work.client, mailbox, item.itemId, attachments, signal);
    const isUnkept = folder.kind === "purges" && work.holds.doubt(mailbox) !== undefined;
    if (complete !== undefined || missing.length > 0 || isUnkept) await remove(mailbox, item.itemId, work, signal);
    else complete = item;
  }
  return complete;
}

/** What is complete in the staging folder goes where it was going; those for Purges together. */
async function bringOut(
  mailbox: string,
  complete: { delivery: Delivery; item: FoundItem }[],
  work: Work,
  signal: AbortSignal,
): Promise<Look[]> {
  const forPurges = complete.filter(({ delivery }) => delivery.folder.kind === "purges").map(({ item }) => item);
  const answers = await purgeStaged(mailbox, forPurges, work, signal);
  for (const answer of answers) if (answer instanceof GraphFailure && answer.failure.kind !== "unknown") throw answer;
  const purged = answers.values();
  const looks: Look[] = [];
  for (const { delivery, item } of complete) {
    if (delivery.folder.kind === "purges") looks.push(purged.next().value);
    else looks.push(await moveFromStaging(item, delivery, work, signal));
  }
  return looks;
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
