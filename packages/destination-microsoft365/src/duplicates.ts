import type { Folder } from "@hansard/core/ingestion";
import type { Work } from "./deliver.ts";
import type { Ledger } from "./ledger.ts";
import { itemsOf } from "./search.ts";

/** A message that a folder holds more than once. */
export interface Duplicate {
  mailbox: string;
  folder: Folder;
  messageId: string;
  /** The copies' item ids; one of them is enough. */
  itemIds: string[];
}

/**
 * Looks again at every delivery whose answer was ambiguous once: where the destination committed later than `settleMs`
 * promises, a message is there twice.
 */
export async function findDuplicates(ledger: Ledger, work: Work, signal: AbortSignal): Promise<Duplicate[]> {
  const duplicates: Duplicate[] = [];
  for (const [mailbox, doubts] of Map.groupBy(ledger.doubts(), (doubt) => doubt.mailbox)) {
    const found = await work.folders.again(mailbox, async () => {
      const wanted: { messageId: string; places: string[] }[] = [];
      for (const { folder, messageId } of doubts) {
        const staging = folder.kind === "purges" ? [await work.folders.staging(mailbox, signal)] : [];
        wanted.push({ messageId, places: [...(await work.folders.places(mailbox, folder, signal)), ...staging] });
      }
      return itemsOf(mailbox, wanted, work, signal);
    });
    for (const [index, { folder, messageId }] of doubts.entries()) {
      const itemIds = (found[index] ?? []).map(({ itemId }) => itemId);
      if (itemIds.length > 1) duplicates.push({ mailbox, folder, messageId, itemIds });
    }
  }
  return duplicates;
}
