import type { Finding } from "@hansard/core";
import { GraphFailure } from "./failure.ts";
import { HOLD_REMEDY, latestConfirmation } from "./holds.ts";
import { isKept } from "./purge.ts";
import type { Submission } from "./submit.ts";

const SOON_DAYS = 7;
const MOST_LOOKS = 40;

/** Graph does not say whether a mailbox is on hold. What counts is an administrator's word and its date. */
export function checkHolds({ context, cloud }: Submission): Finding[] {
  const { holds } = context.settings;
  if (!cloud.hasPermanentDelete) {
    return [
      {
        level: "warning",
        message: "Recoverable Items/Purges cannot be reached in this cloud.",
        remedy: "Set the destination's `folder` to a visible folder or to the inbox.",
      },
    ];
  }
  if (holds === undefined || holds.confirmed.length === 0) {
    return [
      {
        level: "warning",
        message:
          "No administrator has confirmed that mailboxes are on hold, and so nothing can be delivered to Purges.",
        remedy: HOLD_REMEDY,
      },
    ];
  }
  return holds.confirmed.map(({ mailboxes, on, by }) => {
    const whom =
      mailboxes === "*" ? "All mailboxes were" : `${mailboxes.join(", ")} ${mailboxes.length === 1 ? "was" : "were"}`;
    const latest = latestConfirmation(
      { ...holds, confirmed: [{ mailboxes, on, by }] },
      mailboxes === "*" ? "" : (mailboxes[0] ?? ""),
    );
    const message = `${whom} confirmed to be on hold by ${by} on ${on}`;
    if (latest === undefined)
      return {
        level: "error",
        message: `${message}, which is more than ${holds.validDays} days ago.`,
        remedy: HOLD_REMEDY,
      };
    if (latest.daysLeft <= SOON_DAYS)
      return {
        level: "warning",
        message: `${message}; that counts for ${latest.daysLeft} more days.`,
        remedy: HOLD_REMEDY,
      };
    return { level: "ok", message: `${message}.` };
  });
}

/** A hold that was removed shows in that what was purged is no longer there. */
export async function checkKept(work: Submission, signal: AbortSignal): Promise<Finding[]> {
  const kept = work.ledger.kept();
  if (kept.length === 0) return [];
  // The oldest are gone first; they are looked for in as many mailboxes as possible.
  const oldest = [...Map.groupBy(kept, ({ mailbox }) => mailbox).values()]
    .flatMap(([first]) => first ?? [])
    .slice(0, MOST_LOOKS);
  const lost = new Set<string>();
  for (const { mailbox, itemId } of oldest) {
    try {
      if (!(await isKept(mailbox, itemId, work, signal))) lost.add(mailbox);
    } catch (error) {
      if (!(error instanceof GraphFailure)) throw error;
    }
  }
  if (lost.size === 0)
    return [
      {
        level: "ok",
        message: `Purges keeps what was sent there: ${oldest.length} messages in as many mailboxes were looked for.`,
      },
    ];
  return [...lost].map((mailbox) => ({
    level: "error",
    message: `${mailbox} has lost what was sent into its Purges: its hold was removed.`,
    remedy: `Set-Mailbox -Identity ${mailbox} -LitigationHoldEnabled $true; then deliver again what was lost with "hansard replay".`,
  }));
}
