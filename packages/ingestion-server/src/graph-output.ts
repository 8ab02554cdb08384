import { canonicalProperty } from "./graph-property.ts";
import { writeId } from "./store-id.ts";
import type { Mailbox, MailAddress, Store, StoredAttachment, StoredFolder, StoredItem } from "./store-types.ts";

/** How the client wants to see things. */
export interface View {
  /** `Prefer: IdType="ImmutableId"`. */
  isImmutable: boolean;
  select: string[] | undefined;
  expand: string | undefined;
  /** `Prefer: outlook.body-content-type="text"` asks for another form of the body than is stored. */
  bodyType?: "text" | "html";
}

export function messageJson(store: Store, item: StoredItem, view: View): Record<string, unknown> {
  const { content } = item;
  const whole: Record<string, unknown> = {
    createdDateTime: time(item.createdAt),
    lastModifiedDateTime: time(item.modifiedAt),
    changeKey: changeKey(item),
    categories: content.categories,
    receivedDateTime: time(item.receivedAt),
    sentDateTime: time(item.sentAt),
    hasAttachments: item.hasAttachments,
    internetMessageId: item.internetMessageId,
    subject: item.subject,
    bodyPreview: content.body.content.replace(/<[^>]*>/g, " ").slice(0, 255),
    importance: content.importance,
    parentFolderId: writeId({ kind: "folder", mailbox: item.mailbox, number: item.folder, folder: 0 }),
    isDeliveryReceiptRequested: false,
    isReadReceiptRequested: false,
    isRead: item.isRead,
    isDraft: item.isDraft,
    webLink: "",
    inferenceClassification: "focused",
    body: content.body,
    sender: recipient(content.sender),
    from: recipient(content.from),
    toRecipients: content.to.map(recipient),
    ccRecipients: content.cc.map(recipient),
    bccRecipients: content.bcc.map(recipient),
    replyTo: content.replyTo.map(recipient),
    flag: { flagStatus: "notFlagged" },
  };
  // Graph gives the headers only to those who ask for them by name.
  if (view.select?.includes("internetMessageHeaders") === true) whole["internetMessageHeaders"] = content.headers;
  return {
    "@odata.etag": `W/"${changeKey(item)}"`,
    id: itemId(item, view),
    ...selected(whole, view),
    ...expanded(store, item, view),
  };
}

export function itemId(item: StoredItem, { isImmutable }: Pick<View, "isImmutable">): string {
  return writeId({
    kind: isImmutable ? "immutable-item" : "item",
    mailbox: item.mailbox,
    number: item.id,
    folder: isImmutable ? 0 : item.folder,
  });
}

export function attachmentJson(
  attachment: StoredAttachment,
  mailbox: number,
  view: View,
  content?: Buffer,
): Record<string, unknown> {
  const { id, name, contentType, isInline, contentId, size, createdAt } = attachment;
  const whole = {
    lastModifiedDateTime: time(createdAt),
    name,
    contentType,
    size,
    isInline,
    contentId: contentId ?? null,
    contentLocation: null,
  };
  return {
    "@odata.type": "#microsoft.graph.fileAttachment",
    "@odata.mediaContentType": contentType,
    id: writeId({ kind: "attachment", mailbox, number: id, folder: 0 }),
    ...selected({ ...whole, ...(content !== undefined && { contentBytes: content.toString("base64") }) }, view),
  };
}

export function folderJson(store: Store, folder: StoredFolder, view: View): Record<string, unknown> {
  const children = store.childFolders(folder.mailbox, folder.id).length;
  const whole = {
    displayName: folder.name,
    parentFolderId: writeId({ kind: "folder", mailbox: folder.mailbox, number: folder.parent, folder: 0 }),
    childFolderCount: children,
    unreadItemCount: 0,
    totalItemCount: store.folder(folder.id)?.items ?? folder.items,
    sizeInBytes: 0,
    isHidden: folder.isHidden,
  };
  return {
    id: writeId({ kind: "folder", mailbox: folder.mailbox, number: folder.id, folder: 0 }),
    ...selected(whole, view),
  };
}

export function userJson(mailbox: Mailbox, view: View): Record<string, unknown> {
  const { address, objectId, displayName, userPrincipalName, proxyAddresses, employeeId } = mailbox;
  const whole = {
    businessPhones: [],
    displayName,
    givenName: null,
    jobTitle: null,
    mail: mailbox.hasMailbox ? address : null,
    surname: null,
    userPrincipalName,
    id: objectId,
  };
  const more = {
    proxyAddresses: [
      `SMTP:${address}`,
      ...proxyAddresses.map((proxy) => (/^smtp:/i.test(proxy) ? proxy : `smtp:${proxy}`)),
    ],
    employeeId: employeeId === "" ? null : employeeId,
    accountEnabled: true,
  };
  return view.select === undefined ? whole : selected({ ...whole, ...more }, view);
}

function selected(whole: Record<string, unknown>, { select }: View): Record<string, unknown> {
  if (select === undefined) return whole;
  const entries = Object.entries(whole).filter(([name]) => select.includes(name));
  return Object.fromEntries(entries);
}

function expanded(store: Store, item: StoredItem, { expand }: View): Record<string, unknown> {
  if (expand === undefined) return {};
  const result: Record<string, unknown> = {};
  const ids = [...expand.matchAll(/\bid\s+eq\s+'((?:[^']|'')*)'/gi)].map(([, id]) => (id ?? "").replaceAll("''", "'"));
  if (/singleValueExtendedProperties\s*\(/i.test(expand)) {
    const properties = store.properties(item.id);
    const found = ids.flatMap((id) => {
      const value = propertyOf(item, properties, canonicalProperty(id));
      return value === undefined ? [] : [{ id, value }];
    });
    if (found.length > 0) result["singleValueExtendedProperties"] = found;
  }
  if (/\battachments\b/i.test(expand)) {
    const view: View = { isImmutable: true, select: undefined, expand: undefined };
    result["attachments"] = store
      .attachments(item.id)
      .map((attachment) => attachmentJson(attachment, item.mailbox, view));
  }
  return result;
}

/** What the store knows as a field is a property too. */
function propertyOf(item: StoredItem, properties: Record<string, string>, name: string): string | undefined {
  if (name === "string 0x1a") return item.itemClass;
  if (name === "string 0x1035") return item.internetMessageId;
  return properties[name];
}

function recipient(address: MailAddress | undefined): unknown {
  return address === undefined
    ? undefined
    : { emailAddress: { name: address.name ?? address.address, address: address.address } };
}

function changeKey({ id, change }: StoredItem): string {
  return Buffer.from(`CQAAA${id}.${change}`).toString("base64");
}

function time(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/, "Z");
}
