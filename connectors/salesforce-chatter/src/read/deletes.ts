import { isHansardError } from "@hansard/core";
import type { Checkpoint } from "../schema.ts";
import { emptyBatch, knownVersions, type LiveRun, originalOf, type Run } from "./batch.ts";
import { toIso } from "./values.ts";
import { type ChatterPage, portions } from "./walk.ts";

/** Salesforce tells deletes of the last 15 days; a little less, so that the edge does not move under us. */
const REACH_MS = 14.5 * 86_400_000;
const MINUTE_MS = 60_000;

/** Posts and comments do not go to the recycle bin: their deletes are told by id alone, in a log of their own. */
export async function* readDeletes(
  run: LiveRun,
  object: string,
  keyOf: (id: string) => string,
  progress: Checkpoint,
): AsyncGenerator<ChatterPage> {
  const { startedAt, settings } = run.context;
  const wanted = Math.max(
    Date.parse(progress.deletesTo ?? progress.beganAt) - settings.overlapMinutes * MINUTE_MS,
    Date.parse(progress.beganAt),
  );
  const reachable = Math.max(wanted, startedAt.getTime() - REACH_MS);
  // Salesforce drops the seconds, and refuses a span that is not longer than a minute.
  const from = new Date(Math.floor(reachable / MINUTE_MS) * MINUTE_MS);
  const to = new Date(Math.max(startedAt.getTime(), from.getTime() + 2 * MINUTE_MS));
  const answer = await run.session.deleted(object, from, to).catch((error: unknown) => {
    if (
      isHansardError(error, "unexpected-response") &&
      /INVALID_REPLICATION_DATE|EXCEEDED_ID_LIMIT/.test(error.message)
    )
      return undefined;
    throw error;
  });
  const earliest = answer?.earliestDateAvailable === undefined ? 0 : Date.parse(toIso(answer.earliestDateAvailable));
  const complete = answer !== undefined && reachable === wanted && earliest <= from.getTime();
  for (const part of portions(answer?.deletedRecords ?? [])) yield await page(run, part, keyOf, progress.beganAt);
  const covered =
    answer?.latestDateCovered === undefined
      ? startedAt
      : new Date(Math.min(Date.parse(toIso(answer.latestDateCovered)), startedAt.getTime()));
  progress.deletesTo = covered.toISOString();
  if (complete) return yield { events: [], checkpoint: structuredClone(progress) };
  // The comparison of ids finds every delete of what was captured; what was never seen is beyond recall.
  delete progress.sweep.finishedAt;
  yield { events: [], gaps: [unknowable(object, new Date(wanted), to)], checkpoint: structuredClone(progress) };
}

async function page(
  run: Run,
  records: { id: string; deletedDate: string }[],
  keyOf: (id: string) => string,
  beganAt: string,
): Promise<ChatterPage> {
  const batch = emptyBatch();
  for (const { id, deletedDate } of records) {
    const key = keyOf(id);
    const known = await knownVersions(run, key);
    const seen = known.has("");
    const deletedAt = toIso(deletedDate);
    if (known.has("deleted") || (!seen && deletedAt < beganAt)) continue;
    batch.events.push({
      type: "Delete",
      key,
      version: "deleted",
      occurredAt: deletedAt,
      data: { id, deletedAt, noticed: false },
      ...(seen && { context: { original: originalOf(key) } }),
    });
    if (seen) continue;
    batch.gaps.push({
      id: `unseen:${key}`,
      reason: `${key} was deleted at ${deletedAt}, before it was read.`,
      remedy: "Read more often. The weekly data export may hold it.",
      events: 1,
    });
  }
  return batch;
}

function unknowable(object: string, from: Date, to: Date) {
  return {
    id: `deletes:${object}:${from.toISOString()}`,
    reason: `Salesforce no longer tells all deletes of ${object} between ${from.toISOString()} and ${to.toISOString()}. What was written and deleted in that time, and not read in between, is missing.`,
    remedy: "Read at least once a day.",
    events: 0,
  };
}
