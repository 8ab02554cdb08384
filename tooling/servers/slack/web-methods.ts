import { fileInfo, type Question, renderChannel, renderPerson } from "./discovery-methods.ts";
import { pageByNumber, withCursor } from "./pages.ts";
import { Refusal } from "./refusal.ts";
import { renderMessage } from "./render.ts";
import { type JsonObject, membersAt, type World, type WorldChannel, type WorldMessage } from "./workspace.ts";

/** A question, and who asks: a bot or a person. */
export interface WebQuestion extends Question {
  user: string;
  isBot: boolean;
}

/** The methods of the Web API: method → answer. */
export const WEB: Record<string, (question: WebQuestion) => JsonObject> = {
  "auth.test": ({ user, isBot }) => ({
    team: "Contoso",
    team_id: "T0000001",
    user_id: user,
    ...(isBot && { bot_id: "B0000009" }),
  }),
  "users.list": ({ world, form, size }) => {
    const { items, next } = pageByNumber([...world.people.values()], form, "cursor", size);
    return withCursor({ members: items.map(renderPerson) }, next);
  },
  "conversations.list": (question) => {
    const { world, form, size } = question;
    const types = (form.get("types") ?? "public_channel").split(",");
    const found = [...world.channels.values()].filter((channel) => {
      const type = { channel: "public_channel", private: "private_channel", mpim: "mpim", im: "im" }[channel.kind];
      return types.includes(type) && (channel.kind === "channel" || isMember(question, channel));
    });
    const { items, next } = pageByNumber(found, form, "cursor", size);
    return withCursor(
      { channels: items.map((channel) => ({ ...renderChannel(channel), is_member: isMember(question, channel) })) },
      next,
    );
  },
  "conversations.history": (question) => {
    const channel = readable(question);
    const shown = [...channel.messages.values()].filter(
      ({ thread, subtype }) => thread === undefined || subtype === "thread_broadcast",
    );
    return messagePage(question, channel, within(shown, question.form).sort(byTime).toReversed());
  },
  "conversations.replies": (question) => {
    const channel = readable(question);
    const found = channel.messages.get(question.form.get("ts") ?? "");
    if (!found) throw new Refusal("thread_not_found");
    if (found.thread !== undefined) return messagePage(question, channel, [found]);
    const replies = [...channel.messages.values()].filter(({ thread }) => thread === found.ts).sort(byTime);
    return messagePage(question, channel, [found, ...within(replies, question.form)]);
  },
  "reactions.get": (question) => {
    const channel = readable(question);
    const message = channel.messages.get(question.form.get("timestamp") ?? "");
    if (!message) throw new Refusal("message_not_found");
    return { type: "message", channel: channel.id, message: renderMessage(channel, message, question.filesUrl) };
  },
  "conversations.members": (question) => {
    const channel = readable(question);
    const members = membersAt(channel, Math.floor(question.world.now / 1000));
    const { items, next } = pageByNumber(members, question.form, "cursor", question.size);
    return withCursor({ members: items }, next);
  },
  "files.info": fileInfo,
};

/** Whether the one who asks is in it. The bot is in every room whose number is odd, and in no direct message. */
export function isMember(
  { world, user, isBot }: { world: World; user: string; isBot: boolean },
  channel: WorldChannel,
): boolean {
  if (isBot) return channel.kind !== "im" && channel.kind !== "mpim" && Number(channel.id.slice(1, 8)) % 4 !== 0;
  return membersAt(channel, Math.floor(world.now / 1000)).includes(user);
}

export function isReadable(question: { world: World; user: string; isBot: boolean }, channel: WorldChannel): boolean {
  return isMember(question, channel) || (!question.isBot && channel.kind === "channel");
}

function readable(question: WebQuestion): WorldChannel {
  const channel = question.world.channels.get(question.form.get("channel") ?? "");
  if (!channel || (channel.kind !== "channel" && !isReadable(question, channel)))
    throw new Refusal("channel_not_found");
  if (!isReadable(question, channel)) throw new Refusal("not_in_channel");
  return channel;
}

function within(messages: WorldMessage[], form: URLSearchParams): WorldMessage[] {
  const [latest, oldest] = [form.get("latest"), form.get("oldest")];
  const inclusive = form.get("inclusive") === "true" || form.get("inclusive") === "1";
  return messages.filter(({ ts }) => {
    if (inclusive && (ts === latest || ts === oldest)) return true;
    return (latest === null || ts < latest) && (oldest === null || ts > oldest);
  });
}

function byTime(one: WorldMessage, other: WorldMessage): number {
  return one.ts < other.ts ? -1 : 1;
}

/** A cursor stands at a message, so that what is said meanwhile moves nothing. */
function messagePage(
  { form, size, filesUrl, world }: WebQuestion,
  channel: WorldChannel,
  messages: WorldMessage[],
): JsonObject {
  const cursor = form.get("cursor")?.replace("at:", "");
  const found = cursor === undefined ? -1 : messages.findIndex(({ ts }) => ts === cursor);
  if (cursor !== undefined && found < 0) throw new Refusal("invalid_cursor");
  const page = messages.slice(found + 1, found + 1 + size);
  const next = found + 1 + size < messages.length ? `at:${page.at(-1)?.ts}` : "";
  return withCursor(
    { messages: page.map((message) => shownInList(renderMessage(channel, message, filesUrl), world)) },
    next,
  );
}

/** The Web API counts the replies of a thread, and does not list them; of those who reacted it names some. */
function shownInList(whole: JsonObject, { variant }: World): JsonObject {
  const message = Object.fromEntries(Object.entries(whole).filter(([name]) => name !== "replies"));
  const { reactions } = message;
  if (!Array.isArray(reactions)) return message;
  const named = reactions.map((reaction: { users: string[] }) => ({
    ...reaction,
    users: reaction.users.slice(0, variant.namesAtMost ?? reaction.users.length),
  }));
  return { ...message, reactions: named };
}
