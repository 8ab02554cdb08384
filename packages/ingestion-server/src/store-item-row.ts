import type { Row } from "./store-database.ts";
import type { StoredItem } from "./store-types.ts";

/** An item as its row says. */
export function toItem(row: Row): StoredItem {
  return {
    id: Number(row["id"]),
    mailbox: Number(row["mailbox"]),
    folder: Number(row["folder"]),
    change: Number(row["change"]),
    itemClass: String(row["class"]),
    isDraft: row["draft"] === 1,
    isRead: row["read"] === 1,
    receivedAt: new Date(Number(row["received"])),
    sentAt: new Date(Number(row["sent"])),
    createdAt: new Date(Number(row["created"])),
    modifiedAt: new Date(Number(row["modified"])),
    subject: String(row["subject"]),
    internetMessageId: String(row["message_id"]),
    size: Number(row["size"]),
    hasAttachments: row["has_attachments"] === 1,
    content: JSON.parse(String(row["content"])),
    archive: String(row["archive"]) as StoredItem["archive"],
  };
}
