/** The first instant that X's ids can tell, in milliseconds since 1970. */
const EPOCH_MS = 1_288_834_974_657n;

/** Since when ids carry their time: smaller ones are older than the scheme. */
const FIRST_TIMED_ID = 29_700_859_247n;

/** The smallest id that X could have given out at `date`. */
export function idAt(date: Date): string {
  const elapsed = BigInt(date.getTime()) - EPOCH_MS;
  return elapsed <= 0n ? "0" : String(elapsed << 22n);
}

/** When X gave out `id`; undefined for ids from before they carried a time. */
export function timeOf(id: string): Date | undefined {
  const value = BigInt(id);
  return value < FIRST_TIMED_ID ? undefined : new Date(Number((value >> 22n) + EPOCH_MS));
}

/** Ids are numbers of up to 19 digits: padded, they sort as text. */
export function padded(id: string): string {
  return id.padStart(19, "0");
}

export function compareIds(left: string, right: string): number {
  return padded(left) < padded(right) ? -1 : Number(padded(left) > padded(right));
}

export function newestOf(ids: Iterable<string | undefined>): string | undefined {
  return [...ids]
    .filter((id) => id !== undefined)
    .toSorted(compareIds)
    .at(-1);
}

export function oldestOf(ids: Iterable<string | undefined>): string | undefined {
  return [...ids]
    .filter((id) => id !== undefined)
    .toSorted(compareIds)
    .at(0);
}
