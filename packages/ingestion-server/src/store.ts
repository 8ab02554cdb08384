import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openArchive } from "@hansard/archive";
import { readMail } from "@hansard/core/ingestion";
import { ArchiveFeed, mailOf, messageOf } from "./store-archive.ts";
import { Accepted } from "./store-accepted.ts";
import { Attachments, type BroughtAttachment } from "./store-attachments.ts";
import { ContentStore } from "./store-content.ts";
import { StoreDatabase } from "./store-database.ts";
import { Mailboxes } from "./store-folders.ts";
import { Items } from "./store-items.ts";
import { Rest } from "./store-rest.ts";
import type { Mailbox, MailboxSettings, NewAttachment, Store, StoredFolder, StoredItem } from "./store-types.ts";

const RETENTION_MS = 14 * 24 * 60 * 60 * 1000;

/** All that an open store has in hand. */
interface Room {
  database: StoreDatabase;
  contents: ContentStore;
  mailboxes: Mailboxes;
  items: Items;
  attachments: Attachments;
  accepted: Accepted;
  archive: Awaited<ReturnType<typeof openArchive>>;
  feed: ArchiveFeed;
  retentionMs: number;
}

/** Opens the store in a folder, which is made where it does not exist: `store.db`, `content/` and the archive beside them. */
export async function openStore(folder: string, seeds: MailboxSettings[] = []): Promise<Store> {
  mkdirSync(folder, { recursive: true });
  const database = new StoreDatabase(join(folder, "store.db"));
  const contents = new ContentStore(folder, database);
  const mailboxes = new Mailboxes(database);
  const attachments = new Attachments(database, contents);
  const rest = new Rest(database);
  const accepted = new Accepted(database);
  const items = new Items({ database, mailboxes, attachments, rest, accepted });
  const archive = await openArchive(join(folder, "archive"), { blobs: contents });
  const feed = new ArchiveFeed(archive, {
    pending: (limit) => rest.pending(limit),
    mime: (item) => items.mime(item.id).mime,
    attachments: (item) => attachments.of(item),
    path: (item) => pathOf(mailboxes, item),
    settle: (results) => database.write(() => rest.settle(results)),
    blobs: contents,
  });
  const room: Room = {
    database,
    contents,
    mailboxes,
    items,
    attachments,
    accepted,
    archive,
    feed,
    retentionMs: RETENTION_MS,
  };
  for (const seed of seeds) mailboxes.set(seed);
  feed.wake();
  return { archive, ...directoryOf(room), ...itemsOf(room), ...attachmentsOf(room), ...recordsOf(room) };
}

type Directory =
  | "setMailbox"
  | "removeMailbox"
  | "mailboxes"
  | "mailbox"
  | "mailboxById"
  | "wellKnownFolder"
  | "folder"
  | "childFolders"
  | "createFolder"
  | "setRetention";

function directoryOf(room: Room): Pick<Store, Directory> {
  const { database, mailboxes } = room;
  return {
    setMailbox: (settings) => setMailbox(room, settings),
    removeMailbox: (address) => mailboxes.remove(address),
    mailboxes: () => mailboxes.list(),
    mailbox: (name) => mailboxes.find(name),
    mailboxById: (id) => mailboxes.byId(id),
    wellKnownFolder: (mailbox, name) => mailboxes.wellKnown(mailbox, name),
    folder: (id) => mailboxes.folder(id),
    childFolders: (mailbox, parent) => mailboxes.children(mailbox, parent),
    createFolder: (mailbox, parent, name, options = {}) =>
      database.write(() => mailboxes.create(mailbox, parent, name, options.isHidden ?? false)),
    setRetention(ms) {
      room.retentionMs = ms;
    },
  };
}

function setMailbox({ database, mailboxes, items, retentionMs }: Room, settings: MailboxSettings): Mailbox {
  const before = mailboxes.find(settings.address)?.onHold;
  const mailbox = mailboxes.set(settings);
  if (before !== undefined && before !== mailbox.onHold) {
    const purges = mailboxes.wellKnown(mailbox.id, "recoverableitemspurges");
    database.writeNow(() => items.setHold(purges, mailbox.onHold ? null : Date.now() + retentionMs));
  }
  return mailbox;
}

type OfItems =
  | "createItem"
  | "item"
  | "updateItem"
  | "moveItem"
  | "purgeItem"
  | "removeItem"
  | "removeFolder"
  | "findItems"
  | "itemsIn"
  | "properties";

function itemsOf(room: Room): Pick<Store, OfItems> {
  const { database, items, feed } = room;
  async function written<Result>(work: () => Result): Promise<Result> {
    const result = await database.write(work);
    feed.wake();
    return result;
  }
  return {
    async createItem(folder, item) {
      const attachments = await Promise.all((item.attachments ?? []).map((attachment) => bring(room, attachment)));
      return written(() => items.create(folder, item, attachments));
    },
    item: (id) => items.get(id),
    updateItem: (id, changes) => written(() => items.update(id, changes)),
    moveItem: (id, folder) => written(() => items.move(id, folder)),
    purgeItem: (id) => written(() => purge(room, id)),
    removeItem: (id) => written(() => items.remove(id)),
    removeFolder: (id) => written(() => removeFolder(room, id)),
    findItems(search) {
      // What was taken before is found, even where the disk is slow: else a client would write it again.
      database.flush();
      return items.find(search);
    },
    itemsIn(folder) {
      database.flush();
      return items.in(folder);
    },
    properties: (item) => items.properties(item),
  };
}

function purge({ mailboxes, items, retentionMs }: Room, id: number): void {
  const item = items.get(id);
  const mailbox = item && mailboxes.byId(item.mailbox);
  if (mailbox === undefined) return;
  items.move(
    id,
    mailboxes.wellKnown(mailbox.id, "recoverableitemspurges"),
    mailbox.onHold ? undefined : Date.now() + retentionMs,
  );
}

function removeFolder(room: Room, id: number): void {
  const { mailboxes, items } = room;
  const folder = mailboxes.folder(id);
  if (folder === undefined) return;
  for (const child of mailboxes.children(folder.mailbox, id)) removeFolder(room, child.id);
  for (const item of items.in(id)) purge(room, item.id);
  mailboxes.removeFolder(id);
}

type OfAttachments = "addAttachment" | "attachments" | "attachment" | "readAttachment" | "readMime";

function attachmentsOf(room: Room): Pick<Store, OfAttachments> {
  const { database, contents, items, attachments } = room;
  return {
    async addAttachment(item, attachment) {
      const brought = await bring(room, attachment);
      return database.write(() => items.addAttachment(item, brought));
    },
    attachments: (item) => attachments.of(item),
    attachment: (id) => attachments.get(id),
    readAttachment: ({ sha256 }) => contents.read({ sha256 }),
    readMime: (item) => readMime(room, item),
  };
}

type Records = "accepted" | "duplicates" | "settle" | "close";

function recordsOf({ database, feed, archive, accepted }: Room): Pick<Store, Records> {
  return {
    accepted: () => accepted.all(),
    duplicates: () => accepted.duplicates(),
    settle: () => feed.drain(),
    async close() {
      await feed.drain();
      await feed.close();
      await archive.close();
      database.close();
    },
  };
}

async function bring(
  { contents }: Room,
  { name, contentType, isInline = false, contentId, content }: NewAttachment,
): Promise<BroughtAttachment> {
  return {
    name,
    contentType,
    isInline,
    ...(contentId !== undefined && { contentId }),
    content: await contents.bring(content),
  };
}

async function* readMime(
  { items, attachments, archive, mailboxes, contents }: Room,
  item: StoredItem,
): AsyncIterable<Uint8Array> {
  const { mime, receipt } = items.mime(item.id);
  const address = mailboxes.byId(item.mailbox)?.address;
  if (mime === undefined && receipt !== undefined && address !== undefined) {
    yield* archive.read(address, receipt);
    return;
  }
  const message = messageOf(item, attachments.of(item.id));
  yield* readMail(await mailOf(item, message, { mime: () => mime, blobs: contents }), contents);
}

/** The folders from the root to the item's own. */
function pathOf(mailboxes: Mailboxes, item: StoredItem): { mailbox: string; folders: StoredFolder[] } {
  const folders: StoredFolder[] = [];
  let folder = mailboxes.folder(item.folder);
  while (folder !== undefined) {
    folders.unshift(folder);
    folder = folder.parent === 0 ? undefined : mailboxes.folder(folder.parent);
  }
  return { mailbox: mailboxes.byId(item.mailbox)?.address ?? "", folders };
}
