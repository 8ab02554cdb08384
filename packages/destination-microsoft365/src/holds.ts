import type { Holds } from "./settings.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Whether the administrator's word that the mailbox is on hold is there and recent. */
export function isHoldConfirmed(holds: Holds | undefined, mailbox: string, now = new Date()): boolean {
  return latestConfirmation(holds, mailbox, now) !== undefined;
}

/** The youngest confirmation that still counts. */
export function latestConfirmation(
  holds: Holds | undefined,
  mailbox: string,
  now = new Date(),
): { on: string; by: string; daysLeft: number } | undefined {
  const found = (holds?.confirmed ?? [])
    .filter(({ mailboxes }) => mailboxes === "*" || mailboxes.includes(mailbox))
    .sort((left, right) => (left.on < right.on ? 1 : -1))[0];
  if (found === undefined || holds === undefined) return undefined;
  const daysLeft = Math.floor((Date.parse(found.on) + (holds.validDays + 1) * DAY_MS - now.getTime()) / DAY_MS);
  return daysLeft < 0 ? undefined : { on: found.on, by: found.by, daysLeft };
}

export const HOLD_REMEDY =
  "Set-Mailbox -Identity <mailbox> -LitigationHoldEnabled $true; see it with Get-Mailbox -Identity <mailbox> | Format-List LitigationHoldEnabled,InPlaceHolds,SingleItemRecoveryEnabled; then confirm it in `holds.confirmed` with the date.";
