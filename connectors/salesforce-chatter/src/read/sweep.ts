import type { EventType } from "../map/event-types.ts";
import type { Checkpoint, Row } from "../schema.ts";
import { type Batch, emptyBatch, type LiveRun, originalOf, type Run } from "./batch.ts";
import { selectable } from "./lookup.ts";
import { quote } from "./soql.ts";
import { type ChatterPage, portions } from "./walk.ts";

const HOUR_MS = 3_600_000;

/** An object whose ids can be compared with the journal's. */
export interface Comparable {
  object: string;
  /** Comes before the id in the keys, and sorts them as Salesforce does. */
  prefix: string;
  /** The type of the event that says that the record is gone. */
  goneType: EventType;
  add(run: Run, rows: Row[], batch: Batch): Promise<void>;
}

export function isSweepDue({ context: { startedAt, settings } }: Run, { sweep }: Checkpoint): boolean {
  return (
    sweep.stage !== undefined ||
    sweep.finishedAt === undefined ||
    startedAt.getTime() - Date.parse(sweep.finishedAt) >= settings.sweepHours * HOUR_MS
  );
}

/**
 * Compares all ids of an object with those in the journal: what is only there is captured now (a record that was imported
 * with an old date, or became visible late), and what is only here was deleted. Ids are read in their own order.
 */
export async function* compareIds(
  run: LiveRun,
  comparable: Comparable,
  progress: Checkpoint,
): AsyncGenerator<ChatterPage> {
  let after = progress.sweep.after;
  const soql = `SELECT Id FROM ${comparable.object}${after ? ` WHERE Id > ${quote(after)}` : ""} ORDER BY Id ASC`;
  for await (const rows of run.session.pages(soql)) {
    for (const part of portions(rows)) {
      const upTo = part.map(({ Id }) => Id).reduce((a, b) => (a > b ? a : b));
      const batch = await compare(run, comparable, part, { after, upTo });
      after = upTo;
      progress.sweep = { ...progress.sweep, stage: "ids", after };
      yield { ...batch, checkpoint: structuredClone(progress) };
    }
  }
  yield await compare(run, comparable, [], { after, upTo: undefined });
}

interface Span {
  after: string | undefined;
  upTo: string | undefined;
}

async function compare(run: Run, comparable: Comparable, rows: Row[], span: Span): Promise<Batch> {
  const batch = emptyBatch();
  const known = await knownIds(run, comparable.prefix, span);
  const present = new Set(rows.map(({ Id }) => Id));
  const unknown = [...present].filter((id) => !known.has(id));
  const { object } = comparable;
  if (unknown.length > 0)
    await comparable.add(
      run,
      await run.session.find(object, await selectable(run.session, object), "Id", unknown),
      batch,
    );
  const missing = [...known].filter(([id, state]) => state === "present" && !present.has(id)).map(([id]) => id);
  // Absence is asked for twice: a wrong tombstone is worse than a late one.
  const still = new Set((await run.session.find(object, ["Id"], "Id", missing)).map(({ Id }) => Id));
  for (const id of missing) if (!still.has(id)) batch.events.push(gone(run, comparable, id));
  return batch;
}

async function knownIds(
  { context }: Run,
  prefix: string,
  { after, upTo }: Span,
): Promise<Map<string, "present" | "gone">> {
  const known = new Map<string, "present" | "gone">();
  const from = after === undefined ? prefix : `${prefix}${after}!`;
  const to = upTo === undefined ? `${prefix.slice(0, -1)};` : `${prefix}${upTo}!`;
  for await (const { key, version } of context.captured({ from, to })) {
    const id = key.slice(prefix.length);
    if (id.includes(":")) continue;
    if (version === "deleted") known.set(id, "gone");
    else if (version === "" && !known.has(id)) known.set(id, "present");
  }
  return known;
}

function gone({ context: { startedAt } }: Run, { prefix, goneType }: Comparable, id: string): Batch["events"][number] {
  const noticedAt = startedAt.toISOString();
  return {
    type: goneType,
    key: `${prefix}${id}`,
    version: "deleted",
    occurredAt: noticedAt,
    data: { id, deletedAt: noticedAt, noticed: true },
    context: { original: originalOf(`${prefix}${id}`) },
  };
}
