import type { Receipt } from "@hansard/core/ingestion";
import type { ImapFlow } from "imapflow";
import { lookUpError } from "./outcomes.ts";
import type { Pool } from "./pool.ts";

const CHUNK_BYTES = 256 * 1024;

/** Where the message with this Message-ID is in the folder; the first where there are several. Undefined where neither is there. */
export async function searchStored(
  client: ImapFlow,
  path: string,
  messageId: string,
): Promise<{ uidValidity: bigint; uid: number } | undefined> {
  if (!(await exists(client, path))) return undefined;
  const lock = await client.getMailboxLock(path, { readOnly: true });
  try {
    const { mailbox } = client;
    if (mailbox === false) throw new Error(`The folder "${path}" could not be opened.`);
    // A folder that was selected before shows what came since only when it is asked for news.
    await client.noop();
    const uids = await client.search({ header: { "message-id": messageId } }, { uid: true });
    if (!Array.isArray(uids)) throw new Error(`The server could not search "${path}".`);
    const [uid] = uids.toSorted((one, other) => one - other);
    return uid === undefined ? undefined : { uidValidity: mailbox.uidValidity, uid };
  } finally {
    lock.release();
  }
}

/** The stored message in pieces. */
export async function* readStored(pool: Pool, account: string, { itemId }: Receipt): AsyncIterable<Uint8Array> {
  const [, uidValidity, uid, path] = /^(\d+):(\d+):(.+)$/s.exec(itemId) ?? [];
  if (uidValidity === undefined || uid === undefined || path === undefined)
    throw new Error(`"${itemId}" is not a receipt of an IMAP destination.`);
  for (let start = 0; ; start += CHUNK_BYTES) {
    const part = { path, uidValidity: BigInt(uidValidity), uid, start };
    const chunk = await pool
      .use(account, (client) => readChunk(client, part))
      .catch((error: unknown) => {
        throw lookUpError(error);
      });
    if (chunk.length > 0) yield chunk;
    if (chunk.length < CHUNK_BYTES) return;
  }
}

interface Part {
  path: string;
  uidValidity: bigint;
  uid: string;
  start: number;
}

async function readChunk(client: ImapFlow, { path, uidValidity, uid, start }: Part): Promise<Uint8Array> {
  const lock = await client.getMailboxLock(path, { readOnly: true });
  try {
    if (client.mailbox === false || client.mailbox.uidValidity !== uidValidity) {
      throw new Error(`The folder "${path}" was made anew since: its old receipts name nothing.`);
    }
    const message = await client.fetchOne(uid, { source: { start, maxLength: CHUNK_BYTES } }, { uid: true });
    if (message === false || message.source === undefined)
      throw new Error(`The message ${uid} is no longer in "${path}".`);
    return message.source;
  } finally {
    lock.release();
  }
}

/** The library says false of whatever else went wrong than that the folder is not there. */
async function exists(client: ImapFlow, path: string): Promise<boolean> {
  try {
    if ((await client.status(path, { uidValidity: true })) !== false) return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "NotFound") return false;
    throw error;
  }
  throw new Error(`The server did not say whether the folder "${path}" is there.`);
}
