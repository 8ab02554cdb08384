import { createAttachment, getAttachment } from "./attachments.ts";
import type { Call } from "./call.ts";
import { createItem } from "./create-item.ts";
import { createFolder, findFolder, getFolder } from "./folders.ts";
import { deleteItem, moveItem } from "./move-items.ts";
import { findItem, getItem } from "./read-items.ts";
import { resolveNames } from "./resolve-names.ts";

export interface Operation {
  isWrite: boolean;
  /** Where the request lists its items, of which each gets a response message. */
  items: string;
  /** The response messages. */
  answer(call: Call): Promise<string>;
}

export const OPERATIONS: Record<string, Operation> = {
  GetFolder: { isWrite: false, items: "FolderIds", answer: getFolder },
  FindFolder: { isWrite: false, items: "ParentFolderIds", answer: findFolder },
  CreateFolder: { isWrite: true, items: "Folders", answer: createFolder },
  FindItem: { isWrite: false, items: "ParentFolderIds", answer: findItem },
  GetItem: { isWrite: false, items: "ItemIds", answer: getItem },
  CreateItem: { isWrite: true, items: "Items", answer: createItem },
  MoveItem: { isWrite: true, items: "ItemIds", answer: moveItem },
  DeleteItem: { isWrite: true, items: "ItemIds", answer: deleteItem },
  CreateAttachment: { isWrite: true, items: "Attachments", answer: createAttachment },
  GetAttachment: { isWrite: false, items: "AttachmentIds", answer: getAttachment },
  ResolveNames: { isWrite: false, items: "UnresolvedEntry", answer: resolveNames },
};
