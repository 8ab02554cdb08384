import type { Node } from "./xml-tree.ts";

const MOST = 1000;

export interface Page {
  from: number;
  to: number;
  /** Of the `RootFolder` in the answer. */
  attributes: string;
}

/** The stretch of the results that an `IndexedPage…View` asks for. The server gives no more than 1,000 at once. */
export function readPage(view: Node | undefined, total: number): Page {
  const offset = Number(view?.attributes["Offset"] ?? 0);
  const most = Math.min(MOST, Number(view?.attributes["MaxEntriesReturned"] ?? MOST));
  const isFromEnd = view?.attributes["BasePoint"] === "End";
  const from = isFromEnd ? Math.max(0, total - offset - most) : Math.min(total, offset);
  const to = isFromEnd ? Math.max(0, total - offset) : Math.min(total, offset + most);
  const isLast = isFromEnd ? from === 0 : to === total;
  const next = view ? ` IndexedPagingOffset="${isFromEnd ? total - from : to}"` : "";
  return { from, to, attributes: `${next} TotalItemsInView="${total}" IncludesLastItemInRange="${isLast}"` };
}
