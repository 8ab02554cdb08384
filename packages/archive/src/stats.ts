import { statSync } from "node:fs";
import type { Database } from "./database.ts";
import { indexFile } from "./index-store.ts";
import { truthFile } from "./truth.ts";

export interface Stats {
  messages: number;
  /** Copies of messages in mailboxes. */
  items: number;
  mailboxes: number;
  requests: number;
  blocks: number;
  /** Of all messages, as mail, each counted once. */
  mailBytes: number;
  attachments: number;
  attachmentBytes: number;
  /** What the databases take on the disk, their logs included. */
  storeBytes: number;
  indexBytes: number;
  /** Requests that searches do not see yet. */
  requestsBehind: number;
}

/** `database` is the truth with the index attached. */
export function statsOf(database: Database, folder: string): Stats {
  return {
    messages: database.number("SELECT sum(messages) FROM block"),
    items: database.number("SELECT count(*) FROM holding"),
    mailboxes: database.number("SELECT count(*) FROM mailbox"),
    requests: database.number("SELECT count(*) FROM request"),
    blocks: database.number("SELECT count(*) FROM block"),
    mailBytes: database.number("SELECT sum(size) FROM message"),
    attachments: database.number("SELECT count(*) FROM blob"),
    attachmentBytes: database.number("SELECT sum(size) FROM blob"),
    storeBytes: bytesOf(truthFile(folder)),
    indexBytes: bytesOf(indexFile(folder)),
    requestsBehind: database.number(
      "SELECT count(*) FROM request WHERE id > (SELECT value FROM derived.meta WHERE name = 'watermark')",
    ),
  };
}

function bytesOf(file: string): number {
  return ["", "-wal"].reduce((sum, suffix) => sum + (statSync(file + suffix, { throwIfNoEntry: false })?.size ?? 0), 0);
}
