import type { Delivery, Destination, DestinationContext, Outcome, Receipt } from "@hansard/core/ingestion";
import type { ImapFlow } from "imapflow";
import { append } from "./append.ts";
import { check } from "./check.ts";
import { folderPath } from "./folder-path.ts";
import { ImapFailure, lookUpError, refusalOf, refusalOutcome } from "./outcomes.ts";
import { Pool } from "./pool.ts";
import { readStored, searchStored } from "./search.ts";
import type { Settings } from "./settings.ts";
import { makeDoor } from "./sign-in.ts";

const BATCH_DELIVERIES = 50;
const BATCH_BYTES = 32 * 1024 * 1024;

/** What the work on one delivery needs. */
interface Work {
  context: DestinationContext<Settings>;
  /** Folders that are known to be there: account and path. */
  folders: Set<string>;
}

export async function openImapDestination(context: DestinationContext<Settings>): Promise<Destination> {
  const { settings } = context;
  const door = await makeDoor(settings);
  const pool = new Pool(door, settings.connections);
  const work: Work = { context, folders: new Set() };
  const isShared = settings.layout.kind === "shared-account";

  async function submitOne(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    if (signal.aborted) return { status: "retry", reason: "The run ended before this message was sent." };
    const account = door.accountOf(delivery.mailbox);
    try {
      return await pool.use(account, (client, useUp) => deliver(client, useUp, account, delivery, work));
    } catch (error) {
      if (error instanceof ImapFailure) return error.outcome;
      throw error;
    }
  }

  return {
    guarantee: "at-least-once",
    limits: {
      messageBytes: settings.messageBytes,
      batchDeliveries: BATCH_DELIVERIES,
      batchBytes: BATCH_BYTES,
      concurrency: settings.connections,
      ...(!isShared && { mailboxConcurrency: 1 }),
    },
    settleMs: settings.settleMs,
    check: () => check(settings, door),
    submit: (deliveries, { signal }) =>
      eachOf(deliveries, settings.connections, (delivery) => submitOne(delivery, signal)),
    find: (deliveries) =>
      eachOf(deliveries, settings.connections, (delivery) =>
        findOne(delivery, door.accountOf(delivery.mailbox), pool, settings),
      ),
    read: (mailbox, receipt) => readStored(pool, door.accountOf(mailbox), receipt),
    close: () => pool.close(),
  };
}

async function deliver(
  client: ImapFlow,
  useUp: () => void,
  account: string,
  delivery: Delivery,
  work: Work,
): Promise<Outcome> {
  const { settings, blobs } = work.context;
  const { message, mail } = delivery;
  const path = folderPath(settings, delivery, client);
  await ensureFolder(client, account, path, work);
  const request = {
    path,
    mail,
    blobs,
    flags: settings.markAsRead ? ["\\Seen"] : [],
    date: new Date(message.date),
    timeoutMs: settings.timeoutMs,
  };
  const answer = await append(client, request, useUp);
  if ("refusal" in answer) {
    const { refusal } = answer;
    work.folders.delete(folderKey(account, path));
    // Somebody removed the folder since: the next attempt makes it again.
    if (refusal.code === "TRYCREATE" || refusal.code === "NONEXISTENT")
      return { status: "retry", reason: `The folder "${path}" is gone: ${refusal.text}` };
    throw refusalOutcome(refusal, { path, isShared: settings.layout.kind === "shared-account", now: new Date() });
  }
  if (answer.stored) return { status: "accepted", receipt: receiptOf(path, answer.stored, delivery) };
  return storedWithoutUid(client, path, delivery);
}

/** Without UIDPLUS the message is stored, and only a search says where. */
async function storedWithoutUid(client: ImapFlow, path: string, delivery: Delivery): Promise<Outcome> {
  const found = client.usable
    ? await searchStored(client, path, delivery.message.id).catch(() => undefined)
    : undefined;
  if (found) return { status: "accepted", receipt: receiptOf(path, found, delivery) };
  return { status: "unknown", reason: "The server took the message without saying where it is (it lacks UIDPLUS)." };
}

/** The item id is `uidvalidity:uid:folder`; IMAP has no correlation id, so the Message-ID, which server logs show, stands for it. */
function receiptOf(
  path: string,
  { uidValidity, uid }: { uidValidity: bigint; uid: number },
  { message }: Delivery,
): Receipt {
  return { itemId: `${uidValidity}:${uid}:${path}`, correlationId: message.id };
}

async function ensureFolder(
  client: ImapFlow,
  account: string,
  path: string,
  { folders, context }: Work,
): Promise<void> {
  const key = folderKey(account, path);
  if (path === "INBOX" || folders.has(key)) return;
  try {
    await client.mailboxCreate(path);
  } catch (error) {
    const refusal = refusalOf(error);
    // Some servers do not say ALREADYEXISTS: then the folder answers for itself.
    if (!refusal)
      throw new ImapFailure(
        { status: "retry", reason: `The connection broke while "${path}" was made: ${String(error)}` },
        error,
      );
    if (!(await client.status(path, { uidValidity: true }).catch(() => false))) {
      const isShared = context.settings.layout.kind === "shared-account";
      throw refusalOutcome(refusal.code === undefined ? { ...refusal, code: "CANNOT" } : refusal, {
        path,
        isShared,
        now: new Date(),
      });
    }
  }
  folders.add(key);
}

async function findOne(
  delivery: Delivery,
  account: string,
  pool: Pool,
  settings: Settings,
): Promise<Receipt | undefined> {
  try {
    return await pool.use(account, async (client) => {
      const path = folderPath(settings, delivery, client);
      const found = await searchStored(client, path, delivery.message.id);
      return found && receiptOf(path, found, delivery);
    });
  } catch (error) {
    if (error instanceof ImapFailure && error.outcome.status === "no-mailbox") return undefined;
    throw lookUpError(error);
  }
}

function folderKey(account: string, path: string): string {
  return `${account}\n${path}`;
}

/** The results in the order of the items, so many at work at once. */
async function eachOf<Item, Result>(
  items: Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = items.entries();
  async function worker(): Promise<void> {
    for (const [index, item] of waiting) results[index] = await work(item);
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
