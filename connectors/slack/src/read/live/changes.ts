import type { Json } from "@hansard/core";
import type { Walk } from "../../schema.ts";
import { isObject, objectAt, stringAt } from "../../schema/json.ts";
import { type SlackEvent, toEvent } from "../events.ts";
import type { SlackPage } from "../page.ts";
import { isTimestamp, timeOf } from "../timestamp.ts";
import { add, archiveMessage, deletionOf, editedAt } from "./archive.ts";
import { fetchRecordedFile } from "./files.ts";
import { loadKnown } from "./known.ts";
import type { Window } from "./live-source.ts";
import { type Reading, surroundingsOf } from "./reading.ts";
import { readThread } from "./threads.ts";

/** Archives what Slack recorded of edits and deletions: each version, and what was deleted. */
export async function* readEdits(reading: Reading, window: Window): AsyncGenerator<SlackPage> {
  const { source, place, page } = reading;
  for await (const records of source.edits(place, window)) {
    const surroundings = surroundingsOf(reading, records);
    const added = new Set<string>();
    for (const record of records) {
      for (const event of await eventsOf(reading, record)) {
        const id = `${event.key}\n${event.version ?? ""}`;
        if (added.has(id)) continue;
        added.add(id);
        await add(reading, event, surroundings, fetchRecordedFile);
      }
    }
    const taken = page.take();
    if (taken) yield taken;
  }
}

/** A record tells the version that an edit made, and may hold the one before it; or it tells of a deletion. */
async function eventsOf({ context, place }: Reading, record: Json): Promise<SlackEvent[]> {
  const before = objectAt(record, "original") ?? objectAt(record, "previous") ?? objectAt(record, "previous_message");
  const after = objectAt(record, "message") ?? record;
  const ts = stringAt(before, "ts") ?? stringAt(record, "deleted_ts") ?? stringAt(after, "ts");
  if (!isTimestamp(ts)) return [];
  const known = (await loadKnown(context.captured, place.id, ts, ts)).get(ts)?.versions;
  const deletion = { ...deletionOf(place.id, ts, context.startedAt), ...deletedAt(record), data: record };
  const versions = [
    ...(before ? [versionOf(place.id, ts, before)] : []),
    isDeletion(record) ? deletion : versionOf(place.id, ts, after),
  ];
  return versions.filter(({ version = "" }) => !known?.has(version));
}

function isDeletion(record: Json): boolean {
  return stringAt(record, "subtype") === "message_deleted" || stringAt(record, "deleted_ts") !== undefined;
}

/** When a record says that it was made, where that is not the time of the message itself. */
function deletedAt(record: Json): { occurredAt?: string } {
  const at = [stringAt(record, "event_ts"), stringAt(record, "deleted_at")].find(isTimestamp);
  return at === undefined ? {} : { occurredAt: timeOf(at) };
}

function versionOf(conversation: string, ts: string, data: Json): SlackEvent {
  const edited = editedAt(data);
  const plain = toEvent(isObject(data) ? { ...data, ts } : data, {
    conversation,
    unit: "live",
    startedAt: new Date(0),
  });
  if (edited === undefined) return { ...plain, data };
  return { ...plain, data, type: "Edit", ...(isTimestamp(edited) && { occurredAt: timeOf(edited) }) };
}

/**
 * Settles what was captured before and was not met in a walk: each is asked for by itself. One that is there is a reply
 * in an older thread, which is read then; one that is not was deleted, or Slack's retention removed it.
 */
export async function* settleUnmet(reading: Reading, walk: Walk): AsyncGenerator<SlackPage> {
  const { source, place, met, page, context } = reading;
  for (const ts of walk.unmet.toSorted()) {
    if (met.has(ts)) continue;
    const asOf = source.api.clock;
    const found = await source.message(place, ts);
    const surroundings = surroundingsOf(reading, found === undefined ? [] : [found]);
    if (found === undefined) {
      await add(reading, deletionOf(place.id, ts, context.startedAt), surroundings);
    } else {
      const known = (await loadKnown(context.captured, place.id, ts, ts)).get(ts);
      await archiveMessage(reading, found, { known, asOf, surroundings });
      met.add(ts);
      const thread = stringAt(found, "thread_ts");
      const root = isTimestamp(thread) && thread !== ts ? await source.message(place, thread) : undefined;
      if (root !== undefined) yield* readThread(reading, root, walk.reach !== "overlap");
    }
    const full = page.isFull ? page.take() : undefined;
    if (full) yield full;
  }
}

/** A conversation that bears another name than last time was renamed, whether or not a message says so. */
export async function readRenames(reading: Reading, window: Window): Promise<void> {
  const { source, place, context } = reading;
  for await (const renames of source.renames(place, window)) {
    const surroundings = surroundingsOf(reading, renames);
    for (const rename of renames) {
      const ts = stringAt(rename, "ts");
      const channel = stringAt(rename, "channel") ?? stringAt(rename, "channel_id") ?? place.id;
      if (!isTimestamp(ts) || channel !== place.id) continue;
      // A message about it, if Slack has one, bears the same time and says the same. It may also come later, and then
      // its own key must be free.
      if ((await loadKnown(context.captured, place.id, ts, ts)).has(ts)) continue;
      const data: Json = {
        type: "channel_rename",
        channel: { id: place.id, name: stringAt(rename, "new_name") ?? place.name },
        rename,
      };
      const event: SlackEvent = { type: "Rename", key: `${place.id}:${ts}#rename`, occurredAt: timeOf(ts), data };
      await add(reading, event, surroundings);
    }
  }
}
