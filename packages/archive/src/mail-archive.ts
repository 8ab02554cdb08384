import type { MailArchive } from "@hansard/core/ingestion";
import type { BlobStore } from "./blob-store.ts";
import type { Blocks } from "./block.ts";
import type { Database } from "./database.ts";
import { count, describe, findIds, search } from "./search.ts";
import { messageKey } from "./store-deliveries.ts";
import { findMail, readMail } from "./stored-mail.ts";
import type { Verification } from "./verify.ts";

/** What the answers come from. */
interface AskedArchive {
  upToDate: () => Promise<Database>;
  verify: () => Promise<Verification>;
  blocks: Blocks;
  blobs: BlobStore;
}

/** The archive as runners ask it: by Message-ID and by query. `upToDate` gives the truth with the index attached. */
export function mailArchive({ upToDate, verify, blocks, blobs }: AskedArchive): MailArchive {
  return {
    search: async (query, options) => search(await upToDate(), query, options).hits,
    count: async (query) => count(await upToDate(), query),
    async find(messageId) {
      const database = await upToDate();
      const id = idOf(database, messageId);
      return id === undefined ? undefined : describe(database, id);
    },
    async *mail(messageId) {
      const database = await upToDate();
      const id = idOf(database, messageId);
      const place = id === undefined ? undefined : findMail(database, id);
      if (place === undefined) throw new Error(`The archive holds no message ${messageId}.`);
      yield* readMail(blocks, blobs, place);
    },
    async *list(query = "") {
      const database = await upToDate();
      for (const id of inOrderOfStorage(database, query)) {
        const message = describe(database, id);
        if (message !== undefined) yield message;
      }
    },
    verify: async () => (await verify()).problems,
  };
}

function idOf(database: Database, messageId: string): number | undefined {
  const row = database.get("SELECT id FROM message WHERE key = ?", messageKey(messageId));
  return row === undefined ? undefined : Number(row["id"]);
}

/** Ids are times; blocks, and the places in them, are the order of storage. */
function inOrderOfStorage(database: Database, query: string): Iterable<number> {
  const ids = Float64Array.from(findIds(database, query));
  const blocks = new Float64Array(ids.length);
  const starts = new Float64Array(ids.length);
  for (const [index, id] of ids.entries()) {
    const row = database.get("SELECT block, start FROM message WHERE id = ?", id);
    blocks[index] = Number(row?.["block"]);
    starts[index] = Number(row?.["start"]);
  }
  const order = Uint32Array.from(ids.keys()).sort(
    (one, other) => (blocks[one] ?? 0) - (blocks[other] ?? 0) || (starts[one] ?? 0) - (starts[other] ?? 0),
  );
  return order.values().map((index) => ids[index] ?? 0);
}
