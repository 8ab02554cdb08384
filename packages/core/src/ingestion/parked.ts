import type { IntendedTarget, Settlement } from "./journal.ts";
import { isUnprovenRule, NO_SUCH_MAILBOX, unprovenMailboxes } from "./route.ts";

/** Copies for somebody that are in the third-party data mailbox instead, until "reroute" can bring them home. */
export interface ParkedCopies {
  /** Whose they are. */
  mailbox: string;
  /** Whether the destination has no such mailbox, or has it and no hold of it is proven. */
  why: "no-mailbox" | "no-hold";
  copies: number;
}

/** Adds up copies by whose they are and why: there may be as many as an organisation has mailboxes. */
export class ParkedCount {
  readonly copies: ParkedCopies[];
  readonly #known = new Map<string, ParkedCopies>();

  /** Writes into `copies`, which is empty. */
  constructor(copies: ParkedCopies[] = []) {
    this.copies = copies;
  }

  add({ mailbox, why, copies }: ParkedCopies): void {
    const known = this.#known.get(`${why} ${mailbox}`);
    if (known) {
      known.copies += copies;
      return;
    }
    const first = { mailbox, why, copies };
    this.#known.set(`${why} ${mailbox}`, first);
    this.copies.push(first);
  }
}

/** Nearly every delivery's answer. */
const NONE: ParkedCopies[] = [];

/** Whose copies a settled delivery parked. What nobody claims waits for no mailbox, and is none of them. */
export function parkedBy(intended: IntendedTarget, result: Settlement["result"]): ParkedCopies[] {
  if (result.status === "redirected") {
    const why = result.to.rule === NO_SUCH_MAILBOX ? "no-mailbox" : "no-hold";
    return [{ mailbox: intended.mailbox, why, copies: 1 }];
  }
  if (result.status !== "delivered" || !isUnprovenRule(intended.rule)) return NONE;
  return unprovenMailboxes(intended.rule).map((mailbox) => ({ mailbox, why: "no-hold", copies: 1 }));
}
