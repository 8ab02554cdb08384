import { isSwept, live, touch, type World } from "./world.ts";

export function like(world: World): void {
  const { organization, users } = world;
  const on = organization.random.pickAny(live(world, "FeedItem"));
  if (!on) return;
  const by = organization.random.pick(users);
  const record = organization.insert("FeedLike", {
    FeedItemId: on.Id,
    FeedEntityId: on.Id,
    CreatedById: by,
    InsertedById: by,
    CreatedDate: organization.time(),
  });
  on["LikeCount"] = Number(on["LikeCount"]) + 1;
  organization.truth.add("sweep", "like", record.Id, on.Id, by);
  touch(world, record.Id, on.Id);
}

export function unlike(world: World): void {
  const { organization } = world;
  const posts = new Set(live(world, "FeedItem").map(({ Id }) => Id));
  const record = organization.random.pickAny(
    organization.all("FeedLike").filter(({ Id, FeedItemId }) => isSwept(world, Id) && posts.has(String(FeedItemId))),
  );
  if (!record) return;
  organization.remove("FeedLike", record.Id);
  organization.truth.add("sweep", "unlike", record.Id);
  touch(world, String(record["FeedItemId"]));
}

export function vote(world: World): void {
  const { organization, users } = world;
  const { random } = organization;
  const on = random.pickAny(live(world, "FeedItem").filter(({ Type }) => Type === "PollPost"));
  const choice =
    on && random.pickAny(organization.all("FeedPollChoice").filter(({ FeedItemId }) => FeedItemId === on.Id));
  if (!on || !choice) return;
  const by = random.pick(users);
  const now = organization.time();
  const record = organization.insert("FeedPollVote", {
    FeedItemId: on.Id,
    ChoiceId: choice.Id,
    CreatedById: by,
    CreatedDate: now,
    LastModifiedDate: now,
  });
  organization.truth.add("sweep", "vote", record.Id, on.Id, by, choice["ChoiceBody"]);
  touch(world, on.Id);
}
