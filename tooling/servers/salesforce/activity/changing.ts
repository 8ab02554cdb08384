import type { Record } from "../soql.ts";
import { attachContent } from "./posting.ts";
import { addFile, bytes, commentsOf, live, mayGo, touch, words, type World } from "./world.ts";

export function edit(world: World): void {
  const { organization, users } = world;
  const { random } = organization;
  const object = random.chance(0.6) ? "FeedItem" : "FeedComment";
  const record = random.pickAny(
    live(world, object).filter(({ Id, Type }) => Type !== "TrackedChange" && organization.isVisible(Id)),
  );
  if (!record) return;
  const field =
    object === "FeedComment"
      ? "CommentBody"
      : record["Type"] === "QuestionPost" && random.chance(0.5)
        ? "Title"
        : "Body";
  const before = record[field] ?? null;
  const after = words(world);
  const by = random.pick(users);
  const revision = revise(world, record, { field, after, by });
  if (object === "FeedItem" && random.chance(0.15)) attachFromLibrary(world, record, by);
  const key = `${object === "FeedItem" ? "feed" : "comment"}:${record.Id}`;
  // Whatever the clocks of a post show: that it was edited can always be read in the history of edits.
  organization.truth.add("walk", "edit", key, revision.Id, by, before, after);
  touch(world, record.Id);
}

function revise(
  { organization }: World,
  record: Record,
  { field, after, by }: { field: string; after: string; by: string },
): Record {
  const now = organization.time();
  const number = Number(record["Revision"]) + 1;
  const revision = organization.insert("FeedRevision", {
    FeedEntityId: record.Id,
    Revision: number,
    Action: "Changed",
    EditedAttribute: field === "CommentBody" ? "Body" : field,
    Value: record[field] ?? null,
    IsValueRichText: record["IsRichText"] ?? false,
    CreatedById: by,
    CreatedDate: now,
    SystemModstamp: now,
  });
  Object.assign(record, { [field]: after, Revision: number, LastEditDate: now, LastEditById: by });
  if (field === "CommentBody" || organization.variant.feedClock === "SystemModstamp") record["SystemModstamp"] = now;
  return revision;
}

/** Whoever edits a post may add a file that has long been in the library. */
function attachFromLibrary(world: World, post: Record, by: string): void {
  const version = world.organization.addContent(bytes(world), "library.pdf", by);
  version["CreatedDate"] = world.organization.time(new Date("2026-01-05T10:00:00Z"));
  attachContent(world, post.Id, version);
  post["HasContent"] = true;
  addFile(world, "walk", `feed:${post.Id}`, version);
}

export function removePost(world: World): void {
  const { organization } = world;
  const { random, truth, variant } = organization;
  const record = random.pickAny(
    live(world, "FeedItem").filter(
      ({ Id }) => mayGo(world, Id) && commentsOf(world, Id).every((each) => mayGo(world, each.Id)),
    ),
  );
  if (!record) return;
  for (const each of commentsOf(world, record.Id)) {
    organization.remove("FeedComment", each.Id, { logged: variant.cascadeLogged });
    truth.add(variant.cascadeLogged ? "walk" : "sweep", "delete", `comment:${each.Id}`);
  }
  organization.remove("FeedItem", record.Id, { soft: variant.softDeletes && random.chance(0.5) });
  truth.add("walk", "delete", `feed:${record.Id}`);
}

export function removeComment(world: World): void {
  const { organization } = world;
  const record = organization.random.pickAny(live(world, "FeedComment").filter(({ Id }) => mayGo(world, Id)));
  if (!record) return;
  organization.remove("FeedComment", record.Id, {
    soft: organization.variant.softDeletes && organization.random.chance(0.5),
  });
  organization.truth.add("walk", "delete", `comment:${record.Id}`);
}

/** Written and deleted between two reads: that it was is all that can ever be known. */
export function ghostPost({ organization, users }: World): void {
  const now = organization.time();
  const record = organization.insert("FeedItem", {
    Type: "TextPost",
    CreatedById: users[0] ?? null,
    CreatedDate: now,
    LastModifiedDate: now,
    SystemModstamp: now,
  });
  organization.advance(1000);
  organization.remove("FeedItem", record.Id);
  organization.truth.add("walk", "delete", `feed:${record.Id}`);
  organization.truth.add("walk", "gap", `unseen:feed:${record.Id}`);
}

export function ghostComment({ organization }: World): void {
  const record = organization.insert("FeedComment", { CommentBody: "never seen" });
  organization.remove("FeedComment", record.Id);
  organization.truth.add("walk", "delete", `comment:${record.Id}`);
  organization.truth.add("walk", "gap", `unseen:comment:${record.Id}`);
}
