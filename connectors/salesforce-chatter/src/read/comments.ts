import type { EventType } from "../map/event-types.ts";
import type { Row } from "../schema.ts";
import { type Batch, compact, type Run, share } from "./batch.ts";
import { addPiece, named, peopleOf } from "./posts.ts";
import { withRevisions } from "./revisions.ts";
import { parentFields, visible } from "./lookup.ts";
import { text } from "./values.ts";

export function commentKey(id: string): string {
  return `comment:${id}`;
}

export async function addComments(run: Run, rows: Row[], batch: Batch): Promise<void> {
  const revised = await withRevisions(run, "FeedComment", rows);
  const shown = await run.files.of(revised);
  const posts = await postsOf(
    run,
    revised.map(({ row }) => row),
  );
  await run.people.load([
    ...revised.flatMap(({ row, revisions }) => [
      ...peopleOf(row),
      ...revisions.flatMap(peopleOf),
      text(row, "ParentId"),
    ]),
    ...[...posts.values()].flatMap((post) => [text(post, "CreatedById"), text(post, "ParentId")]),
  ]);
  for (const comment of revised) {
    const { row } = comment;
    const post = posts.get(text(row, "FeedItemId") ?? "");
    await addPiece(run, batch, {
      type: typeOf(row, post),
      key: commentKey(row.Id),
      revised: comment,
      shown: shown.get(row.Id),
      around: surroundings(run, batch, row, post),
      data: {},
    });
  }
}

function typeOf(row: Row, post: Row | undefined): EventType {
  if (text(row, "ThreadParentId")) return "Reply";
  return post?.["Type"] === "QuestionPost" ? "Answer" : "Comment";
}

/** What of a post a comment needs: that which an edit of the post does not change. */
async function postsOf({ session }: Run, rows: Row[]): Promise<Map<string, Row>> {
  const wanted = ["Id", "Type", "ParentId", "CreatedById", "CreatedDate"];
  const select = await visible(session, "FeedItem", wanted);
  const parent = await parentFields(session, "FeedItem");
  const found = await session.find(
    "FeedItem",
    [...select, ...parent],
    "Id",
    rows.flatMap((row) => text(row, "FeedItemId") ?? []),
  );
  return new Map(found.map((post) => [post.Id, compact(post)]));
}

function surroundings(run: Run, batch: Batch, row: Row, post: Row | undefined): Record<string, string> {
  return {
    ...run.people.place(batch, (post && text(post, "ParentId")) ?? text(row, "ParentId"), post?.["Parent"]),
    ...(post && { post: share(batch, "post", post) }),
    ...(post && named("postAuthor", run.people.person(batch, text(post, "CreatedById")))),
  };
}
