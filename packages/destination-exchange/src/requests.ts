import type { Delivery, Folder } from "@hansard/core/ingestion";
import { xml } from "./xml.ts";

/** The named properties that Hansard sets, few and always the same: a mailbox has a quota of their names. */
export const ID_PROPERTY = "X-Hansard-Id";
const NAMED = ["X-Hansard-Source", "X-Hansard-Event", "X-Hansard-Version", "X-Hansard-Part"];

const ENVELOPE_START =
  '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"' +
  ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"' +
  ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><soap:Header><t:RequestServerVersion Version="Exchange2013_SP1"/>';

/** A whole request: `impersonated` is the mailbox whose owner it acts as, if anybody's. */
export function envelope(body: string, impersonated: string | undefined): string {
  const acting =
    impersonated === undefined
      ? ""
      : `<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>${xml(impersonated)}</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`;
  return `${ENVELOPE_START}${acting}</soap:Header><soap:Body>${body}</soap:Body></soap:Envelope>`;
}

/** Where items are put or looked for: a folder that every mailbox has, or one by its id. */
export type FolderReference = { distinguished: string; mailbox: string } | { id: string };

export function folderReference(reference: FolderReference): string {
  if ("id" in reference) return `<t:FolderId Id="${xml(reference.id)}"/>`;
  const { distinguished, mailbox } = reference;
  return `<t:DistinguishedFolderId Id="${distinguished}"><t:Mailbox><t:EmailAddress>${xml(mailbox)}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`;
}

/** The folder that every mailbox has for this purpose; for a visible one, the root that it lies under. */
export function distinguishedFolder(folder: Folder, mailbox: string): FolderReference {
  if (folder.kind === "purges") return { distinguished: "recoverableitemspurges", mailbox };
  return { distinguished: folder.kind === "inbox" ? "inbox" : "msgfolderroot", mailbox };
}

/** `CreateItem` with the elements in the order that the schema's sequence demands. `mime` is the mail in base64. */
export function createItem(
  folder: FolderReference,
  items: { delivery: Delivery; mime: string }[],
  isRead: boolean,
): string {
  const messages = items.map(({ delivery, mime }) => message(delivery, mime, isRead)).join("");
  return `<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>${folderReference(folder)}</m:SavedItemFolderId><m:Items>${messages}</m:Items></m:CreateItem>`;
}

function message({ message: { id, messageClass, date, headers } }: Delivery, mime: string, isRead: boolean): string {
  const named = headers.filter(([name]) => NAMED.includes(name));
  return (
    `<t:Message><t:MimeContent CharacterSet="UTF-8">${mime}</t:MimeContent><t:ItemClass>${xml(messageClass)}</t:ItemClass>` +
    // Without the flags an item is a draft for ever, and without the dates it is from today.
    property('PropertyTag="0x0E07" PropertyType="Integer"', isRead ? "1" : "2") +
    property('PropertyTag="0x0E06" PropertyType="SystemTime"', date) +
    property('PropertyTag="0x0039" PropertyType="SystemTime"', date) +
    named.map(([name, value]) => property(internetHeader(name), value)).join("") +
    property(internetHeader(ID_PROPERTY), bareId(id)) +
    `<t:IsRead>${String(isRead)}</t:IsRead></t:Message>`
  );
}

function property(uri: string, value: string): string {
  return `<t:ExtendedProperty><t:ExtendedFieldURI ${uri}/><t:Value>${xml(value)}</t:Value></t:ExtendedProperty>`;
}

function internetHeader(name: string): string {
  return `DistinguishedPropertySetId="InternetHeaders" PropertyName="${xml(name)}" PropertyType="String"`;
}

/** The Message-ID without its angle brackets. */
export function bareId(messageId: string): string {
  return messageId.replace(/^<|>$/g, "");
}

/** Finds items by Message-ID or, where the server has changed that, by our own property. */
export function findItem(folder: FolderReference, messageIds: string[], offset: number, most: number): string {
  const conditions = messageIds.flatMap((id) => [
    isEqual('<t:FieldURI FieldURI="message:InternetMessageId"/>', id),
    isEqual(`<t:ExtendedFieldURI ${internetHeader(ID_PROPERTY)}/>`, bareId(id)),
  ]);
  return (
    '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="message:InternetMessageId"/>' +
    `<t:ExtendedFieldURI ${internetHeader(ID_PROPERTY)}/></t:AdditionalProperties></m:ItemShape>` +
    `<m:IndexedPageItemView MaxEntriesReturned="${most}" Offset="${offset}" BasePoint="Beginning"/>` +
    `<m:Restriction><t:Or>${conditions.join("")}</t:Or></m:Restriction><m:ParentFolderIds>${folderReference(folder)}</m:ParentFolderIds></m:FindItem>`
  );
}

function isEqual(field: string, value: string): string {
  return `<t:IsEqualTo>${field}<t:FieldURIOrConstant><t:Constant Value="${xml(value)}"/></t:FieldURIOrConstant></t:IsEqualTo>`;
}

export function getMime(itemId: string): string {
  return `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape><m:ItemIds><t:ItemId Id="${xml(itemId)}"/></m:ItemIds></m:GetItem>`;
}

export function deleteItems(itemIds: string[]): string {
  const ids = itemIds.map((id) => `<t:ItemId Id="${xml(id)}"/>`).join("");
  return `<m:DeleteItem DeleteType="HardDelete"><m:ItemIds>${ids}</m:ItemIds></m:DeleteItem>`;
}

export function getFolder(folder: FolderReference): string {
  return `<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds>${folderReference(folder)}</m:FolderIds></m:GetFolder>`;
}

export function findFolder(parent: FolderReference, name: string): string {
  return (
    '<m:FindFolder Traversal="Shallow"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>' +
    `<m:Restriction>${isEqual('<t:FieldURI FieldURI="folder:DisplayName"/>', name)}</m:Restriction>` +
    `<m:ParentFolderIds>${folderReference(parent)}</m:ParentFolderIds></m:FindFolder>`
  );
}

export function createFolder(parent: FolderReference, name: string): string {
  return (
    `<m:CreateFolder><m:ParentFolderId>${folderReference(parent)}</m:ParentFolderId><m:Folders>` +
    `<t:Folder><t:FolderClass>IPF.Note</t:FolderClass><t:DisplayName>${xml(name)}</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>`
  );
}

export function resolveName(address: string): string {
  return `<m:ResolveNames ReturnFullContactData="false" SearchScope="ActiveDirectory"><m:UnresolvedEntry>smtp:${xml(address)}</m:UnresolvedEntry></m:ResolveNames>`;
}
