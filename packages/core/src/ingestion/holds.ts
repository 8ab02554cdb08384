import type { Finding } from "../connector.ts";
import type { HoldDoubt } from "./destination.ts";

/** The administrator's word that mailboxes are on hold, as a destination's settings have it. */
export interface HoldSettings {
  confirmed: { mailboxes: "*" | string[]; on: string; by: string }[];
  /** How many days a confirmation counts. */
  validDays: number;
}

/** Where a destination keeps, between runs, which mailboxes lost what was sent into their Purges, and when that was noticed. */
export interface HoldLosses {
  lost(): Map<string, number>;
  lose(lost: { mailbox: string; at: number }): void;
}

interface Confirmation {
  on: string;
  by: string;
  at: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const SOON_DAYS = 7;
const LOOK =
  "Set-Mailbox -Identity <mailbox> -LitigationHoldEnabled $true; see it with Get-Mailbox -Identity <mailbox> | Format-List LitigationHoldEnabled,InPlaceHolds,SingleItemRecoveryEnabled";
const REMEDY = `${LOOK}; then confirm it in \`holds.confirmed\` with the date, and run "hansard reroute".`;
const NONE_LOST: HoldLosses = { lost: () => new Map(), lose: () => undefined };

/**
 * What is known of the holds of an Exchange's mailboxes. No interface for mail tells: an administrator's dated word counts,
 * until it is too old or the mailbox is seen to have lost what was sent into its Purges.
 */
export class Holds {
  readonly #settings: HoldSettings;
  readonly #losses: HoldLosses;
  readonly #latest = new Map<string, Confirmation>();
  readonly #lostAt: Map<string, number>;

  constructor(settings: HoldSettings = { confirmed: [], validDays: 0 }, losses: HoldLosses = NONE_LOST) {
    this.#settings = settings;
    this.#losses = losses;
    this.#lostAt = losses.lost();
    for (const { mailboxes, on, by } of settings.confirmed) {
      for (const mailbox of mailboxes === "*" ? ["*"] : mailboxes)
        this.#confirm(mailbox, { on, by, at: Date.parse(on) });
    }
  }

  /** Undefined: the mailbox keeps what is sent into its Purges, as far as anybody knows. */
  doubt(mailbox: string, now = Date.now()): HoldDoubt | undefined {
    const confirmation = this.#confirmation(mailbox);
    const remedy = REMEDY.replaceAll("<mailbox>", mailbox);
    if (confirmation === undefined)
      return { reason: `No administrator has confirmed that ${mailbox} is on hold.`, remedy };
    const { on, by } = confirmation;
    const { validDays } = this.#settings;
    const days = this.#daysLeft(confirmation, now);
    if (days > validDays + 1)
      return { reason: `That ${mailbox} is on hold is confirmed by ${by} for ${on}, which is yet to come.`, remedy };
    if (days < 0) {
      const reason = `That ${mailbox} is on hold was confirmed by ${by} on ${on}, which is more than ${validDays} days ago.`;
      return { reason, remedy };
    }
    const lostAt = this.#lostAt.get(mailbox);
    return lostAt === undefined || lostAt < confirmation.at ? undefined : lossOf(mailbox, lostAt);
  }

  /** The mailbox did not keep what was sent into its Purges. */
  lost(mailbox: string): HoldDoubt {
    const known = this.doubt(mailbox);
    if (known !== undefined) return known;
    const at = Date.now();
    this.#lostAt.set(mailbox, at);
    this.#losses.lose({ mailbox, at });
    return lossOf(mailbox, at);
  }

  /** Since when the mailbox has not been seen to lose anything: milliseconds since 1970. */
  unbrokenSince(mailbox: string): number {
    return this.#lostAt.get(mailbox) ?? 0;
  }

  /** What `check` says of the confirmations. `instead` is where everything goes for which there is none. */
  findings(instead = "another folder", now = Date.now()): Finding[] {
    const { confirmed } = this.#settings;
    if (confirmed.length > 0) return confirmed.map((one) => this.#finding(one, now));
    const message = `No administrator has confirmed that mailboxes are on hold, and so everything that is for Purges goes to ${instead}.`;
    return [{ level: "error", message, remedy: REMEDY }];
  }

  #finding({ mailboxes, on, by }: HoldSettings["confirmed"][number], now: number): Finding {
    const { validDays } = this.#settings;
    const whom =
      mailboxes === "*" ? "All mailboxes were" : `${mailboxes.join(", ")} ${mailboxes.length === 1 ? "was" : "were"}`;
    const message = `${whom} confirmed to be on hold by ${by} on ${on}`;
    const daysLeft = this.#daysLeft({ at: Date.parse(on) }, now);
    if (daysLeft > validDays + 1)
      return { level: "error", message: `${message}, which is yet to come.`, remedy: REMEDY };
    if (daysLeft < 0)
      return { level: "error", message: `${message}, which is more than ${validDays} days ago.`, remedy: REMEDY };
    if (daysLeft <= SOON_DAYS)
      return { level: "warning", message: `${message}; that counts for ${daysLeft} more days.`, remedy: REMEDY };
    return { level: "ok", message: `${message}.` };
  }

  #daysLeft({ at }: Pick<Confirmation, "at">, now: number): number {
    return Math.floor((at + (this.#settings.validDays + 1) * DAY_MS - now) / DAY_MS);
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
