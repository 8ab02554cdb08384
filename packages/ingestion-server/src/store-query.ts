export type Comparison = "eq" | "ne" | "gt" | "ge" | "lt" | "le" | "contains" | "startsWith";
export type ItemField =
  | "subject"
  | "internetMessageId"
  | "itemClass"
  | "receivedAt"
  | "sentAt"
  | "createdAt"
  | "isRead"
  | "isDraft"
  | "hasAttachments"
  | "size";

/** What a search asks for. Values are compared as text, without regard to case, save for dates, numbers and truth values. */
export type ItemFilter =
  | { and: ItemFilter[] }
  | { or: ItemFilter[] }
  | { not: ItemFilter }
  | { field: ItemField; is: Comparison; value: string | number | boolean | Date }
  | { property: string; is: Comparison; value: string }
  | { hasProperty: string };

export interface ItemSearch {
  mailbox: number;
  /** Absent: all folders that the owner sees. */
  folder?: number;
  filter?: ItemFilter;
  orderBy?: { field: ItemField; descending?: boolean }[];
  offset?: number;
  limit?: number;
}
