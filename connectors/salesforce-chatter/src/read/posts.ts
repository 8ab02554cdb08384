import type { Json } from "@hansard/core";
import { type EventType, POST_TYPES } from "../map/event-types.ts";
import type { Row } from "../schema.ts";
import { addNewVersions, attach } from "./attach.ts";
import { type Batch, knownVersions, originalOf, rememberOriginal, type Run } from "./batch.ts";
import type { Shown } from "./files.ts";
import { editsOf, originalValues, type Revised, withRevisions } from "./revisions.ts";
import { visible } from "./lookup.ts";
import { text, toIso } from "./values.ts";

export function postKey(id: string): string {
  return `feed:${id}`;
}

/** Adds the posts and all that is told of them but likes and votes, which no cursor shows. */
export async function addPosts(run: Run, rows: Row[], batch: Batch): Promise<void> {
  const revised = await withRevisions(run, "FeedItem", rows);
  const shown = await run.files.of(revised);
  const details = await detailsOf(
    run,
    revised.map(({ row }) => row),
  );
  await run.people.load(
    revised.flatMap(({ row, revisions }) => [...peopleOf(row), ...revisions.flatMap(peopleOf), text(row, "ParentId")]),
  );
  for (const post of revised) {
    const { row } = post;
    const place = run.people.place(batch, text(row, "ParentId"), row["Parent"]);
    await addPiece(run, batch, {
      type: typeOf(row),
      key: postKey(row.Id),
      revised: post,
      shown: shown.get(row.Id),
      around: place,
      data: details.get(row.Id) ?? {},
    });
  }
}

/** A post or a comment, which are alike in all that can happen to them. */
export interface Piece {
  type: EventType;
  key: string;
  revised: Revised;
  shown: Shown | undefined;
  /** The contexts but for the author's. */
  around: Record<string, string>;
  data: Record<string, Json>;
}

/** Adds what the journal lacks of a piece: itself, its edits, newer files, its end. */
export async function addPiece(
  run: Run,
  batch: Batch,
  { type, key, revised, shown, around, data }: Piece,
): Promise<void> {
  const { row } = revised;
  const known = await knownVersions(run, key);
  const context = {
    ...named("author", run.people.person(batch, text(row, "CreatedById"))),
    ...inserter(run, batch, row),
    ...around,
  };
  const carrier = { key, row, shown, context };
  const edits = editsOf(key, revised, known, (editor) => ({
    ...named("author", run.people.person(batch, editor)),
    ...around,
  }));
  const newest = edits.at(-1);
  if (!known.has("")) {
    const original = originalValues(revised);
    batch.events.push({
      type,
      key,
      occurredAt: toIso(text(row, "CreatedDate") ?? ""),
      data: { item: row, original, ...data, ...carried(shown) },
      context,
      ...(await attach(run, batch, carrier)),
    });
    rememberOriginal(batch, key, {
      item: { ...row, ...original },
      names: ["author", "place", "audience", "post", "postAuthor"],
      context,
    });
  } else if (newest) {
    // An edit may also have added a file, an old one from the library even, so it carries what is shown now.
    Object.assign(newest, await attach(run, batch, carrier));
  }
  batch.events.push(...edits);
  await addNewVersions(run, batch, carrier);
  if (row["IsDeleted"] === true && !known.has("deleted"))
    addTombstone(batch, key, {
      deletedAt: text(row, "SystemModstamp") ?? text(row, "LastModifiedDate") ?? "",
      context,
    });
}

/** A tombstone refers to the original, which this page or an earlier one carries. */
function addTombstone(
  batch: Batch,
  key: string,
  { deletedAt, context }: { deletedAt: string; context: Record<string, string> },
): void {
  const at = toIso(deletedAt);
  batch.events.push({
    type: "Delete",
    key,
    version: "deleted",
    occurredAt: at,
    data: { id: key.slice(key.lastIndexOf(":") + 1), deletedAt: at, noticed: false },
    context: { ...context, original: originalOf(key) },
  });
}

export function named(name: string, { person }: Record<string, string>): Record<string, string> {
  return person === undefined ? {} : { [name]: person };
}

function inserter(run: Run, batch: Batch, row: Row): Record<string, string> {
  const by = text(row, "InsertedById");
  return by === undefined || by === text(row, "CreatedById") ? {} : named("inserter", run.people.person(batch, by));
}

export function peopleOf(row: Row): (string | undefined)[] {
  return ["CreatedById", "InsertedById", "LastEditById"].map((field) => text(row, field));
}

function typeOf(row: Row): EventType {
  const parent = row["Parent"];
  const parentType =
    typeof parent === "object" && parent !== null && !Array.isArray(parent) ? parent["Type"] : undefined;
  if (parentType === "DirectMessage") return "DirectMessage";
  const type = text(row, "Type") ?? "";
  // A group announcement and a shared post have the same Type.
  if (type === "AdvancedTextPost") return row["HasFeedEntity"] === true ? "Post" : "Announcement";
  return POST_TYPES[type] ?? "Other";
}

/** What the feed and the library say of what is attached. */
function carried(shown: Shown | undefined): Record<string, Json> {
  return shown === undefined ? {} : { links: shown.attachments, files: shown.versions };
}

/** What a post holds in objects of its own: the fields that changed, the choices of a poll. */
async function detailsOf({ session }: Run, rows: Row[]): Promise<Map<string, Record<string, Json>>> {
  const details = new Map<string, Record<string, Json>>();
  const tracked = rows.filter((row) => row["Type"] === "TrackedChange").map(({ Id }) => Id);
  for (const [id, changes] of await session.below("FeedTrackedChanges", tracked)) details.set(id, { changes });
  const polls = rows.filter((row) => row["Type"] === "PollPost").map(({ Id }) => Id);
  const fields = await visible(session, "FeedPollChoice", ["Id", "FeedItemId", "Position", "ChoiceBody"]);
  const choices =
    polls.length > 0 && fields.includes("FeedItemId")
      ? await session.find("FeedPollChoice", fields, "FeedItemId", polls)
      : [];
  for (const id of polls)
    details.set(id, { choices: choices.filter((choice) => choice["FeedItemId"] === id).sort(byPosition) });
  return details;
}

function byPosition(a: Row, b: Row): number {
  return Number(a["Position"]) - Number(b["Position"]);
}
