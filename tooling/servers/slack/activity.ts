import {
  addChannel,
  fact,
  factsOf,
  type JsonObject,
  membersAt,
  newTs,
  type World,
  type WorldChannel,
  type WorldFile,
  type WorldMessage,
} from "./workspace.ts";
import { renderMessage } from "./render.ts";

const EMOJI = ["tada", "thumbsup::skin-tone-2", "eyes"];

/** People at work: each call of `happen` is one thing that somebody does. */
export function happen(world: World): void {
  const { random } = world;
  if (world.channels.size === 0 || random.chance(0.02)) {
    addChannel(world, random.pick(["channel", "channel", "private", "mpim", "im"]), somePeople(world));
  }
  const channel = random.pick([...world.channels.values()]);
  random.pick(DEEDS)(world, channel);
}

type Deed = (world: World, channel: WorldChannel) => void;

const DEEDS: Deed[] = [
  say, say, say, say, reply, reply, reply, broadcast, edit, edit, edit, remove, react, react, unreact,
  share, share, appear, deleteFile, join, leave, rename, sayOddly, hide,
]; // prettier-ignore

function somePeople({ people, random }: World): string[] {
  const all = [...people.keys()];
  return [...new Set([all[0] ?? "", random.pick(all), random.pick(all)])];
}

function someone(world: World, channel: WorldChannel): string {
  return world.random.pickAny(membersAt(channel, Math.floor(world.now / 1000))) ?? "U00000000";
}

export function post(world: World, channel: WorldChannel, more: Partial<WorldMessage> = {}): WorldMessage {
  const ts = newTs(world);
  const text = `${world.random.pick(["Good", "Bad", "Old", "New"])} ${ts.slice(-6)} <@U00000011> & co`;
  const user = more.user ?? someone(world, channel);
  const message: WorldMessage = { ts, user, text, reactions: new Map(), files: [], more: {}, ...more };
  channel.messages.set(ts, message);
  channel.updated = ts;
  record(world, channel, message);
  tell(world, channel, renderMessage(channel, message, world.filesUrl));
  return message;
}

function record({ happened }: World, channel: WorldChannel, message: WorldMessage): void {
  for (const text of factsOf(channel, message)) happened.add(text);
}

function tell({ listeners }: World, channel: WorldChannel, event: JsonObject): void {
  for (const listener of listeners) listener({ ...event, channel: channel.id }, channel);
}

function say(world: World, channel: WorldChannel): void {
  post(world, channel);
}

function aMessage({ random }: World, { messages }: WorldChannel, fits: (message: WorldMessage) => boolean) {
  return random.pickAny([...messages.values()].filter(fits));
}

function isPlain({ subtype }: WorldMessage): boolean {
  return subtype === undefined || subtype === "thread_broadcast";
}

function reply(world: World, channel: WorldChannel): void {
  const root = aMessage(world, channel, (message) => isPlain(message) && message.thread === undefined);
  if (root) post(world, channel, { thread: root.ts });
}

function broadcast(world: World, channel: WorldChannel): void {
  const root = aMessage(world, channel, (message) => isPlain(message) && message.thread === undefined);
  if (root) post(world, channel, { thread: root.ts, subtype: "thread_broadcast" });
}

function edit(world: World, channel: WorldChannel): void {
  const message = aMessage(world, channel, isPlain);
  if (!message) return;
  const before = renderMessage(channel, message, world.filesUrl);
  const ts = newTs(world);
  Object.assign(message, { text: `${message.text} again`, edited: { user: message.user, ts } });
  record(world, channel, message);
  const after = renderMessage(channel, message, world.filesUrl);
  if (!world.random.chance(world.variant.silent)) {
    const record = world.variant.recordsBefore ? { ...after, original: before } : after;
    channel.records.push({ at: ts, of: message.ts, record });
  }
  if (world.variant.editsAreRecent) channel.updated = ts;
  tell(world, channel, {
    type: "message",
    subtype: "message_changed",
    hidden: true,
    ts,
    event_ts: ts,
    message: after,
    previous_message: before,
  });
}

function remove(world: World, channel: WorldChannel): void {
  const message = aMessage(world, channel, (found) => isPlain(found) && !hasReplies(channel, found));
  if (!message) return;
  const before = renderMessage(channel, message, world.filesUrl);
  const ts = newTs(world);
  channel.messages.delete(message.ts);
  world.happened.add(fact("delete", channel.id, message.ts));
  if (!world.random.chance(world.variant.silent)) {
    const record = { type: "message", subtype: "message_deleted", deleted_ts: message.ts, ts, event_ts: ts };
    channel.records.push({
      at: ts,
      of: message.ts,
      record: world.variant.recordsBefore ? { ...record, original: before } : record,
    });
  }
  if (world.variant.editsAreRecent) channel.updated = ts;
  tell(world, channel, {
    type: "message",
    subtype: "message_deleted",
    hidden: true,
    ts,
    event_ts: ts,
    deleted_ts: message.ts,
    previous_message: before,
  });
}

export function hasReplies({ messages }: WorldChannel, { ts }: WorldMessage): boolean {
  return [...messages.values()].some(({ thread }) => thread === ts);
}

/** A filter replaces what it finds. */
function hide(world: World, channel: WorldChannel): void {
  const message = aMessage(
    world,
    channel,
    (found) => isPlain(found) && found.thread === undefined && found.files.length === 0,
  );
  if (!message || !world.random.chance(0.3)) return;
  Object.assign(message, { subtype: "dlp_tombstone", text: "This message was hidden.", reactions: new Map() });
  delete message.edited;
  world.happened.add(fact("hidden", channel.id, message.ts));
  world.happened.add(fact("message", channel.id, message.ts, "", message.text));
  noteLostReactions(world, channel, message);
}

/** With the message its reactions disappear: that looks as if they had been taken back. */
function noteLostReactions({ happened, people }: World, channel: WorldChannel, { ts }: WorldMessage): void {
  for (const name of EMOJI)
    for (const user of people.keys())
      if (happened.has(fact("reaction", channel.id, ts, name, user)))
        happened.add(fact("unreaction", channel.id, ts, name, user));
}

function react(world: World, channel: WorldChannel): void {
  const message = aMessage(world, channel, isPlain);
  if (!message) return;
  const [name, user] = [world.random.pick(EMOJI), someone(world, channel)];
  const users = message.reactions.get(name) ?? new Set();
  if (users.has(user)) return;
  message.reactions.set(name, users.add(user));
  record(world, channel, message);
  if (world.variant.editsAreRecent) channel.updated = newTs(world);
  tellReaction(world, channel, "reaction_added", { message, name, user });
}

function unreact(world: World, channel: WorldChannel): void {
  const message = aMessage(world, channel, ({ reactions }) => reactions.size > 0);
  const [name, users] = (message && world.random.pickAny([...message.reactions])) ?? [];
  const user = world.random.pickAny([...(users ?? [])]);
  if (!message || name === undefined || user === undefined || !users) return;
  users.delete(user);
  if (users.size === 0) message.reactions.delete(name);
  world.happened.add(fact("unreaction", channel.id, message.ts, name, user));
  if (world.variant.editsAreRecent) channel.updated = newTs(world);
  tellReaction(world, channel, "reaction_removed", { message, name, user });
}

function tellReaction(
  world: World,
  channel: WorldChannel,
  type: string,
  { message, name, user }: { message: WorldMessage; name: string; user: string },
): void {
  const item = { type: "message", channel: channel.id, ts: message.ts };
  const event = { type, user, reaction: name, item, item_user: message.user, event_ts: newTs(world) };
  for (const listener of world.listeners) listener(event, channel);
}

let files = 0;

function share(world: World, channel: WorldChannel): void {
  files += 1;
  const bytes = Buffer.from(`file ${files} ${world.random.next()}`.repeat(world.random.between(1, 40)));
  const file: WorldFile = {
    id: `F${String(files).padStart(8, "0")}`,
    name: `note ${files}.txt`,
    bytes,
    isDeleted: false,
  };
  const absence = world.random.chance(0.3) ? world.random.pick(["late", "hidden"] as const) : undefined;
  post(world, channel, { files: [{ ...file, ...(absence && { absence }) }] });
}

/** A file that was not to be had is there. */
function appear(world: World, channel: WorldChannel): void {
  const message = aMessage(world, channel, ({ files: shared }) => shared.some(({ absence }) => absence !== undefined));
  for (const file of message?.files ?? []) delete file.absence;
  if (message) record(world, channel, message);
}

function deleteFile(world: World, channel: WorldChannel): void {
  const message = aMessage(world, channel, ({ files: shared }) => shared.some(({ isDeleted }) => !isDeleted));
  for (const file of message?.files ?? []) file.isDeleted = true;
  if (message) record(world, channel, message);
}

/** In the end every file is there. */
export function appearAll(world: World): void {
  for (const channel of world.channels.values())
    for (const message of channel.messages.values()) {
      for (const file of message.files) delete file.absence;
      record(world, channel, message);
    }
}

function join(world: World, channel: WorldChannel): void {
  if (channel.kind === "im" || channel.kind === "mpim") return;
  const here = membersAt(channel, Math.floor(world.now / 1000));
  const user = world.random.pickAny([...world.people.keys()].filter((id) => !here.includes(id)));
  if (user === undefined) return;
  nextSecond(world);
  channel.members.set(user, [...(channel.members.get(user) ?? []), { joined: Math.floor(world.now / 1000) }]);
  post(world, channel, {
    user,
    subtype: channel.kind === "private" ? "group_join" : "channel_join",
    text: `<@${user}> has joined`,
  });
}

function leave(world: World, channel: WorldChannel): void {
  if (channel.kind === "im" || channel.kind === "mpim") return;
  const user = world.random.pickAny(
    membersAt(channel, Math.floor(world.now / 1000)).filter((id) => id !== "U00000000"),
  );
  const stay = user === undefined ? undefined : channel.members.get(user)?.at(-1);
  if (user === undefined || !stay) return;
  nextSecond(world);
  stay.left = Math.floor(world.now / 1000);
  post(world, channel, {
    user,
    subtype: channel.kind === "private" ? "group_leave" : "channel_leave",
    text: `<@${user}> has left`,
  });
}

/** Membership is known by the second: nothing else is said in it. */
function nextSecond(world: World): void {
  world.now = (Math.floor(world.now / 1000) + 1) * 1000;
}

function rename(world: World, channel: WorldChannel): void {
  if (channel.kind === "im" || channel.kind === "mpim") return;
  const old = channel.name;
  channel.name = `${old.replace(/-\d+x$/, "")}-${world.random.between(100, 999)}x`;
  const { ts } = post(world, channel, {
    subtype: channel.kind === "private" ? "group_name" : "channel_name",
    text: `has renamed the channel from "${old}" to "${channel.name}"`,
    more: { old_name: old, name: channel.name },
  });
  channel.renames.push({ ts, new_name: channel.name, channel: channel.id });
}

function sayOddly(world: World, channel: WorldChannel): void {
  const subtype = world.random.pick(["hologram", "me_message", "channel_topic", "bot_message", "reminder_add"]);
  const more = subtype === "bot_message" ? { bot_id: "B0000001", username: "Bot" } : { shape: { edges: 12 } };
  post(world, channel, { subtype, more });
}
