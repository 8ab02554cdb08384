import type { IntendedTarget, Settlement } from "./journal.ts";
import { isUnprovenRule, NO_SUCH_MAILBOX, unprovenMailboxes } from "./route.ts";

/** Copies for somebody that are in the third-party data mailbox instead, until "reroute" can bring them home. */
export interface ParkedCopies {
  /** Whose they are. */
  mailbox: string;
  /** Whether the destination has no such mailbox, or has it and no hold of it is proven. */
  why: "no-mailbox" | "no-hold";
  /** Those that serve the owner of this mailbox. */
  copies: number;
  /** Of these, how many serve somebody named before for the same reason: less them, copies add up to what is stored. */
  shared: number;
}

/** Adds up copies by whose they are and why: there may be as many as an organisation has mailboxes. */
export class ParkedCount {
  readonly copies: ParkedCopies[];
  readonly #known = new Map<string, ParkedCopies>();
  /** What of the present intent is parked, by message and reason. */
  readonly #parked = new Set<string>();

  /** Writes into `copies`, which is empty. */
  constructor(copies: ParkedCopies[] = []) {
    this.copies = copies;
  }

  /** From now on, messages are those of another intent. */
  begin(): void {
    this.#parked.clear();
  }

  /** Counts whom a settled delivery of a message parked something for. */
  settled(message: number, intended: IntendedTarget, result: Settlement["result"]): void {
    for (const { mailbox, why } of parkedBy(intended, result)) {
      const key = `${why} ${message}`;
      this.add({ mailbox, why, copies: 1, shared: this.#parked.has(key) ? 1 : 0 });
      this.#parked.add(key);
    }
  }

  add({ mailbox, why, copies, shared }: ParkedCopies): void {
    const known = this.#known.get(`${why} ${mailbox}`);
    if (known) {
      known.copies += copies;
      known.shared += shared;
      return;
    }
    const first = { mailbox, why, copies, shared };
    this.#known.set(`${why} ${mailbox}`, first);
    this.copies.push(first);
  }
}

/** Nearly every delivery's answer. */
const NONE: ParkedFor[] = [];

type ParkedFor = Pick<ParkedCopies, "mailbox" | "why">;

/** Whose copies a settled delivery parked. What nobody claims waits for no mailbox, and is none of them. */
function parkedBy(intended: IntendedTarget, result: Settlement["result"]): ParkedFor[] {
  if (result.status === "redirected") {
    const why = result.to.rule === NO_SUCH_MAILBOX ? "no-mailbox" : "no-hold";
    return [{ mailbox: intended.mailbox, why }];
  }
  if (result.status !== "delivered" || !isUnprovenRule(intended.rule)) return NONE;
  return unprovenMailboxes(intended.rule).map((mailbox) => ({ mailbox, why: "no-hold" }));
}
