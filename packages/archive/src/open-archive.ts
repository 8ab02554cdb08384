import { mkdirSync } from "node:fs";
import type { BlobReader, Delivery, Folder, MailArchive, Outcome, Receipt } from "@hansard/core/ingestion";
import { admit } from "./admit.ts";
import { BlobStore } from "./blob-store.ts";
import { Blocks } from "./block.ts";
import type { Compaction } from "./compact.ts";
import type { Database } from "./database.ts";
import { Directory } from "./directory.ts";
import { type Exported, type Selection, exportMessages } from "./export-messages.ts";
import { indexFile } from "./index-store.ts";
import { type IndexThread, startIndexThread } from "./index-thread.ts";
import { OF_MESSAGE } from "./item-writer.ts";
import { type FolderSummary, type MailboxSummary, listFolders, listMailboxes } from "./list-mailboxes.ts";
import { mailArchive } from "./mail-archive.ts";
import { RequestPacker } from "./request-packer.ts";
import { type SearchOptions, type SearchResult, count, search } from "./search.ts";
import { type Stats, statsOf } from "./stats.ts";
import { findDeliveries, messageOfItem, type Stored } from "./store-deliveries.ts";
import { BusyError, type StoreThread, storeThread } from "./store-thread.ts";
import { findMail, readMail } from "./stored-mail.ts";
import { openTruth } from "./truth.ts";
import { type Verification, verify } from "./verify.ts";

export interface ArchiveOptions {
  /** Where attachments are read from when their message is submitted. */
  blobs?: BlobReader;
  /** The addresses that have a mailbox, or `any`: a mailbox is made by its first delivery. */
  mailboxes?: "any" | readonly string[];
}

/**
 * A folder of mailboxes. What `submit` has accepted is durable and stored once, whatever happens and however often it is
 * submitted. An input or output error ends the use of the archive: open it again when the cause is mended.
 */
export interface Archive {
  /** Stores deliveries, all in one transaction, and says of each what became of it. */
  submit(deliveries: readonly Delivery[]): Promise<Outcome[]>;
  /** The receipts of what is there already, in the order of the deliveries. */
  find(deliveries: readonly Delivery[]): Promise<(Receipt | undefined)[]>;
  /** The mail of an item, byte for byte as it came. */
  read(mailbox: string, itemId: string): AsyncIterable<Uint8Array>;
  /** Finds messages, the newest first, in all folders, hidden ones too. Rejects with a QueryError that names the place. */
  search(query: string, options?: SearchOptions): Promise<SearchResult>;
  /** How many messages a query finds, exactly. */
  count(query: string, options?: Pick<SearchOptions, "mailboxes">): Promise<number>;
  mailboxes(): Promise<MailboxSummary[]>;
  /** A mailbox's folders, as its owner sees them; with `hidden`, all of them. */
  folders(mailbox: string, options?: { hidden?: boolean }): Promise<FolderSummary[] | undefined>;
  /** Takes copies out of their mailboxes, and keeps a record of it. */
  withdraw(copies: readonly { mailbox: string; receipt: Receipt }[]): Promise<void>;
  /** The archive by Message-ID, as runners ask it. */
  mail: MailArchive;
  createMailbox(address: string): Promise<void>;
  createFolder(mailbox: string, folder: Folder): Promise<void>;
  /** The mailbox of this address, where the settings list it. */
  resolve(address: string): string | undefined;
  export(selection: Selection, folder: string): Promise<Exported>;
  /** Checks every message against its hash, and the tables against each other. */
  verify(): Promise<Verification>;
  stats(): Promise<Stats>;
  /** Merges small blocks, which live capture makes, into large ones. */
  compact(): Promise<Compaction>;
  /** Makes the index anew from the truth. */
  reindex(): Promise<void>;
  /** Resolves when searches find all that was accepted before. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the archive in a folder, which is made where it does not exist. It must be on a local disk. */
export async function openArchive(folder: string, options: ArchiveOptions = {}): Promise<Archive> {
  mkdirSync(folder, { recursive: true });
  const truth = openTruth(folder);
  const directory = new Directory(truth, options.mailboxes ?? "any");
  const blobs = new BlobStore(folder);
  const threads = { index: startIndexThread(folder), store: storeThread(folder) };
  const room: Room = { folder, truth, directory, blobs, blocks: new Blocks(truth), ...threads };
  return {
    ...taking(room, options.blobs),
    ...showing(room),
    async close() {
      await room.store.close();
      await room.index.close();
      (await room.attached)?.close();
      truth.close();
    },
  };
}

/** All that an open archive has in hand. */
interface Room {
  folder: string;
  truth: Database;
  directory: Directory;
  blobs: BlobStore;
  blocks: Blocks;
  index: IndexThread;
  store: StoreThread;
  /** The truth with the index attached, for searches. */
  attached?: Promise<Database>;
}

type Taking =
  | "submit"
  | "find"
  | "withdraw"
  | "createMailbox"
  | "createFolder"
  | "resolve"
  | "compact"
  | "reindex"
  | "settle";

function taking(room: Room, source: BlobReader | undefined): Pick<Archive, Taking> {
  const { truth, directory, blocks, index, store } = room;
  const packer = new RequestPacker();
  return {
    submit: (deliveries) => submit(room, packer, source, deliveries),
    find: async (deliveries) => findDeliveries({ truth, directory }, deliveries),
    async withdraw(copies) {
      const request = await store.ask("withdraw", [...copies]);
      if (request !== undefined) index.add(request);
    },
    createMailbox: (address) => store.ask("createMailbox", address.toLowerCase()),
    createFolder: (mailbox, folder) => store.ask("createFolder", { mailbox: mailbox.toLowerCase(), folder }),
    resolve: (address) => (directory.lists(address.toLowerCase()) ? address.toLowerCase() : undefined),
    async compact() {
      await index.settle();
      const compaction = await store.ask("compact", undefined);
      blocks.clear();
      return compaction;
    },
    reindex: () => index.rebuild(),
    settle: () => index.settle(),
  };
}

async function submit(
  { truth, directory, blobs, index, store }: Room,
  packer: RequestPacker,
  source: BlobReader | undefined,
  deliveries: readonly Delivery[],
): Promise<Outcome[]> {
  try {
    const settled = await admit({ directory, blobs, source }, deliveries);
    await index.room();
    const packed = packer.pack(deliveries, settled);
    const { outcomes, correlationId, request, memory } = await store.ask("store", packed, [packed.data.buffer]);
    packer.reuse(memory);
    if (request !== undefined) index.add(request);
    const stored = (JSON.parse(outcomes) as Stored["outcomes"]).values();
    return settled.map((outcome) => outcome ?? asOutcome(stored.next().value, correlationId));
  } catch (error) {
    if (error instanceof BusyError) return deliveries.map(() => ({ status: "retry", reason: error.message }));
    truth.fail(error);
    throw error;
  }
}

function asOutcome(stored: string | Outcome | undefined, correlationId: string): Outcome {
  if (stored === undefined) throw new Error("The archive's store did not say what became of each delivery.");
  return typeof stored === "string" ? { status: "accepted", receipt: { itemId: stored, correlationId } } : stored;
}

type Showing = "read" | "search" | "count" | "mailboxes" | "folders" | "mail" | "export" | "verify" | "stats";

function showing(room: Room): Pick<Archive, Showing> {
  const { folder, blobs, blocks } = room;
  const verifyAll = () => verify(() => attached(room), blobs);
  return {
    mail: mailArchive({ upToDate: () => upToDate(room), verify: verifyAll, blocks, blobs }),
    read: (mailbox, itemId) => readItem(room, mailbox, itemId),
    search: async (query, options) => search(await upToDate(room), query, options),
    count: async (query, options) => count(await upToDate(room), query, options),
    mailboxes: async () => listMailboxes(await upToDate(room)),
    folders: async (mailbox, options) => listFolders(await upToDate(room), mailbox, options),
    export: async (selection, target) =>
      exportMessages({ database: await upToDate(room), blocks, blobs }, selection, target),
    verify: verifyAll,
    stats: async () => statsOf(await upToDate(room), folder),
  };
}

/** What is shown includes all that was accepted. */
async function upToDate(room: Room): Promise<Database> {
  await room.index.settle();
  room.attached ??= attached(room);
  return room.attached;
}

/** A new connection to the truth with the index attached. */
async function attached({ folder, index }: Room): Promise<Database> {
  await index.settle();
  const database = openTruth(folder);
  database.exec(`ATTACH '${indexFile(folder).replaceAll("'", "''")}' AS derived`);
  return database;
}

async function* readItem(
  { truth, directory, blocks, blobs }: Room,
  address: string,
  itemId: string,
): AsyncIterable<Uint8Array> {
  const mailbox = directory.find(address.toLowerCase());
  const message = mailbox === undefined ? undefined : messageOfItem(itemId, mailbox.id);
  const isThere =
    message !== undefined &&
    truth.get(`SELECT 1 FROM item WHERE ${OF_MESSAGE} AND mailbox = ?`, message, mailbox?.id ?? 0) !== undefined;
  const place = isThere ? findMail(truth, message) : undefined;
  if (place === undefined) throw new Error(`The mailbox ${address} has no item ${itemId}.`);
  yield* readMail(blocks, blobs, place);
}
