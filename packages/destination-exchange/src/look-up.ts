import type { Delivery, Message, Receipt } from "@hansard/core/ingestion";
import { find, itemIdOf, textAt } from "./answer.ts";
import { ExchangeFailure } from "./failure.ts";
import { bareId, deleteItems, type FolderReference, findItem, getMime } from "./requests.ts";
import type { Session } from "./session.ts";
import { asFailure, type SubmitContext } from "./submit.ts";
import { thrown } from "./thrown.ts";
import type { Element } from "./xml.ts";

const IDS_AT_ONCE = 25;
const PAGE = 200;
/**
 * Where what is kept of Purges may lie: a hold by query or policy moves it on to DiscoveryHolds, and Exchange's default
 * retention policy moves all of Recoverable Items into the archive mailbox, where there is one, after 14 days.
 */
const MOVED_TO = [
  "recoverableitemsdiscoveryholds",
  "archiverecoverableitemspurges",
  "archiverecoverableitemsdiscoveryholds",
];

type Asks = Pick<Session, "call">;

/** What identifies a stored message. */
export type Sought = Pick<Delivery, "mailbox" | "folder"> & { message: Pick<Message, "id"> };

/** Everything stored with the same identity, the oldest answer first. More than one is a duplicate. */
export async function findStored(
  deliveries: Sought[],
  context: SubmitContext,
  signal: AbortSignal,
): Promise<Receipt[][]> {
  const found = new Map<Sought, Receipt[]>();
  const groups = Map.groupBy(deliveries, ({ mailbox, folder }) => JSON.stringify([mailbox, folder]));
  for (const group of groups.values()) {
    for (let start = 0; start < group.length; start += IDS_AT_ONCE) {
      const some = group.slice(start, start + IDS_AT_ONCE);
      const receipts = await inFolder(some, context, signal);
      for (const delivery of some) found.set(delivery, receipts.get(bareId(delivery.message.id).toLowerCase()) ?? []);
    }
  }
  return deliveries.map((delivery) => found.get(delivery) ?? []);
}

async function inFolder(
  deliveries: Sought[],
  { folders, session }: SubmitContext,
  signal: AbortSignal,
): Promise<Map<string, Receipt[]>> {
  const receipts = new Map<string, Receipt[]>();
  const [first] = deliveries;
  if (!first) return receipts;
  const { mailbox, folder } = first;
  try {
    const reference = await folders.reference(mailbox, folder, signal, { make: false });
    if (!reference) return receipts;
    const ids = deliveries.map(({ message }) => message.id);
    return await searchFolder(reference, { mailbox, ids, session, signal });
  } catch (error) {
    const failure = asFailure(error);
    if (failure.disposition === "no-mailbox") return receipts;
    if (failure.code === "ErrorFolderNotFound" && folder.kind === "visible") {
      folders.forget(mailbox);
      return receipts;
    }
    throw thrown(failure);
  }
}

/** Receipts by the Message-ID, without its brackets and in small letters. */
async function searchFolder(
  reference: FolderReference,
  { mailbox, ids, session, signal }: { mailbox: string; ids: string[]; session: Asks; signal: AbortSignal },
): Promise<Map<string, Receipt[]>> {
  const receipts = new Map<string, Receipt[]>();
  for (let offset = 0; ; offset += PAGE) {
    const { messages, correlationId } = await session.call({
      operation: "FindItem",
      mailbox,
      body: findItem(reference, ids, offset, PAGE),
      signal,
      idempotent: true,
    });
    const [message] = messages;
    if (message && "failure" in message) throw message.failure;
    const root = find(message?.element, "RootFolder");
    for (const item of find(root, "Items")?.children ?? []) collect(item, correlationId, receipts);
    if (root?.attributes["IncludesLastItemInRange"] !== "false") return receipts;
  }
}

/** Whether a mailbox still has what was written into its Purges. */
export async function isKept(mailbox: string, messageId: string, session: Asks, signal: AbortSignal): Promise<boolean> {
  async function has(distinguished: string): Promise<boolean> {
    const found = await searchFolder({ distinguished, mailbox }, { mailbox, ids: [messageId], session, signal });
    return found.size > 0;
  }
  try {
    if (await has("recoverableitemspurges")) return true;
    for (const folder of MOVED_TO) if (await has(folder).catch(isNoFolder)) return true;
    return false;
  } catch (error) {
    throw thrown(asFailure(error));
  }
}

/** Not every mailbox has an archive, nor DiscoveryHolds before something was held there. */
function isNoFolder(error: unknown): false {
  const failure = asFailure(error);
  if (failure.code === "ErrorFolderNotFound" || failure.disposition === "no-mailbox") return false;
  throw failure;
}

function collect(item: Element, correlationId: string, receipts: Map<string, Receipt[]>): void {
  const itemId = itemIdOf(item);
  if (itemId === undefined) return;
  const named = textAt(find(item, "ExtendedProperty"), "Value");
  const ids = new Set(
    [named, textAt(item, "InternetMessageId")].filter((id) => id !== undefined).map((id) => bareId(id).toLowerCase()),
  );
  for (const id of ids) receipts.set(id, [...(receipts.get(id) ?? []), { itemId, correlationId }]);
}

/** The stored mail's bytes. */
export async function* readStored(
  mailbox: string,
  { itemId }: Receipt,
  { session }: SubmitContext,
): AsyncIterable<Uint8Array> {
  const signal = new AbortController().signal;
  try {
    const { messages } = await session.call({
      operation: "GetItem",
      mailbox,
      body: getMime(itemId),
      signal,
      idempotent: true,
    });
    const [message] = messages;
    if (message && "failure" in message) throw message.failure;
    const mime = textAt(find(message?.element, "MimeContent"));
    if (mime === undefined)
      throw new ExchangeFailure("unknown", "The item came without its MIME content.", { code: "NoError" });
    yield Buffer.from(mime, "base64");
  } catch (error) {
    throw thrown(asFailure(error));
  }
}

/** Hard deletion puts an item into Purges, where a hold keeps it. What is gone already is as it should be. */
export async function withdrawStored(
  copies: { mailbox: string; receipt: Receipt }[],
  { session }: SubmitContext,
  signal: AbortSignal,
): Promise<void> {
  for (const [mailbox, group] of Map.groupBy(copies, ({ mailbox }) => mailbox)) {
    for (let start = 0; start < group.length; start += IDS_AT_ONCE) {
      const ids = group.slice(start, start + IDS_AT_ONCE).map(({ receipt }) => receipt.itemId);
      try {
        const { messages } = await session.call({
          operation: "DeleteItem",
          mailbox,
          body: deleteItems(ids),
          signal,
          idempotent: true,
        });
        for (const message of messages) {
          if ("failure" in message && message.failure.code !== "ErrorItemNotFound") throw message.failure;
        }
      } catch (error) {
        throw thrown(asFailure(error));
      }
    }
  }
}
