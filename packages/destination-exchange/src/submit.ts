import { setTimeout as sleep } from "node:timers/promises";
import { type BlobReader, type Delivery, type Outcome, readMail } from "@hansard/core/ingestion";
import { itemIdOf, type ResponseMessage } from "./answer.ts";
import { ExchangeFailure, outcomeOf } from "./failure.ts";
import type { Folders } from "./folders.ts";
import { missingProperty } from "./mandatory.ts";
import { createItem, type FolderReference } from "./requests.ts";
import type { Session } from "./session.ts";
import type { Settings } from "./settings.ts";

export interface SubmitContext {
  settings: Settings;
  session: Session;
  folders: Folders;
  blobs: BlobReader;
}

/** A message that is ready to be sent: its mail in base64. */
interface Loaded {
  delivery: Delivery;
  mime: string;
}

const ROUNDS = 4;
const FIRST_PAUSE_MS = 500;

/** Writes deliveries and says of each what became of it, in their order. */
export async function submit(deliveries: Delivery[], context: SubmitContext, signal: AbortSignal): Promise<Outcome[]> {
  const outcomes = new Map<Delivery, Outcome>();
  const groups = Map.groupBy(deliveries, ({ mailbox, folder }) => JSON.stringify([mailbox, folder]));
  await Promise.all([...groups.values()].map((group) => submitGroup(group, context, signal, outcomes)));
  return deliveries.map(
    (delivery) => outcomes.get(delivery) ?? { status: "unknown", reason: "Nothing was said of it." },
  );
}

type Outcomes = Map<Delivery, Outcome>;

/** All for one folder of one mailbox. */
async function submitGroup(
  group: Delivery[],
  context: SubmitContext,
  signal: AbortSignal,
  outcomes: Outcomes,
): Promise<void> {
  const sendable: Delivery[] = [];
  for (const delivery of group) {
    const refusal = missingProperty(delivery, context.settings.profile);
    if (refusal) outcomes.set(delivery, refusal);
    else sendable.push(delivery);
  }
  for (const batch of batches(sendable, context.settings)) {
    const loaded: Loaded[] = [];
    for (const delivery of batch) {
      const mime = await load(delivery, context.blobs);
      if (typeof mime === "string") loaded.push({ delivery, mime });
      else outcomes.set(delivery, mime);
    }
    if (loaded.length > 0) await sendToFolder(loaded, context, signal, outcomes);
  }
}

/** So many that neither the number nor the bytes are too much for one request. */
function batches(deliveries: Delivery[], { batchItems, batchBytes }: Settings): Delivery[][] {
  const batches: Delivery[][] = [];
  let bytes = 0;
  for (const delivery of deliveries) {
    const last = batches.at(-1);
    if (last && last.length < batchItems && bytes + delivery.mail.size <= batchBytes) {
      last.push(delivery);
      bytes += delivery.mail.size;
    } else {
      batches.push([delivery]);
      bytes = delivery.mail.size;
    }
  }
  return batches;
}

async function load({ mail }: Delivery, blobs: BlobReader): Promise<string | Outcome> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of readMail(mail, blobs)) chunks.push(chunk);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const remedy =
      "Run `hansard verify` over the journal; restore the content from a copy, then retry it from the quarantine.";
    return {
      status: "refused",
      reason: `The message cannot be sent, since its content cannot be read: ${why}`,
      remedy,
    };
  }
  return Buffer.concat(chunks).toString("base64");
}

async function sendToFolder(
  items: Loaded[],
  context: SubmitContext,
  signal: AbortSignal,
  outcomes: Outcomes,
): Promise<void> {
  const [first] = items;
  if (!first) return;
  const { mailbox, folder } = first.delivery;
  let reference: FolderReference | undefined;
  try {
    reference = await context.folders.reference(mailbox, folder, signal, { make: true });
    if (!reference)
      throw new ExchangeFailure("retry", "The folder could not be made.", { code: "ErrorFolderNotFound" });
  } catch (error) {
    const failure = asFailure(error);
    // Looking for a folder writes no message.
    const outcome = outcomeOf(failure);
    const surely: Outcome = outcome.status === "unknown" ? { status: "retry", reason: outcome.reason } : outcome;
    for (const { delivery } of items) outcomes.set(delivery, surely);
    return;
  }
  await send(items, reference, context, signal, outcomes);
}

/** Sends, and sends again what was surely not stored; looks by halves for the message that spoils a whole request. */
async function send(
  items: Loaded[],
  reference: FolderReference,
  context: SubmitContext,
  signal: AbortSignal,
  outcomes: Outcomes,
): Promise<void> {
  let waiting = items;
  for (let round = 1; waiting.length > 0; round += 1) {
    const answered = await request(waiting, reference, context, signal);
    if (answered instanceof ExchangeFailure) {
      if (answered.isWholeRequest && waiting.length > 1) {
        const middle = Math.ceil(waiting.length / 2);
        await send(waiting.slice(0, middle), reference, context, signal, outcomes);
        return send(waiting.slice(middle), reference, context, signal, outcomes);
      }
      settleAll(waiting, answered, context, outcomes);
      return undefined;
    }
    const again = settleEach(waiting, answered, context, outcomes);
    if (again.items.length > 0 && round >= ROUNDS) {
      settleAll(
        again.items,
        again.failure ?? new ExchangeFailure("retry", "The batch was stopped.", { code: "" }),
        context,
        outcomes,
      );
      return undefined;
    }
    if (again.failure)
      await sleep(
        Math.min(again.failure.backOffMs ?? FIRST_PAUSE_MS * 2 ** round, context.settings.patienceMs),
        undefined,
        { signal },
      ).catch(() => undefined);
    waiting = again.items;
  }
  return undefined;
}

async function request(
  items: Loaded[],
  reference: FolderReference,
  { session, settings }: SubmitContext,
  signal: AbortSignal,
): Promise<{ messages: ResponseMessage[]; correlationId: string } | ExchangeFailure> {
  const [first] = items;
  try {
    const body = createItem(reference, items, settings.markAsRead);
    const called = await session.call({
      operation: "CreateItem",
      mailbox: first?.delivery.mailbox ?? "",
      body,
      signal,
    });
    if (called.messages.length === items.length) return called;
    return new ExchangeFailure(
      "unknown",
      `The answer speaks of ${called.messages.length} messages, and ${items.length} were sent.`,
      { code: "HTTP 200" },
    );
  } catch (error) {
    return asFailure(error);
  }
}

/** Gives back those to be sent again at once: what stood behind a failure that ended the batch, and what passes. */
function settleEach(
  items: Loaded[],
  { messages, correlationId }: { messages: ResponseMessage[]; correlationId: string },
  context: SubmitContext,
  outcomes: Outcomes,
): { items: Loaded[]; failure?: ExchangeFailure } {
  const again: Loaded[] = [];
  let passing: ExchangeFailure | undefined;
  items.forEach((item, index) => {
    const message = messages[index];
    if (message && "element" in message) {
      const itemId = itemIdOf(message.element);
      if (itemId !== undefined) outcomes.set(item.delivery, { status: "accepted", receipt: { itemId, correlationId } });
      return;
    }
    const failure = message?.failure;
    if (failure?.disposition === "unprocessed") again.push(item);
    else if (failure?.disposition === "retry" || (failure?.disposition === "smaller" && items.length > 1)) {
      passing ??= failure;
      again.push(item);
    } else if (failure) settleAll([item], failure, context, outcomes);
  });
  return { items: again, ...(passing && { failure: passing }) };
}

function settleAll(items: Loaded[], failure: ExchangeFailure, { folders }: SubmitContext, outcomes: Outcomes): void {
  for (const { delivery } of items) {
    const isGone = failure.code === "ErrorFolderNotFound" && delivery.folder.kind === "visible";
    if (isGone) folders.forget(delivery.mailbox);
    outcomes.set(
      delivery,
      isGone
        ? { status: "retry", reason: `The folder is gone: ${failure.message}`, retryAt: new Date() }
        : outcomeOf(failure),
    );
  }
}

export function asFailure(error: unknown): ExchangeFailure {
  if (error instanceof ExchangeFailure) return error;
  throw error;
}
