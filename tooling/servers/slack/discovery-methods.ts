import { pageByNumber, pageByTime } from "./pages.ts";
import { Refusal } from "./refusal.ts";
import { renderFile, renderMessage } from "./render.ts";
import type { JsonObject, World, WorldChannel } from "./workspace.ts";

/** What a method needs to answer. */
export interface Question {
  world: World;
  form: URLSearchParams;
  /** How many items the next page holds. */
  size: number;
  filesUrl: string;
}

const DAY_SECONDS = 86_400;

/** The methods of the Discovery API: method → answer. */
export const DISCOVERY: Record<string, (question: Question) => JsonObject> = {
  "discovery.enterprise.info": ({ world, form, size }) => {
    const { items, next } = pageByNumber(world.teams, form, "cursor", size);
    const teams = items.map((id) => ({ id, name: `Team ${id}` }));
    return { enterprise: { id: "E0000001", name: "Contoso", teams }, response_metadata: { next_cursor: next } };
  },
  "discovery.users.list": ({ world, form, size }) => {
    const people = [...world.people.values()].filter(
      ({ isDeleted }) => !isDeleted || form.get("include_deleted") === "1",
    );
    const { items, next } = pageByNumber(people, form, "offset", size);
    return { users: items.map(renderPerson), offset: next };
  },
  "discovery.conversations.list": list,
  "discovery.conversations.recent": ({ world, form, size }) => {
    const latest = Number(form.get("latest") ?? world.now / 1000 + 1);
    const changed = [...world.channels.values()].filter(
      ({ updated }) => updated !== "" && Number(updated) > latest - DAY_SECONDS,
    );
    const page = pageByTime(changed, ({ updated }) => updated, { form, size, inclusive: false });
    return { channels: page.items.map(({ id, team, updated }) => ({ id, team, ts: updated })), ...offsetOf(page) };
  },
  "discovery.conversations.info": (question) => ({ info: [renderChannel(channelOf(question))] }),
  "discovery.conversations.history": history,
  "discovery.conversations.edits": (question) => {
    const { records } = channelOf(question);
    const { form, size, world } = question;
    const timeOf = (entry: { at: string; of: string }) => (world.variant.editsByEditTime ? entry.at : entry.of);
    const page = wholeTimes(records, timeOf, form, size);
    return { edits: page.items.map(({ record }) => record), ...offsetOf(page) };
  },
  "discovery.conversations.renames": ({ world, form, size }) => {
    const id = form.get("channel");
    const renames = [...world.channels.values()]
      .filter((channel) => id === null || channel.id === id)
      .flatMap((channel) => channel.renames);
    const page = pageByTime(renames, ({ ts }) => ts, { form, size, inclusive: false });
    return { renames: page.items, ...offsetOf(page) };
  },
  "discovery.conversations.members": (question) => {
    const { members } = channelOf(question);
    const { form, size } = question;
    const all = [...members].flatMap(([id, stays]) =>
      stays.map(({ joined, left }) => ({ id, date_joined: joined, date_left: left ?? 0 })),
    );
    const shown = all.filter(({ date_left }) => date_left === 0 || form.get("include_member_left") === "1");
    const { items, next } = pageByNumber(shown, form, "offset", size);
    return { members: items, offset: next };
  },
  "discovery.chat.info": (question) => {
    const channel = channelOf(question);
    const message = channel.messages.get(question.form.get("ts") ?? "");
    if (!message) throw new Refusal("message_not_found");
    return { message: renderMessage(channel, message, question.filesUrl) };
  },
  "discovery.file.info": fileInfo,
};

/** A message may have several records, which all stand in one page. */
function wholeTimes<Item>(items: Item[], timeOf: (item: Item) => string, form: URLSearchParams, size: number) {
  const [latest, oldest] = [form.get("latest"), form.get("oldest")];
  const found = items
    .filter((item) => (latest === null || timeOf(item) < latest) && (oldest === null || timeOf(item) > oldest))
    .sort((one, other) => (timeOf(one) < timeOf(other) ? 1 : -1));
  const last = found[size - 1];
  if (last === undefined) return { items: found };
  const page = found.filter((item) => timeOf(item) >= timeOf(last));
  return page.length < found.length ? { items: page, offset: timeOf(last) } : { items: page };
}

function list({ world, form, size }: Question): JsonObject {
  const team = form.get("team");
  const wanted = { only_public: "channel", only_private: "private", only_im: "im", only_mpim: "mpim" };
  const kinds = Object.entries(wanted).flatMap(([flag, kind]) => (form.get(flag) === "1" ? [kind] : []));
  const found = [...world.channels.values()].filter((channel) => {
    if (form.get("only_ext_shared") === "1") return false;
    const isDirect = channel.kind === "im" || channel.kind === "mpim";
    if (team === null ? !isDirect : isDirect || channel.team !== team) return false;
    return kinds.length === 0 || kinds.includes(channel.kind);
  });
  const { items, next } = pageByNumber(found, form, "offset", size);
  return { channels: items.map(renderChannel), offset: next };
}

function history(question: Question): JsonObject {
  const { world, form, size, filesUrl } = question;
  const channel = channelOf(question);
  const { repliesInHistory, latestIsInclusive } = world.variant;
  const shown = [...channel.messages.values()].filter(
    ({ thread, subtype }) => repliesInHistory || thread === undefined || subtype === "thread_broadcast",
  );
  const page = pageByTime(shown, ({ ts }) => ts, { form, size, inclusive: latestIsInclusive });
  const messages = page.items.map((message) => {
    const { reactions, ...rest } = renderMessage(channel, message, filesUrl);
    return form.get("reactions") === "1" && reactions ? { ...rest, reactions } : rest;
  });
  return { has_edits: channel.records.length > 0, messages, ...offsetOf(page) };
}

export function fileInfo({ world, form, filesUrl }: Question): JsonObject {
  for (const { messages } of world.channels.values())
    for (const { files } of messages.values())
      for (const file of files)
        if (file.id === form.get("file") && !file.isDeleted) return { file: renderFile(file, filesUrl) };
  throw new Refusal("file_not_found");
}

/** Direct messages name no workspace, or the organisation; channels need their own. */
function channelOf({ world, form }: Question): WorldChannel {
  const channel = world.channels.get(form.get("channel") ?? "");
  const team = form.get("team");
  if (!channel) throw new Refusal("channel_not_found");
  const isDirect = channel.kind === "im" || channel.kind === "mpim";
  if (isDirect ? team !== null && !team.startsWith("E") : team !== channel.team) throw new Refusal("channel_not_found");
  return channel;
}

function offsetOf({ offset }: { offset?: string }): JsonObject {
  return offset === undefined ? {} : { offset };
}

export function renderPerson({
  id,
  name,
  email,
  isDeleted,
  isBot,
}: {
  id: string;
  name: string;
  email: string;
  isDeleted: boolean;
  isBot: boolean;
}): JsonObject {
  return { id, name: name.toLowerCase(), deleted: isDeleted, is_bot: isBot, profile: { real_name: name, email } };
}

export function renderChannel({ id, name, kind, team, created }: WorldChannel): JsonObject {
  const isDirect = kind === "im" || kind === "mpim";
  return {
    id,
    ...(name !== "" && { name }),
    ...(!isDirect && { team_id: team }),
    created,
    is_private: kind !== "channel",
    is_im: kind === "im",
    is_mpim: kind === "mpim",
  };
}
