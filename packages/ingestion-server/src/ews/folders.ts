import type { StoredFolder } from "../store-types.ts";
import { type Call, folderAt, folderId } from "./call.ts";
import { each } from "./each.ts";
import { EwsError } from "./fault.ts";
import { readPage } from "./page.ts";
import { child, element, escaped, type Node, text } from "./xml-tree.ts";

export function getFolder(call: Call): Promise<string> {
  const shape = child(call.operation, "FolderShape");
  return each(
    "GetFolder",
    child(call.operation, "FolderIds")?.children ?? [],
    (node) => `<m:Folders>${written(call, folderAt(call, node), shape)}</m:Folders>`,
  );
}

export function findFolder(call: Call): Promise<string> {
  const { operation, context } = call;
  const isDeep = operation.attributes["Traversal"] === "Deep";
  const shape = child(operation, "FolderShape");
  return each("FindFolder", child(operation, "ParentFolderIds")?.children ?? [], (node) => {
    const parent = folderAt(call, node);
    const all = descendants(parent).filter((folder) => matches(folder, child(operation, "Restriction")?.children[0]));
    const { from, to, attributes } = readPage(child(operation, "IndexedPageFolderView"), all.length);
    const folders = all.slice(from, to).map((folder) => written(call, folder, shape));
    return `<m:RootFolder ${attributes}><t:Folders>${folders.join("")}</t:Folders></m:RootFolder>`;
  });

  function descendants(parent: StoredFolder): StoredFolder[] {
    const children = context.store.childFolders(parent.mailbox, parent.id);
    return isDeep ? children.flatMap((folder) => [folder, ...descendants(folder)]) : children;
  }
}

export function createFolder(call: Call): Promise<string> {
  const { operation, context } = call;
  return each("CreateFolder", child(operation, "Folders")?.children ?? [], async (node) => {
    const parent = folderAt(call, child(operation, "ParentFolderId")?.children[0]);
    const name = text(node, "DisplayName") ?? "";
    if (name === "")
      throw new EwsError("ErrorFolderSave", "The folder save operation failed due to invalid property values.");
    const folder = await context.store.createFolder(parent.mailbox, parent.id, name);
    return `<m:Folders><t:Folder>${folderId(folder)}</t:Folder></m:Folders>`;
  });
}

function written({ context }: Call, folder: StoredFolder, shape: Node | undefined): string {
  const asked = new Set(
    child(shape, "AdditionalProperties")?.children.map(({ attributes }) => attributes["FieldURI"] ?? ""),
  );
  const isWhole = text(shape, "BaseShape") !== "IdOnly";
  const show = (field: string, content: string): string => (isWhole || asked.has(field) ? content : "");
  const children = context.store.childFolders(folder.mailbox, folder.id).length;
  return (
    `<t:Folder>${folderId(folder)}` +
    (asked.has("folder:ParentFolderId")
      ? folderId({ id: folder.parent, mailbox: folder.mailbox }, "ParentFolderId")
      : "") +
    (asked.has("folder:FolderClass") ? element("FolderClass", "IPF.Note") : "") +
    show("folder:DisplayName", element("DisplayName", folder.name)) +
    show("folder:TotalCount", element("TotalCount", folder.items)) +
    show("folder:ChildFolderCount", element("ChildFolderCount", children)) +
    show("folder:UnreadCount", element("UnreadCount", 0)) +
    "</t:Folder>"
  );
}

/** Folders are found by their names, which is all that clients ask for. */
function matches(folder: StoredFolder, condition: Node | undefined): boolean {
  if (!condition) return true;
  const field = child(condition, "FieldURI")?.attributes["FieldURI"];
  const value = child(condition, "FieldURIOrConstant", "Constant")?.attributes["Value"];
  if (condition.name === "IsEqualTo" && field === "folder:DisplayName" && value !== undefined) {
    return folder.name.toLowerCase() === value.toLowerCase();
  }
  throw new EwsError(
    "ErrorUnsupportedPathForQuery",
    `The restriction ${escaped(condition.name)} on ${field ?? "that"} is not supported for folders.`,
  );
}
