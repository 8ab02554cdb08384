import type { ServerContext } from "../server.ts";
import type { Mailbox, StoredFolder, StoredItem, WellKnown } from "../store-types.ts";
import { readId, writeId } from "../store-id.ts";
import { type Caller, mailboxFor, mayOpen } from "./caller.ts";
import { EwsError } from "./fault.ts";
import { child, type Node, text } from "./xml-tree.ts";

/** One operation on its way. */
export interface Call {
  context: ServerContext;
  caller: Caller;
  /** The element of the operation. It is valid. */
  operation: Node;
  requestId: string;
  /** When searches begin to find what this request makes. */
  visibleAt?: Date;
  messageBytes: number;
  /** The third-party data mailbox, where the request came to the ingestion service. */
  ingestionFor?: string;
}

/** The folder that a `FolderId` or `DistinguishedFolderId` names. */
export function folderAt({ context, caller }: Call, node: Node | undefined): StoredFolder {
  const { store } = context;
  if (node?.name === "DistinguishedFolderId") {
    const mailbox = mailboxFor(context, caller, text(child(node, "Mailbox"), "EmailAddress"));
    const name = node.attributes["Id"] ?? "";
    if (name.startsWith("archive"))
      throw new EwsError("ErrorArchiveMailboxNotEnabled", "The archive mailbox is not enabled for this user.");
    const wellKnown = WELL_KNOWN_OF[name];
    if (wellKnown) return store.wellKnownFolder(mailbox.id, wellKnown);
    throw new EwsError("ErrorFolderNotFound", "The specified folder could not be found in the store.");
  }
  const parts = readId(node?.attributes["Id"] ?? "");
  if (parts === undefined) throw new EwsError("ErrorInvalidIdMalformed", "Id is malformed.");
  if (parts.kind !== "folder")
    throw new EwsError("ErrorCannotUseItemIdForFolderId", "Item ID can't be used as folder ID.");
  const folder = store.folder(parts.number);
  const mailbox = folder && store.mailboxById(folder.mailbox);
  if (!folder || !mailbox || !mayOpen(caller, mailbox))
    throw new EwsError("ErrorFolderNotFound", "The specified folder could not be found in the store.");
  return folder;
}

/** The item that an `ItemId` names. What one may not see, is not there. */
export function itemAt({ context, caller }: Call, node: Node | undefined): StoredItem {
  const parts = readId(node?.attributes["Id"] ?? "");
  if (parts === undefined || (parts.kind !== "item" && parts.kind !== "immutable-item"))
    throw new EwsError("ErrorInvalidIdMalformed", "Id is malformed.");
  const item = context.store.item(parts.number);
  const mailbox = item && context.store.mailboxById(item.mailbox);
  const isMoved = parts.kind === "item" && item?.folder !== parts.folder;
  if (!item || !mailbox || isMoved || !mayOpen(caller, mailbox))
    throw new EwsError("ErrorItemNotFound", "The specified object was not found in the store.");
  return item;
}

export function itemId({ id, mailbox, folder, change }: StoredItem): string {
  return `<t:ItemId Id="${writeId({ kind: "item", mailbox, number: id, folder })}" ChangeKey="${changeKey(id, change)}"/>`;
}

export function folderId(
  { id, mailbox }: Pick<StoredFolder, "id" | "mailbox">,
  name: "FolderId" | "ParentFolderId" = "FolderId",
): string {
  return `<t:${name} Id="${writeId({ kind: "folder", mailbox, number: id, folder: 0 })}" ChangeKey="${changeKey(id, 1)}"/>`;
}

export function changeKey(number: number, change: number): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(number, 4, 6);
  bytes.writeUInt32BE(change, 12);
  return `CQAA${bytes.toString("base64")}`;
}

export function mailboxOf({ context }: Call, { mailbox }: { mailbox: number }): Mailbox {
  const found = context.store.mailboxById(mailbox);
  if (!found) throw new EwsError("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.");
  return found;
}

/** `root` holds what the owner does not see as well; here the visible tree stands for it. */
const WELL_KNOWN_OF: Record<string, WellKnown> = {
  root: "msgfolderroot",
  msgfolderroot: "msgfolderroot",
  inbox: "inbox",
  drafts: "drafts",
  sentitems: "sentitems",
  deleteditems: "deleteditems",
  outbox: "outbox",
  junkemail: "junkemail",
  recoverableitemsroot: "recoverableitemsroot",
  recoverableitemsdeletions: "recoverableitemsdeletions",
  recoverableitemsversions: "recoverableitemsversions",
  recoverableitemspurges: "recoverableitemspurges",
  recoverableitemsdiscoveryholds: "recoverableitemsdiscoveryholds",
};
