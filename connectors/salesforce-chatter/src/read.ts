import type { Partition, ReadContext, SourceContext } from "@hansard/core";
import type { Checkpoint, Settings } from "./schema.ts";
import { readExport } from "./read/export/read-export.ts";
import { settleFiles } from "./read/attach.ts";
import type { LiveRun } from "./read/batch.ts";
import { addComments, commentKey } from "./read/comments.ts";
import { readDeletes } from "./read/deletes.ts";
import { createFiles } from "./read/files.ts";
import { addMembers } from "./read/members.ts";
import { addMessages } from "./read/messages.ts";
import { createPeople } from "./read/people.ts";
import { addPosts, postKey } from "./read/posts.ts";
import { readReactions } from "./read/reactions.ts";
import { requireSight } from "./read/permissions.ts";
import { openSession } from "./read/session.ts";
import { type Comparable, compareIds, isSweepDue } from "./read/sweep.ts";
import { type ChatterPage, type Stream, walkStream } from "./read/walk.ts";

type Context = ReadContext<Settings, Checkpoint>;

const CLOCKS = ["SystemModstamp", "LastModifiedDate", "CreatedDate"];

interface Part {
  name: string;
  /** What is read by time; absent: only by comparison. */
  stream?: Stream;
  /** What Salesforce keeps a log of deletes of. */
  deletes?: { object: string; keyOf: (id: string) => string };
  comparable: Comparable;
  reactions?: boolean;
}

const PARTS: Record<string, Part> = {
  feed: {
    name: "Posts",
    stream: { object: "FeedItem", clocks: CLOCKS, editClock: "LastEditDate", add: addPosts },
    deletes: { object: "FeedItem", keyOf: postKey },
    comparable: { object: "FeedItem", prefix: "feed:", goneType: "Delete", add: addPosts },
    reactions: true,
  },
  comments: {
    name: "Comments",
    stream: { object: "FeedComment", clocks: CLOCKS, editClock: "LastEditDate", add: addComments },
    deletes: { object: "FeedComment", keyOf: commentKey },
    comparable: { object: "FeedComment", prefix: "comment:", goneType: "Delete", add: addComments },
  },
  messages: {
    name: "Private messages",
    stream: { object: "ChatterMessage", clocks: ["SentDate"], add: addMessages },
    comparable: { object: "ChatterMessage", prefix: "message:", goneType: "Delete", add: addMessages },
  },
  groups: {
    name: "Group membership",
    comparable: { object: "CollaborationGroupMember", prefix: "member:", goneType: "GroupLeave", add: addMembers },
  },
};

export async function partitions({ settings }: SourceContext<Settings>): Promise<Partition[]> {
  const live = Object.entries(PARTS).filter(
    ([id]) => settings.signIn && (id !== "messages" || settings.privateMessages),
  );
  const found = live.map(([id, { name }]) => ({ id, name }));
  return settings.exportFolder === undefined ? found : [...found, { id: "export", name: "Data export" }];
}

export async function* read(context: Context): AsyncGenerator<ChatterPage> {
  const progress: Checkpoint = structuredClone(context.checkpoint) ?? {
    version: 1,
    beganAt: context.startedAt.toISOString(),
    walks: {},
    sweep: {},
  };
  const part = PARTS[context.partition.id];
  const pages = part ? readPart(context, part, progress) : readExport(context, progress);
  try {
    for await (const page of pages) {
      yield page;
      if (context.signal.aborted) return;
    }
  } catch (error) {
    // Asked to end, the run has nothing to report about the request that was cut short by it.
    if (!context.signal.aborted) throw error;
  }
}

async function* readPart(context: Context, part: Part, progress: Checkpoint): AsyncGenerator<ChatterPage> {
  const run = await openRun(context);
  if (isSweepDue(run, progress)) await requireSight(run.session);
  if (context.checkpoint === undefined) yield { events: [], checkpoint: structuredClone(progress) };
  if (context.followUps.length > 0) yield await settleFiles(run);
  if (part.stream) yield* walkStream(run, part.stream, progress);
  if (part.deletes) yield* readDeletes(run, part.deletes.object, part.deletes.keyOf, progress);
  if (!isSweepDue(run, progress)) return;
  if (progress.sweep.stage !== "recent") yield* compareIds(run, part.comparable, progress);
  if (part.reactions) yield* readReactions(run, progress);
  progress.sweep = { finishedAt: context.startedAt.toISOString() };
  yield { events: [], checkpoint: structuredClone(progress) };
}

/** Ids only, for reconciliation. */
export async function* enumerate(context: SourceContext<Settings>): AsyncGenerator<{ key: string }> {
  if (!context.settings.signIn) return;
  const session = await openSession(context);
  for (const { id } of await partitions(context)) {
    const part = PARTS[id];
    if (!part) continue;
    for await (const rows of session.pages(`SELECT Id FROM ${part.comparable.object} ORDER BY Id ASC`)) {
      for (const { Id } of rows) yield { key: `${part.comparable.prefix}${Id}` };
    }
  }
}

async function openRun(context: Context): Promise<LiveRun> {
  const session = await openSession(context);
  return {
    context,
    session,
    people: createPeople(session),
    files: createFiles(session, context.settings, context.blobs),
  };
}
