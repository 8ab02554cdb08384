import type { Page } from "@hansard/core";
import type { EventType } from "../map/event-types.ts";
import type { Checkpoint, Row, Walk } from "../schema.ts";
import { type Batch, emptyBatch, type LiveRun, type Run } from "./batch.ts";
import { type Field, selectable } from "./lookup.ts";
import { requireSight } from "./permissions.ts";
import { quote } from "./soql.ts";
import { text, toIso } from "./values.ts";

const PORTION = 500;

export type ChatterPage = Page<EventType, Checkpoint>;

/** An object that is read by time. */
export interface Stream {
  object: string;
  /** The fields that tell when a record is new or changed, the best first. The first that may be filtered is used. */
  clocks: string[];
  /** Shows edits where the clock in use does not. Where it may not be filtered either, the history of edits is read. */
  editClock?: string;
  add(run: Run, rows: Row[], batch: Batch): Promise<void>;
}

/** Reads what is new since the checkpoint, up to the run's own start, and updates `progress` as pages go out. */
export async function* walkStream(run: LiveRun, stream: Stream, progress: Checkpoint): AsyncGenerator<ChatterPage> {
  for (const way of await waysOf(run, stream)) {
    const { startedAt } = run.context;
    // A window that an earlier run left unfinished is finished first, within its own bounds.
    do {
      yield* walkWindow(run, way, progress);
    } while ((progress.walks[way.name]?.since ?? "") < startedAt.toISOString());
  }
}

/** An object and the clock by which it is read. */
interface Way {
  /** Under which the checkpoint keeps how far it was read. */
  name: string;
  object: string;
  select: string[];
  clock: Clock;
  add: Stream["add"];
}

interface Clock {
  field: string;
  sortable: boolean;
}

/** Salesforce refuses filters on SystemModstamp of some objects, FeedItem among them, and orders FeedComment by it neither. */
async function waysOf(run: LiveRun, stream: Stream): Promise<Way[]> {
  const { object, clocks, editClock, add } = stream;
  const fields = await run.session.fields(object);
  const select = await selectable(run.session, object);
  const usable = (name: string) => fields?.get(name)?.filterable === true;
  const way = (field: string): Way => ({ name: field, object, select, clock: clockOf(fields, field), add });
  const field = clocks.find(usable) ?? clocks.at(-1) ?? "CreatedDate";
  if (field !== clocks[0])
    run.context.log.debug("The object is read by another clock than the first choice.", { object, field });
  if (editClock === undefined || field === "SystemModstamp") return [way(field)];
  return [way(field), ...(usable(editClock) ? [way(editClock)] : await revisionsOf(run, stream))];
}

/** Where no clock of an object shows its edits, their history does: it leads to what was edited, however old that is. */
async function revisionsOf({ session }: LiveRun, { object, add }: Stream): Promise<Way[]> {
  const fields = await session.fields("FeedRevision");
  const field = "CreatedDate";
  if (fields?.get(field)?.filterable !== true) return [];
  // Without View All Data the history can only be read record by record, and an empty answer would pass for no edits.
  await requireSight(session);
  const revised: Way = {
    name: `FeedRevision.${field}`,
    object: "FeedRevision",
    select: ["Id", "FeedEntityId", field],
    clock: clockOf(fields, field),
    async add(run, revisions, batch) {
      const ids = new Set(revisions.flatMap((revision) => text(revision, "FeedEntityId") ?? []));
      await add(run, await run.session.find(object, await selectable(run.session, object), "Id", ids), batch);
    },
  };
  return [revised];
}

function clockOf(fields: Map<string, Field> | undefined, field: string): Clock {
  return { field, sortable: fields?.get(field)?.sortable === true };
}

async function* walkWindow(run: LiveRun, way: Way, progress: Checkpoint): AsyncGenerator<ChatterPage> {
  const { name, object, select, clock } = way;
  const earlier = progress.walks[name];
  const walk = { ...earlier, until: earlier?.until ?? run.context.startedAt.toISOString() };
  const soql = `SELECT ${select.join(",")} FROM ${object} WHERE ${filter(clock, walk, run.context.settings.overlapMinutes)} ORDER BY ${order(clock)}`;
  let last: Row[] = [];
  for await (const rows of run.session.pages(soql)) {
    for (const part of portions(rows)) {
      if (last.length > 0) yield await page(run, way, last, { ...walk, after: position(clock, last) }, progress);
      last = part;
    }
  }
  yield await page(run, way, last, { since: walk.until }, progress);
}

/** Salesforce gives up to 2,000 records at once, more than should wait for one checkpoint. */
export function* portions<Item>(items: Item[]): Generator<Item[]> {
  for (let start = 0; start < items.length; start += PORTION) yield items.slice(start, start + PORTION);
}

async function page(run: Run, way: Way, rows: Row[], walk: Walk, progress: Checkpoint): Promise<ChatterPage> {
  const batch = emptyBatch();
  await way.add(run, rows, batch);
  progress.walks = { ...progress.walks, [way.name]: walk };
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
