/** One event as it happened, in the words of the message that it must become. */
export interface TrueEvent {
  type: string;
  /** ISO 8601. */
  at: string;
  /** Of the person, as the people map sees it. */
  from: string;
  /** Sorted. */
  to: string[];
  /** What must stand in the message's text. */
  says: string;
  /** SHA-256 of the files that must come with it, sorted. */
  files: string[];
  /** Parts that the drop does not hold. */
  missing: number;
}

/** A comparable form, so that two lists can be sorted and compared. */
export function lineOf(event: TrueEvent): string {
  return JSON.stringify([event.at, event.type, event.from, event.to, event.says, event.files, event.missing]);
}
