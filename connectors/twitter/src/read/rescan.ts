import type { FollowUp } from "@hansard/core";
import type { Gathered, TwitterReadContext } from "./context.ts";

const RESCAN = "rescan";

/** The day's second, deeper look, when it is due. */
export function rescanDue(context: TwitterReadContext): FollowUp | undefined {
  return context.followUps.find(({ id }) => id === RESCAN);
}

/**
 * Owes the next deeper look, once a day: X charges a post once within a day of UTC. A due one is replaced by the
 * next and so needs no settling.
 */
export function withRescan<Page extends Gathered>({ settings, startedAt }: TwitterReadContext, page: Page): Page {
  if (settings.rescanDays === 0) return { ...page, settled: [...page.settled, RESCAN] };
  return { ...page, followUps: [...page.followUps, { id: RESCAN, dueAt: nextMorning(startedAt), data: {} }] };
}

export function nextMorning(date: Date): string {
  return new Date((Math.floor(date.getTime() / 86_400_000) + 1) * 86_400_000 + 10 * 60_000).toISOString();
}
