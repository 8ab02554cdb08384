import type { Archive } from "@hansard/archive";
import type { ItemSearch } from "./store-query.ts";

/** A mailbox as the administrator set it up. */
export interface MailboxSettings {
  /** The primary SMTP address. */
  address: string;
  displayName?: string;
  /** The sign-in name. Absent: the address. */
  userPrincipalName?: string;
  /** The user's id in the directory. Absent: made from the address. */
  objectId?: string;
  /** Further addresses. */
  proxyAddresses?: string[];
  employeeId?: string;
  /** Whether the user has an active mailbox. A user without one answers as the vendor does: no licence, or hosted elsewhere. */
  hasMailbox?: boolean;
  /** Whether Recoverable Items are kept. Without a hold, what is purged is gone after the retention. */
  onHold?: boolean;
  /** Absent: 100 GB. */
  quotaBytes?: number;
  /** How many items one folder takes. Absent: 1,000,000. */
  folderItems?: number;
}

export interface Mailbox extends Required<MailboxSettings> {
  id: number;
  usedBytes: number;
}

export const WELL_KNOWN = [
  "msgfolderroot",
  "inbox",
  "drafts",
  "sentitems",
  "deleteditems",
  "outbox",
  "junkemail",
  "archive",
  "recoverableitemsroot",
  "recoverableitemsdeletions",
  "recoverableitemsversions",
  "recoverableitemspurges",
  "recoverableitemsdiscoveryholds",
] as const;
export type WellKnown = (typeof WELL_KNOWN)[number];

export interface StoredFolder {
  id: number;
  mailbox: number;
  /** 0 for the two roots. */
  parent: number;
  wellKnown?: WellKnown;
  name: string;
  isHidden: boolean;
  items: number;
}

export interface MailAddress {
  name?: string;
  address: string;
}

/** What a message says, in the protocols' shared terms. */
export interface ItemContent {
  body: { contentType: "text" | "html"; content: string };
  /** The other form of the body, where the message came as MIME with both. */
  alternative?: { contentType: "text" | "html"; content: string };
  from?: MailAddress;
  sender?: MailAddress;
  to: MailAddress[];
  cc: MailAddress[];
  bcc: MailAddress[];
  replyTo: MailAddress[];
  headers: { name: string; value: string }[];
  categories: string[];
  importance: "low" | "normal" | "high";
  references: string[];
  inReplyTo?: string;
}

export interface NewAttachment {
  name: string;
  contentType: string;
  isInline?: boolean;
  contentId?: string;
  content: Uint8Array | AsyncIterable<Uint8Array>;
}

export interface NewItem {
  itemClass: string;
  isDraft: boolean;
  isRead: boolean;
  receivedAt: Date;
  sentAt: Date;
  subject: string;
  /** With angle brackets. Absent: one is made. */
  internetMessageId?: string;
  content: ItemContent;
  /** Extended properties by their canonical name, such as `String 0x001A` or `String {guid} Name x-hansard-id`. */
  properties?: Record<string, string>;
  attachments?: NewAttachment[];
  /** The message as it came, where it came as MIME. Absent: it is composed from the rest. */
  mime?: Uint8Array;
  /** The request's id, kept with the item and in the log of what was accepted. */
  requestId: string;
  /** When searches begin to find it. Absent: at once. */
  visibleAt?: Date;
}

export interface StoredItem {
  id: number;
  mailbox: number;
  folder: number;
  /** Grows with every change. */
  change: number;
  itemClass: string;
  isDraft: boolean;
  isRead: boolean;
  receivedAt: Date;
  sentAt: Date;
  createdAt: Date;
  modifiedAt: Date;
  subject: string;
  internetMessageId: string;
  size: number;
  hasAttachments: boolean;
  content: ItemContent;
  /** `pending`: on its way; `stored`: there; `refused`: it does not take it; `none`: a draft, or in a hidden folder. */
  archive: "none" | "pending" | "stored" | "refused";
}

export interface StoredAttachment {
  id: number;
  item: number;
  name: string;
  contentType: string;
  isInline: boolean;
  contentId?: string;
  sha256: string;
  size: number;
  createdAt: Date;
}

/** One line of the server's own log. */
export interface Accepted {
  seq: number;
  item: number;
  mailbox: string;
  internetMessageId: string;
  requestId: string;
  at: Date;
}

/** Why the store does not do what it was asked. Each protocol has its own words for it. */
export class StoreRefusal extends Error {
  readonly reason: "quota-exceeded" | "folder-full" | "folder-exists" | "item-too-large" | "cannot-delete";

  constructor(reason: StoreRefusal["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The mailboxes that both protocols share. All that is promised is on disk when the promise resolves. */
export interface Store {
  archive: Archive;
  /** Makes the mailbox, or changes what is given. */
  setMailbox(settings: MailboxSettings): Mailbox;
  removeMailbox(address: string): void;
  mailboxes(): Mailbox[];
  /** By primary address, further address, sign-in name or object id, without regard to case. */
  mailbox(name: string): Mailbox | undefined;
  mailboxById(id: number): Mailbox | undefined;

  wellKnownFolder(mailbox: number, name: WellKnown): StoredFolder;
  folder(id: number): StoredFolder | undefined;
  childFolders(mailbox: number, parent: number): StoredFolder[];
  /** Rejects with a StoreRefusal where the parent has a folder of this name already. */
  createFolder(mailbox: number, parent: number, name: string, options?: { isHidden?: boolean }): Promise<StoredFolder>;
  /** With all that is in it, which goes into Recoverable Items/Purges. Its id names nothing any more. */
  removeFolder(id: number): Promise<void>;

  createItem(folder: StoredFolder, item: NewItem): Promise<StoredItem>;
  item(id: number): StoredItem | undefined;
  updateItem(
    id: number,
    changes: Partial<
      Pick<
        NewItem,
        | "isRead"
        | "isDraft"
        | "subject"
        | "content"
        | "properties"
        | "receivedAt"
        | "sentAt"
        | "itemClass"
        | "internetMessageId"
      >
    >,
  ): Promise<StoredItem | undefined>;
  /** The item keeps its number; its ordinary id changes. */
  moveItem(id: number, folder: StoredFolder): Promise<StoredItem | undefined>;
  /** Into Recoverable Items/Purges, where only a hold keeps it. */
  purgeItem(id: number): Promise<void>;
  /** For good, out of anything but a held folder. */
  removeItem(id: number): Promise<void>;
  /** What searches know of it: while the index lags, less than `itemsIn` a folder. */
  findItems(search: ItemSearch): { items: StoredItem[]; total: number };
  /** All that a folder holds, in the order in which it was taken. */
  itemsIn(folder: number): StoredItem[];
  properties(item: number): Record<string, string>;

  addAttachment(item: number, attachment: NewAttachment): Promise<StoredAttachment>;
  attachments(item: number): StoredAttachment[];
  attachment(id: number): StoredAttachment | undefined;
  readAttachment(attachment: StoredAttachment): AsyncIterable<Uint8Array>;
  /** The message as RFC 5322 bytes. */
  readMime(item: StoredItem): AsyncIterable<Uint8Array>;

  /** What was accepted, in its order, also what was moved or removed since. */
  accepted(): Accepted[];
  /** Messages that one mailbox holds more than once: by Message-ID, where it was accepted twice. */
  duplicates(): { mailbox: string; internetMessageId: string; copies: number }[];
  /** How long what is purged stays without a hold. */
  setRetention(ms: number): void;
  /** Resolves when the archive has all that it is to have. */
  settle(): Promise<void>;
  close(): Promise<void>;
}
