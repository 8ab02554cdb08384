import type { Page } from "@hansard/core";
import type { EventType } from "../map/event-types.ts";
import type { Checkpoint, Row, Walk } from "../schema.ts";
import { type Batch, emptyBatch, type LiveRun, type Run } from "./batch.ts";
import { selectable } from "./lookup.ts";
import { quote } from "./soql.ts";
import { text, toIso } from "./values.ts";

const PORTION = 500;

export type ChatterPage = Page<EventType, Checkpoint>;

/** An object that is read by time. */
export interface Stream {
  object: string;
  /** The fields that tell when a record is new or changed, the best first. The first that may be filtered is used. */
  clocks: string[];
  /** Shows edits where the clock in use does not. */
  editClock?: string;
  add(run: Run, rows: Row[], batch: Batch): Promise<void>;
}

/** Reads what is new since the checkpoint, up to the run's own start, and updates `progress` as pages go out. */
export async function* walkStream(run: LiveRun, stream: Stream, progress: Checkpoint): AsyncGenerator<ChatterPage> {
  for (const clock of await clocksOf(run, stream)) {
    const { startedAt } = run.context;
    // A window that an earlier run left unfinished is finished first, within its own bounds.
    do {
      yield* walkWindow(run, stream, clock, progress);
    } while ((progress.walks[clock.field]?.since ?? "") < startedAt.toISOString());
  }
}

interface Clock {
  field: string;
  sortable: boolean;
}

/** Salesforce refuses filters on SystemModstamp of some objects, FeedItem among them, and orders FeedComment by it neither. */
async function clocksOf({ session, context }: Run, { object, clocks, editClock }: Stream): Promise<Clock[]> {
  const fields = await session.fields(object);
  const usable = (name: string) => fields?.get(name)?.filterable === true;
  const field = clocks.find(usable) ?? clocks.at(-1) ?? "CreatedDate";
  const extra = editClock !== undefined && field !== "SystemModstamp" && usable(editClock) ? [editClock] : [];
  if (field !== clocks[0])
    context.log.debug("The object is read by another clock than the first choice.", { object, field });
  return [field, ...extra].map((name) => ({ field: name, sortable: fields?.get(name)?.sortable === true }));
}

async function* walkWindow(
  run: LiveRun,
  stream: Stream,
  clock: Clock,
  progress: Checkpoint,
): AsyncGenerator<ChatterPage> {
  const earlier = progress.walks[clock.field];
  const walk = { ...earlier, until: earlier?.until ?? run.context.startedAt.toISOString() };
  const select = await selectable(run.session, stream.object);
  const soql = `SELECT ${select.join(",")} FROM ${stream.object} WHERE ${filter(clock, walk, run.context.settings.overlapMinutes)} ORDER BY ${order(clock)}`;
  let last: Row[] = [];
  for await (const rows of run.session.pages(soql)) {
    for (const part of portions(rows)) {
      if (last.length > 0)
        yield await page(run, stream, last, { ...walk, after: position(clock, last) }, clock, progress);
      last = part;
    }
  }
  yield await page(run, stream, last, { since: walk.until }, clock, progress);
}

/** Salesforce gives up to 2,000 records at once, more than should wait for one checkpoint. */
export function* portions<Item>(items: Item[]): Generator<Item[]> {
  for (let start = 0; start < items.length; start += PORTION) yield items.slice(start, start + PORTION);
}

async function page(
  run: Run,
  stream: Stream,
  rows: Row[],
  walk: Walk,
  clock: Clock,
  progress: Checkpoint,
): Promise<ChatterPage> {
  const batch = emptyBatch();
  await stream.add(run, rows, batch);
  progress.walks = { ...progress.walks, [clock.field]: walk };
  return { ...batch, checkpoint: structuredClone(progress) };
}

/** Equal times are normal, so the cursor is (time, id), compared by Salesforce and never here. */
function filter(
  { field, sortable }: Clock,
  { since, until, after }: Walk & { until: string },
  overlapMinutes: number,
): string {
  const conditions = [`${field} <= ${until}`];
  const from = since && new Date(Date.parse(since) - overlapMinutes * 60_000).toISOString();
  if (after && sortable)
    conditions.push(`(${field} > ${after.time} OR (${field} = ${after.time} AND Id > ${quote(after.id)}))`);
  else if (from) conditions.push(`${field} >= ${from}`);
  if (after && !sortable) conditions.push(`Id > ${quote(after.id)}`);
  return conditions.join(" AND ");
}

function order({ field, sortable }: Clock): string {
  return sortable ? `${field} ASC, Id ASC` : "Id ASC";
}

function position({ field }: Clock, rows: Row[]): Walk["after"] {
  const last = rows.at(-1);
  return last && { id: last.Id, time: toIso(text(last, field) ?? "1970-01-01T00:00:00Z") };
}
