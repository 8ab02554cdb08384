import type { Logger } from "../connector.ts";
import type { Outcome, Receipt } from "./destination.ts";
import type { IntendedTarget, Settlement } from "./journal.ts";
import { NO_SUCH_MAILBOX, unprovenRule } from "./route.ts";
import { redirectedTo, settlementOf, type Underway } from "./submit-underway.ts";

const NO_MAILBOX_REMEDY =
  'Give the person a mailbox (in Exchange Online: a licence), or map them to another in the people file; then run "hansard reroute".';

/**
 * Which copies of an intent's messages there may be before it is submitted: none, one in the third-party data mailbox, or
 * some in the very mailboxes that they are for.
 */
export type StoredBefore = "nothing" | "parked" | "anywhere";

/** What of an intent goes to the third-party data mailbox instead of where it was for. One copy there serves all. */
export class Redirects {
  readonly #thirdPartyMailbox: string;
  readonly #log: Logger;
  /** Mailboxes of which the operator was told. */
  readonly #told = new Set<string>();
  readonly #waiting: Underway[] = [];
  /** Messages of the intent that the third-party data mailbox has. */
  readonly #parked = new Map<number, Receipt>();
  /** Messages that are for the third-party data mailbox anyhow, and of which it cannot be said yet whether it has them. */
  readonly #open = new Set<number>();
  #before: StoredBefore = "nothing";

  constructor(thirdPartyMailbox: string, log: Logger) {
    // As routing names it: one mailbox is one place, however it is spelt.
    this.#thirdPartyMailbox = thirdPartyMailbox.toLowerCase();
    this.#log = log;
  }

  /** The delivery on its way to the third-party data mailbox. */
  of(item: Underway, outcome: Extract<Outcome, { status: "no-mailbox" | "no-hold" }>): Underway {
    const { status, reason } = outcome;
    const { mailbox } = item.to;
    const remedy = status === "no-hold" ? outcome.remedy : NO_MAILBOX_REMEDY;
    if (!this.#told.has(mailbox))
      this.#log.warn(`What is for ${mailbox} goes to ${this.#thirdPartyMailbox}. ${reason}`, { mailbox, remedy });
    this.#told.add(mailbox);
    if (this.isParking(item.to)) this.#open.delete(item.message);
    const rule = status === "no-mailbox" ? NO_SUCH_MAILBOX : unprovenRule([mailbox]);
    const to: IntendedTarget = { mailbox: this.#thirdPartyMailbox, folder: { kind: "inbox" }, rule };
    return redirectedTo(to, item, reason);
  }

  /** Holds it back until the rest of its intent is done. */
  wait(items: Underway[]): void {
    this.#waiting.push(...items);
  }

  settled({ message, to }: Underway, outcome: Outcome): void {
    if (!this.isParking(to)) return;
    if (outcome.status === "accepted") this.#parked.set(message, outcome.receipt);
    if (outcome.status !== "retry") this.#open.delete(message);
  }

  begin(before: StoredBefore, items: Underway[]): void {
    this.#before = before;
    this.#parked.clear();
    this.#open.clear();
    for (const { message, to } of items) if (this.isParking(to)) this.#open.add(message);
  }

  /** Whether a copy there serves whoever is redirected. */
  isParking({ mailbox, folder }: IntendedTarget): boolean {
    return mailbox === this.#thirdPartyMailbox && folder.kind === "inbox";
  }

  /** Whether an earlier run or an earlier intent may have parked a message: it is looked for before it is parked. */
  get mayBeParked(): boolean {
    return this.#before !== "nothing";
  }

  /** What waits: of each message that is not parked yet the first, and the others, which it or the message's own copy there serves. */
  take(): { first: Underway[]; others: Underway[] } {
    const first = new Map<number, Underway>();
    const others: Underway[] = [];
    for (const item of this.#waiting.splice(0)) {
      const { message } = item;
      if (this.#parked.has(message) || this.#open.has(message) || first.has(message)) others.push(item);
      else first.set(message, item);
    }
    return { first: [...first.values()], others };
  }

  /** What became of a delivery that another copy of its message serves. It waits until that copy is there for certain. */
  served(item: Underway, now: Date): Settlement {
    const receipt = this.#parked.get(item.message);
    const reason = item.redirected ?? "";
    return settlementOf(item, receipt ? { status: "accepted", receipt } : { status: "retry", reason }, now);
  }
}
