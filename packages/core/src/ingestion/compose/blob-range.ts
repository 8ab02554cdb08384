import type { BlobRange } from "../mail.ts";

/** How many bytes of a blob the range takes. */
export function rangeLength({ blob, start = 0, end = blob.size }: BlobRange): number {
  return end - start;
}
