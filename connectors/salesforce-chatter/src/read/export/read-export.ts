import type { ReadContext } from "@hansard/core";
import type { EventType } from "../../map/event-types.ts";
import { type Batch, emptyBatch, type Run } from "../batch.ts";
import { addComments } from "../comments.ts";
import { createFiles } from "../files.ts";
import { addMembers } from "../members.ts";
import { addMessages } from "../messages.ts";
import { createPeople } from "../people.ts";
import { addPosts } from "../posts.ts";
import { addReactions } from "../reactions.ts";
import { text } from "../values.ts";
import type { ChatterPage } from "../walk.ts";
import type { Checkpoint, Row, Settings } from "../../schema.ts";
import { type ExportArchive, openArchive } from "./archive.ts";
import { openLookup } from "./export-lookup.ts";
import { tableRows } from "./table.ts";

const PAGE_ROWS = 500;

/** The tables that become events, in this order. */
const TABLES: { object: string; add(run: Run, rows: Row[], batch: Batch): Promise<void> }[] = [
  { object: "FeedItem", add: addPosts },
  { object: "FeedComment", add: addComments },
  { object: "FeedLike", add: (run, rows, batch) => addBelowPosts(run, rows, batch, "like", "Like") },
  { object: "FeedPollVote", add: addVotes },
  { object: "ChatterMessage", add: addMessages },
  { object: "CollaborationGroupMember", add: addMembers },
];

/** Reads a data export once. It makes the same events under the same keys as a live read, so that the two may overlap. */
export async function* readExport(
  context: ReadContext<Settings, Checkpoint>,
  progress: Checkpoint,
): AsyncGenerator<ChatterPage> {
  const { exportFolder } = context.settings;
  if (exportFolder === undefined) return;
  const archive = await openArchive(exportFolder);
  try {
    const { fingerprint } = archive;
    const earlier =
      progress.export?.fingerprint === fingerprint ? progress.export : { fingerprint, table: 0, rows: 0, done: false };
    if (earlier.done) return;
    const lookup = await openLookup(archive);
    const run: Run = {
      context: { ...context, followUps: [] },
      session: lookup,
      people: createPeople(lookup),
      files: createFiles(lookup, context.settings, context.blobs),
    };
    for (const [table, { object, add }] of TABLES.entries()) {
      if (table < earlier.table) continue;
      let rows = table === earlier.table ? earlier.rows : 0;
      for await (const part of portionsOf(archive, object, rows)) {
        const batch = emptyBatch();
        await add(run, part, batch);
        rows += part.length;
        progress.export = { fingerprint, table, rows, done: false };
        // What an export lacks will not come later; the gap stays and says so.
        yield { ...batch, followUps: [], checkpoint: structuredClone(progress) };
      }
    }
    progress.export = { fingerprint, table: TABLES.length, rows: 0, done: true };
    yield { events: [], checkpoint: structuredClone(progress) };
  } finally {
    archive.close();
  }
}

async function* portionsOf(archive: ExportArchive, object: string, skip: number): AsyncGenerator<Row[]> {
  let index = 0;
  let portion: Row[] = [];
  for await (const row of tableRows(archive, object)) {
    index += 1;
    if (index <= skip) continue;
    portion.push(row);
    if (portion.length < PAGE_ROWS) continue;
    yield portion;
    portion = [];
  }
  if (portion.length > 0) yield portion;
}

async function addVotes(run: Run, rows: Row[], batch: Batch): Promise<void> {
  const polls = rows.flatMap((row) => text(row, "FeedItemId") ?? []);
  const choices = new Map(
    (await run.session.find("FeedPollChoice", ["Id", "ChoiceBody"], "FeedItemId", polls)).map((choice) => [
      choice.Id,
      choice["ChoiceBody"] ?? null,
    ]),
  );
  const worded = rows.map((row) => ({ ...row, ChoiceBody: choices.get(text(row, "ChoiceId") ?? "") ?? null }));
  await addBelowPosts(run, worded, batch, "vote", "Vote");
}

async function addBelowPosts(run: Run, rows: Row[], batch: Batch, part: string, type: EventType): Promise<void> {
  const ids = rows.flatMap((row) => text(row, "FeedItemId") ?? []);
  const posts = new Map(
    (await run.session.find("FeedItem", ["Id", "ParentId", "CreatedById"], "Id", ids)).map((post) => [post.Id, post]),
  );
  await run.people.load(
    [...rows, ...posts.values()].flatMap((row) => [text(row, "CreatedById"), text(row, "ParentId")]),
  );
  for (const row of rows) {
    const id = text(row, "FeedItemId");
    if (id !== undefined) addReactions(run, batch, { post: posts.get(id) ?? { Id: id }, rows: [row], part, type });
  }
}
