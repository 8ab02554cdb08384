import type { Delivery, Outcome } from "./destination.ts";
import type { IntendedTarget, Settlement } from "./journal.ts";
import type { PreparedMessage } from "./prepare.ts";

/** A delivery that is being submitted. */
export interface Underway {
  /** Index into the messages of the intent, and into the message's targets. */
  message: number;
  target: number;
  /** Where it goes now, which is no longer the intended target once there proved to be no such mailbox. */
  to: IntendedTarget;
  /** Why it goes somewhere else than intended. */
  redirected?: string;
  delivery: Delivery;
  attempts: number;
}

const RETRY_FIRST_MS = 30_000;
const RETRY_LONGEST_MS = 60 * 60_000;

/** `place` is its index into the messages of the intent, and into the message's targets. */
export function underwayOf(
  id: string,
  { message, mail }: PreparedMessage,
  place: { message: number; target: number },
  to: IntendedTarget,
  attempts: number,
): Underway {
  const delivery = { id, message, mail, mailbox: to.mailbox, folder: to.folder };
  return { message: place.message, target: place.target, to, delivery, attempts };
}

/** Every delivery of the messages of an intent. */
export function underwayOfAll(intent: number, messages: PreparedMessage[]): Underway[] {
  const all: Underway[] = [];
  for (const [message, prepared] of messages.entries()) {
    const id = `${intent}.${message}.`;
    for (const [target, to] of prepared.intended.targets.entries())
      all.push(underwayOf(id + target, prepared, { message, target }, to, 0));
  }
  return all;
}

export function redirectedTo(to: IntendedTarget, item: Underway, reason: string): Underway {
  return { ...item, to, redirected: reason, delivery: { ...item.delivery, mailbox: to.mailbox, folder: to.folder } };
}

/** What the journal keeps of an outcome that says for certain what became of a delivery. */
export function settlementOf(
  item: Underway,
  outcome: Exclude<Outcome, { status: "unknown" | "misconfigured" }>,
  now: Date,
): Settlement {
  return { message: item.message, target: item.target, result: resultOf(item, outcome, now) };
}

function resultOf(
  { to, redirected, attempts }: Underway,
  outcome: Parameters<typeof settlementOf>[1],
  now: Date,
): Settlement["result"] {
  if (outcome.status === "accepted") {
    const { receipt } = outcome;
    return redirected === undefined
      ? { status: "delivered", receipt }
      : { status: "redirected", to, receipt, reason: redirected };
  }
  if (outcome.status === "retry") {
    const delayMs = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** attempts);
    return { status: "retry", reason: outcome.reason, retryAt: outcome.retryAt?.getTime() ?? now.getTime() + delayMs };
  }
  const remedy =
    outcome.status === "no-mailbox"
      ? "Create the third-party data mailbox, or name another in the configuration."
      : outcome.remedy;
  return { status: "quarantined", reason: outcome.reason, ...(remedy === undefined ? {} : { remedy }) };
}
