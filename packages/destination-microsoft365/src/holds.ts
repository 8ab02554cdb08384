import type { HoldDoubt } from "@hansard/core/ingestion";
import type { Ledger } from "./ledger.ts";
import type { HoldSettings } from "./settings.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const LOOK =
  "Set-Mailbox -Identity <mailbox> -LitigationHoldEnabled $true; see it with Get-Mailbox -Identity <mailbox> | Format-List LitigationHoldEnabled,InPlaceHolds,SingleItemRecoveryEnabled";
export const HOLD_REMEDY = `${LOOK}; then confirm it in \`holds.confirmed\` with the date, and run "hansard reroute".`;

/** An administrator's word that a mailbox is on hold. */
export interface Confirmation {
  on: string;
  by: string;
  at: number;
}

/**
 * What is known of the mailboxes' holds. Graph does not tell: an administrator's dated word counts, until it is too old or
 * the mailbox is seen to have lost what was sent into its Purges.
 */
export class Holds {
  readonly #validDays: number;
  readonly #ledger: Ledger;
  readonly #latest = new Map<string, Confirmation>();
  readonly #lostAt: Map<string, number>;

  constructor(settings: HoldSettings | undefined, ledger: Ledger) {
    this.#validDays = settings?.validDays ?? 0;
    this.#ledger = ledger;
    this.#lostAt = ledger.lost();
    for (const { mailboxes, on, by } of settings?.confirmed ?? []) {
      for (const mailbox of mailboxes === "*" ? ["*"] : mailboxes)
        this.#confirm(mailbox, { on, by, at: Date.parse(on) });
    }
  }

  /** Undefined: the mailbox keeps what is sent into its Purges, as far as anybody knows. */
  doubt(mailbox: string, now = Date.now()): HoldDoubt | undefined {
    const confirmation = this.#confirmation(mailbox);
    const remedy = HOLD_REMEDY.replaceAll("<mailbox>", mailbox);
    if (confirmation === undefined)
      return { reason: `No administrator has confirmed that ${mailbox} is on hold.`, remedy };
    const { on, by } = confirmation;
    const days = this.daysLeft(confirmation, now);
    if (days > this.#validDays + 1)
      return { reason: `That ${mailbox} is on hold is confirmed by ${by} for ${on}, which is yet to come.`, remedy };
    if (days < 0) {
      const reason = `That ${mailbox} is on hold was confirmed by ${by} on ${on}, which is more than ${this.#validDays} days ago.`;
      return { reason, remedy };
    }
    const lostAt = this.#lostAt.get(mailbox);
    return lostAt === undefined || lostAt < confirmation.at ? undefined : lossOf(mailbox, lostAt);
  }

  daysLeft({ at }: Confirmation, now = Date.now()): number {
    return Math.floor((at + (this.#validDays + 1) * DAY_MS - now) / DAY_MS);
  }

  /** The mailbox did not keep what was sent into its Purges. */
  lost(mailbox: string): HoldDoubt {
    const known = this.doubt(mailbox);
    if (known !== undefined) return known;
    const at = Date.now();
    this.#lostAt.set(mailbox, at);
    this.#ledger.lose({ mailbox, at });
    return lossOf(mailbox, at);
  }

  /** Since when the mailbox has not been seen to lose anything: milliseconds since 1970. */
  unbrokenSince(mailbox: string): number {
    return this.#lostAt.get(mailbox) ?? 0;
  }

  #confirmation(mailbox: string): Confirmation | undefined {
    const [own, all] = [this.#latest.get(mailbox), this.#latest.get("*")];
    return own && all ? (own.at > all.at ? own : all) : (own ?? all);
  }

  #confirm(mailbox: string, confirmation: Confirmation): void {
    const known = this.#latest.get(mailbox);
    if (known === undefined || known.at < confirmation.at) this.#latest.set(mailbox, confirmation);
  }
}

function lossOf(mailbox: string, at: number): HoldDoubt {
  const noticed = new Date(at).toISOString();
  return {
    reason: `${mailbox} did not keep what was sent into its Purges, as was noticed at ${noticed}: its hold was removed.`,
    remedy: `${LOOK.replaceAll("<mailbox>", mailbox)}; then confirm it in \`holds.confirmed\` with a time after ${noticed}, and run "hansard reroute".`,
  };
}
