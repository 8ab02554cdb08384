import type { Json } from "@hansard/core";
import { UnexpectedResponseError } from "@hansard/core";
import { z } from "zod";
import { listAt, numberAt, stringAt } from "../../schema/json.ts";
import type { MembershipChange } from "../membership.ts";
import { type Arguments, Raw, type SlackApi } from "./api.ts";
import { isRefusal } from "./api-errors.ts";
import { discoverDirectory } from "./discovery-directory.ts";
import { onceUnlessFailed } from "./once-unless-failed.ts";
import type { LiveConversation, LiveSource, Members, ThreadRoot, Window } from "./live-source.ts";
import { asSlackTime, windowArguments } from "./slack-time.ts";

const PAGE = 1000;
const offset = z.union([z.string(), z.number().transform(String)]).optional();

/** Asks for one page after the other. What Slack calls `offset` goes back under another name, by method. */
export async function* discoveryPages<Item extends string>(
  api: SlackApi,
  method: string,
  item: Item,
  args: Arguments,
  feedback: "latest" | "offset",
): AsyncGenerator<Json[]> {
  const Page = z.looseObject({ offset }).catchall(z.unknown());
  for (let from: string | undefined; ;) {
    const page = await api.call(
      method,
      { ...args, limit: PAGE, ...(from !== undefined && { [feedback]: from }) },
      Page,
    );
    yield z.array(Raw).parse(page[item] ?? []);
    if (!page.offset) return;
    if (page.offset === from) {
      throw new UnexpectedResponseError(`Slack's pages of ${method} do not move on from ${from}.`, {
        remedy: "Read again later; if it stays so, report it to Slack.",
      });
    }
    from = page.offset;
  }
}

/** The Discovery API of an Enterprise Grid. */
export function discoverySource(api: SlackApi, workspace: string | undefined): LiveSource {
  async function message(place: LiveConversation, ts: string): Promise<Json | undefined> {
    const found = await api
      .call("discovery.chat.info", { ...placeOf(place), ts }, z.object({ message: Raw }))
      .catch(orGone("message_not_found"));
    return found?.message;
  }

  return {
    mode: "discovery",
    api,
    directory: onceUnlessFailed(() => discoverDirectory(api, workspace)),
    history: (place, window) =>
      discoveryPages(
        api,
        "discovery.conversations.history",
        "messages",
        { ...within(place, window), reactions: 1 },
        "latest",
      ),
    edits: (place, window) =>
      discoveryPages(api, "discovery.conversations.edits", "edits", within(place, window), "latest"),
    renames: (place, window) =>
      discoveryPages(api, "discovery.conversations.renames", "renames", within(place, window), "latest"),
    replies: (place, root, isSettled) => listedReplies(root, isSettled, (ts) => message(place, ts)),
    message,
    // What Discovery answers about reactions alone is not documented: whom the history does not name stays a gap.
    reactions: async () => undefined,
    members: (place) => discoverMembers(api, place),
    async file(id) {
      const found = await api
        .call("discovery.file.info", { file: id }, z.object({ file: Raw }))
        .catch(orGone("file_not_found", "file_deleted"));
      return found?.file;
    },
  };
}

/** Direct messages belong to no workspace, and must not name one. */
function placeOf({ id, team }: LiveConversation): Arguments {
  return { channel: id, ...(team !== undefined && { team }) };
}

function within(place: LiveConversation, window: Window): Arguments {
  return { ...placeOf(place), ...windowArguments(window) };
}

function orGone(...reasons: string[]): (error: unknown) => undefined {
  return (error) => {
    if (isRefusal(error, ...reasons)) return undefined;
    throw error;
  };
}

/** A root lists its replies; those that the history did not show are asked for one by one. */
async function* listedReplies(
  { ts: root, data }: ThreadRoot,
  isSettled: (ts: string) => boolean,
  fetchReply: (ts: string) => Promise<Json | undefined>,
): AsyncGenerator<Json[]> {
  for (const reply of listAt(data, "replies")) {
    const ts = stringAt(reply, "ts");
    if (ts === undefined || ts === root || isSettled(ts)) continue;
    const found = await fetchReply(ts);
    if (found !== undefined) yield [found];
  }
}

async function discoverMembers(api: SlackApi, place: LiveConversation): Promise<Members> {
  const now: string[] = [];
  const changes: MembershipChange[] = [];
  const args = { ...placeOf(place), include_member_left: 1 };
  for await (const page of discoveryPages(api, "discovery.conversations.members", "members", args, "offset")) {
    for (const member of page) {
      const id = stringAt(member, "id");
      if (id === undefined) continue;
      const joined = secondsAt(member, "date_joined");
      const left = secondsAt(member, "date_left");
      if (joined > 0) changes.push({ ts: asSlackTime(joined * 1000), joined: [id], left: [] });
      if (left > 0 && left >= joined) changes.push({ ts: asSlackTime(left * 1000), joined: [], left: [id] });
      else now.push(id);
    }
  }
  changes.sort((one, other) => (one.ts < other.ts ? -1 : Number(one.ts > other.ts)));
  return { now, changes };
}

function secondsAt(value: Json, name: string): number {
  const seconds = Number(stringAt(value, name) ?? numberAt(value, name) ?? 0);
  return Number.isFinite(seconds) ? seconds : 0;
}
