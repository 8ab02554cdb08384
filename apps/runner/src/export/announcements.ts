import { plural } from "../output.ts";
import type { ExportManifest } from "./format.ts";
import type { JournalReplay } from "./journal-replay.ts";

/** What an export does not hold by its own word, and what cannot be checked for that reason: no problem, but to be said aloud. */
export function announcements({ query }: ExportManifest, messages: number, replay: JournalReplay): string[] {
  const { pages, onDelivery, deliveries } = replay;
  if (query !== null) {
    return [
      `THIS IS A PARTIAL EXPORT. It holds ${messages.toLocaleString("en-US")} of the ${plural(deliveries.delivered, "message")} that its journal names in what is shown of it, ` +
        `because it was asked for by the query ${JSON.stringify(query)}. Of ${plural(onDelivery.entries, "entry", "entries")} on deliveries ` +
        `${onDelivery.leftOut.toLocaleString("en-US")} are shown by their hashes alone, and may name more. ` +
        "Whether it holds all that the query finds, and whether entries that are not shown tell of other copies, cannot be checked offline: only a whole export shows that.",
    ];
  }
  if (pages.leftOut === 0) return [];
  return [
    `THE RAW EVENTS ARE NOT ALL THERE: the bodies of ${pages.leftOut} of the journal's ${plural(pages.entries, "page")} are not in this export, as when their retention has ended. ` +
      "Their hashes hold the chain together; what the source said there cannot be checked from this export.",
  ];
}
