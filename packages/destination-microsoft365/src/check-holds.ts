import type { Finding } from "@hansard/core";
import { GraphFailure } from "./failure.ts";
import { isKept } from "./purge.ts";
import type { Submission } from "./submit.ts";

const MOST_LOOKS = 40;
/**
 * After 14 days the default retention policy moves Recoverable Items into the archive mailbox, where Graph cannot look: what
 * is older and not there proves nothing.
 */
const TELLING_MS = 13 * 24 * 60 * 60 * 1000;

/** Whether the configuration sends anything into Purges. */
export function usesPurges({ context }: Pick<Submission, "context">): boolean {
  return (context.routing?.folder.kind ?? "purges") === "purges";
}

/** Graph does not say whether a mailbox is on hold. What counts is an administrator's word and its date. */
export function checkHolds(work: Submission): Finding[] {
  const { context, cloud, holds } = work;
  if (!usesPurges(work)) return [];
  if (!cloud.hasPermanentDelete) {
    const message = "Recoverable Items/Purges cannot be reached in this cloud, and so nothing can be delivered there.";
    return [{ level: "error", message, remedy: "Set the destination's `folder` to a visible folder or to the inbox." }];
  }
  return holds.findings(context.routing && `the Inbox of ${context.routing.thirdPartyMailbox}`);
}

/** A hold that was removed shows in that what was purged is no longer there. */
export async function checkKept(work: Submission, signal: AbortSignal): Promise<Finding[]> {
  const { ledger, holds } = work;
  const since = Date.now() - TELLING_MS;
  const kept = ledger.kept().filter(({ mailbox, at }) => at > Math.max(since, holds.unbrokenSince(mailbox)));
  // The oldest are gone first; they are looked for in as many mailboxes as possible.
  const oldest = [...Map.groupBy(kept, ({ mailbox }) => mailbox).values()]
    .flatMap(([first]) => first ?? [])
    .slice(0, MOST_LOOKS);
  for (const { mailbox, itemId } of oldest) {
    try {
      if (!(await isKept(mailbox, itemId, work, signal))) holds.lost(mailbox);
    } catch (error) {
      if (!(error instanceof GraphFailure)) throw error;
    }
  }
  const lost = [...ledger.lost().keys()].flatMap((mailbox) => holds.doubt(mailbox) ?? []);
  if (lost.length > 0) return lost.map(({ reason, remedy }) => ({ level: "error", message: reason, remedy }));
  if (oldest.length === 0) return [];
  const message = `Purges keeps what was sent there: ${oldest.length} messages in as many mailboxes were looked for.`;
  return [{ level: "ok", message }];
}
