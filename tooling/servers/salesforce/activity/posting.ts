import type { Record, Value } from "../soql.ts";
import type { Finding } from "../truth.ts";
import { addFile, bytes, late, live, MINUTE_MS, touch, words, type World } from "./world.ts";

const DAY_MS = 86_400_000;
const TYPES = [
  "TextPost",
  "TextPost",
  "TextPost",
  "LinkPost",
  "ContentPost",
  "PollPost",
  "QuestionPost",
  "TrackedChange",
  "AdvancedTextPost",
  "CallLogPost",
  "HologramPost",
];

export function post(world: World): void {
  addPost(world, world.organization.random.pick(TYPES));
}

export function comment(world: World): void {
  const { organization, users } = world;
  const { random } = organization;
  const on = random.pickAny(live(world, "FeedItem"));
  if (!on) return;
  const by = random.pick(users);
  const file = random.chance(0.15) ? organization.addContent(bytes(world), "comment.txt", by) : undefined;
  const thread = random.pickAny(live(world, "FeedComment").filter(({ FeedItemId }) => FeedItemId === on.Id));
  const now = organization.time();
  const fields = {
    FeedItemId: on.Id,
    ParentId: on["ParentId"] ?? null,
    CommentBody: words(world),
    CommentType: file ? "ContentComment" : "TextComment",
    RelatedRecordId: file?.Id ?? null,
    IsRichText: false,
    Revision: 0,
    CreatedById: by,
    InsertedById: by,
    CreatedDate: now,
    SystemModstamp: now,
    Status: "Published",
    ThreadParentId: thread && random.chance(0.4) ? thread.Id : null,
  };
  const record = organization.insert("FeedComment", fields, late(world));
  // A comment moves the post's times; nothing else that happens below a post does.
  Object.assign(on, { CommentCount: Number(on["CommentCount"]) + 1, LastModifiedDate: now, SystemModstamp: now });
  if (file) addFile(world, "walk", `comment:${record.Id}`, file);
  organization.truth.add("walk", "comment", record.Id, on.Id, fields.ThreadParentId, by, now, fields.CommentBody);
  touch(world, record.Id, on.Id);
}

/** An importer may set the times of what it brings, so that no clock shows that it is new. */
export function importedPost(world: World): void {
  const { organization, users } = world;
  const past = organization.time(new Date(organization.now().getTime() - organization.random.between(2, 20) * DAY_MS));
  addPost(
    world,
    "TextPost",
    { CreatedDate: past, LastModifiedDate: past, SystemModstamp: past, InsertedById: users[0] ?? null },
    "sweep",
  );
}

/** A file that cannot be downloaded yet when its post can be read. */
export function lateFile(world: World): void {
  const { organization, users, frail } = world;
  const record = addPost(world, "TextPost", { HasContent: true });
  const availableAt = organization.now().getTime() + organization.random.between(1, 90) * MINUTE_MS;
  const version = organization.addContent(bytes(world), "late.pdf", users[0] ?? "", { availableAt });
  attachContent(world, record.Id, version);
  addFile(world, "sweep", `feed:${record.Id}`, version);
  frail.add(record.Id);
}

export function newVersion(world: World): void {
  const { organization, users, frail } = world;
  const { random } = organization;
  const posts = new Map(live(world, "FeedItem").map((item) => [item.Id, item]));
  const attachment = random.pickAny(
    organization
      .all("FeedAttachment")
      .filter(({ Type, FeedEntityId }) => Type === "Content" && posts.has(String(FeedEntityId))),
  );
  const versions = organization.all("ContentVersion");
  const pinned = attachment && versions.find(({ Id }) => Id === attachment["RecordId"]);
  const on = attachment && posts.get(String(attachment["FeedEntityId"]));
  if (!pinned || !on || frail.has(on.Id) || organization.time() <= String(on["CreatedDate"])) return;
  const document = String(pinned["ContentDocumentId"]);
  const number = versions.filter((each) => each["ContentDocumentId"] === document).length + 1;
  const version = organization.addContent(bytes(world), "newer.pdf", random.pick(users), { document, number });
  addFile(world, "sweep", `feed:${on.Id}`, version);
  touch(world, on.Id);
}

export function attachContent({ organization }: World, postId: string, version: Record): void {
  organization.insert("FeedAttachment", {
    FeedEntityId: postId,
    Type: "Content",
    RecordId: version.Id,
    Title: null,
    Value: null,
  });
}

function addPost(
  world: World,
  type: string,
  overrides: { [field: string]: Value } = {},
  found: Finding = "walk",
): Record {
  const { organization, users, groups, account } = world;
  const { random } = organization;
  const by = random.pick(users);
  const rich = random.chance(0.2);
  const body = type === "TrackedChange" ? null : rich ? `<p>${words(world).replace(/[<&]/g, "+")}</p>` : words(world);
  const image =
    rich && type === "TextPost" && random.chance(0.5)
      ? organization.addContent(bytes(world), "image.png", by)
      : undefined;
  const name = random.pick(["report.pdf", "Ümlaut.docx", "data.bin"]);
  const file = type === "ContentPost" ? organization.addContent(bytes(world), name, by) : undefined;
  const fields = {
    ...blank(organization.time()),
    ParentId: random.pick([...groups, account, by, random.pick(users)]),
    Type: type,
    Title: type === "QuestionPost" ? words(world) : null,
    IsRichText: rich,
    LinkUrl: type === "LinkPost" ? "https://example.com/a" : null,
    Body: image ? `${body}<p><img src="sfdc://${image["ContentDocumentId"]}" alt="x"></img></p>` : body,
    HasContent: Boolean(file),
    HasLink: type === "LinkPost",
    CreatedById: by,
    InsertedById: random.chance(0.1) ? random.pick(users) : by,
    RelatedRecordId: file && random.chance(0.5) ? file.Id : null,
    ...overrides,
  };
  const record = organization.insert("FeedItem", fields, late(world));
  if (file) attachContent(world, record.Id, file);
  if (image)
    organization.insert("FeedAttachment", {
      FeedEntityId: record.Id,
      Type: "InlineImage",
      RecordId: image["ContentDocumentId"] ?? null,
      Title: null,
      Value: null,
    });
  for (const version of [file, image].filter((each) => each !== undefined))
    addFile(world, found, `feed:${record.Id}`, version);
  organization.truth.add(
    found,
    "post",
    record.Id,
    type,
    by,
    record["InsertedById"],
    record["CreatedDate"],
    fields.Title,
    fields.Body,
    details(world, record),
  );
  touch(world, record.Id);
  return record;
}

function blank(now: string): { [field: string]: Value } {
  const times = { CreatedDate: now, LastModifiedDate: now, SystemModstamp: now };
  return { ...times, CommentCount: 0, LikeCount: 0, HasFeedEntity: false, Revision: 1, Status: "Published" };
}

function details(world: World, { Id, Type }: Record): string {
  const { organization } = world;
  if (Type === "PollPost") {
    const choices = ["Yes", "No", "Perhaps"];
    for (const [Position, ChoiceBody] of choices.entries())
      organization.insert("FeedPollChoice", {
        FeedItemId: Id,
        ChoiceBody,
        Position,
        CreatedById: null,
        CreatedDate: organization.time(),
      });
    return choices.join();
  }
  if (Type !== "TrackedChange") return "";
  const changes = Array.from({ length: organization.random.between(1, 5) }, (_, index) => ({
    FieldName: `Account.Field${index}`,
    OldValue: organization.random.chance(0.3) ? null : index,
    NewValue: words(world),
  }));
  for (const change of changes) organization.insert("FeedTrackedChange", { FeedItemId: Id, ...change });
  return changes
    .map(({ FieldName, NewValue }) => `${FieldName}=${NewValue}`)
    .sort()
    .join();
}
