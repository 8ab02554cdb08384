import { isArchived, isSwept, late, touch, words, type World } from "./world.ts";

export function message(world: World): void {
  const { organization, users, conversations } = world;
  const { random } = organization;
  const known = random.pickAny([...conversations.keys()]);
  const conversation = known && random.chance(0.6) ? known : newConversation(world);
  const members = conversations.get(conversation) ?? users;
  const sender = random.pick(members);
  const fields = {
    ConversationId: conversation,
    SenderId: sender,
    SenderNetworkId: null,
    Body: words(world),
    SentDate: organization.time(),
  };
  const record = organization.insert("ChatterMessage", fields, late(world));
  organization.truth.add("walk", "message", record.Id, sender, members.toSorted().join(), fields.SentDate, fields.Body);
  touch(world, record.Id);
}

/** Private messages are deleted for good, and no log tells it. */
export function removeMessage(world: World): void {
  const { organization } = world;
  const record = organization.random.pickAny(
    organization.all("ChatterMessage").filter(({ Id }) => isArchived(world, Id)),
  );
  if (!record) return;
  organization.remove("ChatterMessage", record.Id);
  organization.truth.add("sweep", "delete", `message:${record.Id}`);
}

export function joinSomeone(world: World): void {
  const { random } = world.organization;
  join(world, random.pick(world.groups), random.pick(world.users));
}

export function join(world: World, group: string, user: string): void {
  const { organization } = world;
  const members = organization.all("CollaborationGroupMember");
  if (members.some((each) => each["CollaborationGroupId"] === group && each["MemberId"] === user)) return;
  const now = organization.time();
  const record = organization.insert("CollaborationGroupMember", {
    CollaborationGroupId: group,
    MemberId: user,
    CollaborationRole: "Standard",
    CreatedById: user,
    CreatedDate: now,
    SystemModstamp: now,
  });
  organization.truth.add("sweep", "join", record.Id, group, user);
  touch(world, record.Id);
}

export function leave(world: World): void {
  const { organization } = world;
  const record = organization.random.pickAny(
    organization.all("CollaborationGroupMember").filter(({ Id }) => isSwept(world, Id)),
  );
  if (!record) return;
  organization.remove("CollaborationGroupMember", record.Id);
  organization.truth.add("sweep", "leave", record.Id);
}

function newConversation({ organization, users, conversations }: World): string {
  const { random } = organization;
  const conversation = organization.id("ChatterConversation");
  const members = [...new Set(Array.from({ length: random.between(2, 4) }, () => random.pick(users)))];
  conversations.set(conversation, members);
  for (const MemberId of members)
    organization.insert("ChatterConversationMember", { ConversationId: conversation, MemberId });
  return conversation;
}
