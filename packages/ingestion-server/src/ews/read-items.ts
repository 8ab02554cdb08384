import type { ItemSearch } from "../store-query.ts";
import { type Call, folderAt, itemAt } from "./call.ts";
import { each } from "./each.ts";
import { writeItem } from "./item-output.ts";
import { readPage } from "./page.ts";
import { fieldOf, readRestriction } from "./restriction.ts";
import { child, type Node } from "./xml-tree.ts";

export function getItem(call: Call): Promise<string> {
  const shape = child(call.operation, "ItemShape");
  return each(
    "GetItem",
    child(call.operation, "ItemIds")?.children ?? [],
    async (node) => `<m:Items>${await writeItem(call, itemAt(call, node), shape)}</m:Items>`,
  );
}

export function findItem(call: Call): Promise<string> {
  const { operation, context } = call;
  const shape = child(operation, "ItemShape");
  return each("FindItem", child(operation, "ParentFolderIds")?.children ?? [], async (node) => {
    const folder = folderAt(call, node);
    const filter = readRestriction(child(operation, "Restriction"));
    const orderBy = readOrder(child(operation, "SortOrder"));
    const search: ItemSearch = {
      mailbox: folder.mailbox,
      folder: folder.id,
      ...(filter && { filter }),
      ...(orderBy && { orderBy }),
    };
    const view = child(operation, "IndexedPageItemView");
    const { from, to, attributes } = readPage(view, context.store.findItems({ ...search, limit: 1 }).total);
    const { items } = context.store.findItems({ ...search, offset: from, limit: to - from });
    const written = await Promise.all(items.map((item) => writeItem(call, item, shape, true)));
    return `<m:RootFolder${attributes}><t:Items>${written.join("")}</t:Items></m:RootFolder>`;
  });
}

function readOrder(order: Node | undefined): ItemSearch["orderBy"] {
  return order?.children.map((node) => {
    const [path] = node.children;
    return { field: fieldOf(path ?? node), descending: node.attributes["Order"] === "Descending" };
  });
}
