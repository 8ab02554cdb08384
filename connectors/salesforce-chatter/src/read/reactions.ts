import type { EventType } from "../map/event-types.ts";
import type { Checkpoint, Row } from "../schema.ts";
import { type Batch, emptyBatch, knownParts, type LiveRun, originalOf, type Run } from "./batch.ts";
import { addPosts, named, postKey } from "./posts.ts";
import { selectable, visible } from "./lookup.ts";
import { quote } from "./soql.ts";
import { text, toIso } from "./values.ts";
import { type ChatterPage, portions } from "./walk.ts";

const DAY_MS = 86_400_000;
const LIKES = "(SELECT Id,CreatedById,CreatedDate,InsertedById FROM FeedLikes)";

/**
 * Likes and votes bump no clock and leave no trace when they are withdrawn, so those of recent posts are read again and
 * compared. FeedLike cannot be queried by itself. The posts are read with them: what no clock showed of them is found here.
 */
export async function* readReactions(run: LiveRun, progress: Checkpoint): AsyncGenerator<ChatterPage> {
  const { startedAt, settings } = run.context;
  const since = new Date(startedAt.getTime() - settings.recentDays * DAY_MS).toISOString();
  const after = progress.sweep.stage === "recent" ? progress.sweep.after : undefined;
  const select = await selectable(run.session, "FeedItem");
  const from = after ? ` AND Id > ${quote(after)}` : "";
  const soql = `SELECT ${select.join(",")},${LIKES} FROM FeedItem WHERE CreatedDate >= ${since}${from} ORDER BY Id ASC`;
  for await (const rows of run.session.pages(soql)) {
    for (const part of portions(rows)) {
      const batch = await reactionsOf(run, part);
      progress.sweep = { ...progress.sweep, stage: "recent", after: part.at(-1)?.Id };
      yield { ...batch, checkpoint: structuredClone(progress) };
    }
  }
}

async function reactionsOf(run: LiveRun, rows: Row[]): Promise<Batch> {
  const batch = emptyBatch();
  const likes = new Map<string, Row[]>();
  for (const row of rows) likes.set(row.Id, await run.session.children(row, "FeedLikes"));
  const live = rows.filter((row) => row["IsDeleted"] !== true);
  await addPosts(run, rows.map(withoutLikes), batch);
  const votes = await votesOf(run, live);
  await run.people.load([...likes.values(), ...votes.values()].flat().map((row) => text(row, "CreatedById")));
  for (const row of live) {
    await compare(run, batch, row, { current: likes.get(row.Id) ?? [], part: "like", came: "Like", went: "Unlike" });
    if (row["Type"] === "PollPost")
      await compare(run, batch, row, {
        current: votes.get(row.Id) ?? [],
        part: "vote",
        came: "Vote",
        went: "VoteWithdrawn",
      });
  }
  return batch;
}

interface Reactions {
  current: Row[];
  part: string;
  came: EventType;
  went: EventType;
}

async function compare(run: Run, batch: Batch, post: Row, { current, part, came, went }: Reactions): Promise<void> {
  const prefix = `${postKey(post.Id)}:${part}:`;
  const known = new Map<string, Set<string>>();
  for (const { key, version } of await knownParts(run, prefix))
    known.set(key, (known.get(key) ?? new Set()).add(version));
  const isNew = (row: Row) => !known.get(`${prefix}${row.Id}`)?.has(versionOf(row));
  addReactions(run, batch, { post, rows: current.filter(isNew), part, type: came });
  const present = new Set(current.map(({ Id }) => `${prefix}${Id}`));
  const noticedAt = run.context.startedAt.toISOString();
  for (const [key, versions] of known) {
    if (present.has(key) || versions.has("withdrawn")) continue;
    const context = { ...around(run, batch, post), reaction: originalOf(key) };
    batch.events.push({
      type: went,
      key,
      version: "withdrawn",
      occurredAt: noticedAt,
      data: { noticedAt, post: postKey(post.Id) },
      context,
    });
  }
}

/** One event for each like or vote. Whose it was is remembered for when it is withdrawn, since Salesforce forgets it. */
export function addReactions(
  run: Run,
  batch: Batch,
  { post, rows, part, type }: { post: Row; rows: Row[]; part: string; type: EventType },
): void {
  for (const row of rows) {
    const key = `${postKey(post.Id)}:${part}:${row.Id}`;
    const version = versionOf(row);
    const author = named("author", run.people.person(batch, text(row, "CreatedById")));
    batch.events.push({
      type,
      key,
      ...(version && { version }),
      occurredAt: toIso(text(row, "LastModifiedDate") ?? text(row, "CreatedDate") ?? ""),
      data: { reaction: row, post: postKey(post.Id) },
      context: { ...author, ...around(run, batch, post) },
    });
    batch.contexts[originalOf(key)] = { reaction: row, author: batch.contexts[author["author"] ?? ""] ?? null };
  }
}

function around(run: Run, batch: Batch, post: Row): Record<string, string> {
  return {
    ...run.people.place(batch, text(post, "ParentId"), post["Parent"]),
    ...named("postAuthor", run.people.person(batch, text(post, "CreatedById"))),
    original: originalOf(postKey(post.Id)),
  };
}

/** A vote may move to another choice and keeps its id; a like never changes. */
function versionOf(row: Row): string {
  const choice = text(row, "ChoiceId");
  return choice === undefined
    ? ""
    : `${choice}@${toIso(text(row, "LastModifiedDate") ?? text(row, "CreatedDate") ?? "1970-01-01T00:00:00Z")}`;
}

async function votesOf({ session }: Run, rows: Row[]): Promise<Map<string, Row[]>> {
  const polls = rows.filter((row) => row["Type"] === "PollPost").map(({ Id }) => Id);
  const select = await visible(session, "FeedPollVote", [
    "Id",
    "FeedItemId",
    "ChoiceId",
    "CreatedById",
    "CreatedDate",
    "LastModifiedDate",
  ]);
  if (polls.length === 0 || !select.includes("FeedItemId")) return new Map();
  const choices = new Map(
    (await session.find("FeedPollChoice", ["Id", "ChoiceBody"], "FeedItemId", polls)).map((choice) => [
      choice.Id,
      choice["ChoiceBody"] ?? null,
    ]),
  );
  const votes = await session.find("FeedPollVote", select, "FeedItemId", polls);
  const worded = votes.map((vote) => ({ ...vote, ChoiceBody: choices.get(text(vote, "ChoiceId") ?? "") ?? null }));
  return Map.groupBy(worded, (vote) => text(vote, "FeedItemId") ?? "");
}

function withoutLikes({ FeedLikes: _likes, ...row }: Row): Row {
  return row;
}
