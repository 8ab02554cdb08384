import { type Call, folderAt, itemAt, itemId } from "./call.ts";
import { each } from "./each.ts";
import { child, text } from "./xml-tree.ts";

export function moveItem(call: Call): Promise<string> {
  const { operation, context } = call;
  return each("MoveItem", child(operation, "ItemIds")?.children ?? [], async (node) => {
    const folder = folderAt(call, child(operation, "ToFolderId")?.children[0]);
    const item = itemAt(call, node);
    const moved = await context.store.moveItem(item.id, folder);
    const shows = text(operation, "ReturnNewItemIds") !== "false" && moved !== undefined;
    return `<m:Items>${shows ? `<t:Message>${itemId(moved)}</t:Message>` : ""}</m:Items>`;
  });
}

/** HardDelete puts an item into Purges, where only a hold keeps it; out of Purges it goes for good, unless a hold keeps it. */
export function deleteItem(call: Call): Promise<string> {
  const { operation, context } = call;
  const { store } = context;
  const kind = operation.attributes["DeleteType"];
  return each("DeleteItem", child(operation, "ItemIds")?.children ?? [], async (node) => {
    const item = itemAt(call, node);
    const purges = store.wellKnownFolder(item.mailbox, "recoverableitemspurges");
    if (kind === "MoveToDeletedItems")
      await store.moveItem(item.id, store.wellKnownFolder(item.mailbox, "deleteditems"));
    else if (kind === "SoftDelete")
      await store.moveItem(item.id, store.wellKnownFolder(item.mailbox, "recoverableitemsdeletions"));
    else if (item.folder !== purges.id) await store.purgeItem(item.id);
    else if (store.mailboxById(item.mailbox)?.onHold !== true) await store.removeItem(item.id);
    return "";
  });
}
