import type { Json } from "@hansard/core";
import { z } from "zod";
import { stringAt } from "../../schema/json.ts";
import { type Arguments, Raw, type SlackApi } from "./api.ts";
import { isRefusal } from "./api-errors.ts";
import { onceUnlessFailed } from "./once-unless-failed.ts";
import type { LiveConversation, LiveSource, Members, Window } from "./live-source.ts";
import { windowArguments } from "./slack-time.ts";
import { listDirectory } from "./web-directory.ts";

const PAGE = 200;
const MESSAGES_PER_PAGE = 999;

const Messages = z.object({ messages: z.array(Raw) });
const Cursor = z.looseObject({
  response_metadata: z.looseObject({ next_cursor: z.string().optional() }).optional(),
});

/** Asks for one page after the other, as long as Slack names a next one. */
export async function* cursorPages(
  api: SlackApi,
  method: string,
  item: string,
  args: Arguments,
  limit = PAGE,
): AsyncGenerator<Json[]> {
  for (let cursor: string | undefined; ;) {
    const page = await api.call(method, { ...args, limit, ...(cursor && { cursor }) }, Cursor);
    yield z.array(Raw).parse(page[item] ?? []);
    const next = page.response_metadata?.next_cursor;
    if (!next || next === cursor) return;
    cursor = next;
  }
}

/** The Web API, with a bot's or a user's token. */
export function webSource(api: SlackApi, workspace: string | undefined): LiveSource {
  return {
    mode: "web",
    api,
    directory: onceUnlessFailed(() => listDirectory(api, workspace)),
    history: (place, window) => history(api, place, window),
    // eslint-disable-next-line no-empty-function -- the Web API tells of none
    async *edits() {},
    async *renames() {},
    replies: ({ id }, { ts }) =>
      cursorPages(api, "conversations.replies", "messages", { channel: id, ts }, MESSAGES_PER_PAGE),
    message: (place, ts) => message(api, place, ts),
    reactions: ({ id }, ts) => reactions(api, id, ts),
    members: (place) => members(api, place),
    async file(id) {
      try {
        return (await api.call("files.info", { file: id }, z.object({ file: Raw }))).file;
      } catch (error) {
        if (isRefusal(error, "file_not_found", "file_deleted")) return undefined;
        throw error;
      }
    },
  };
}

/** A cursor may end while it is used; where it stood is known by the last message. */
async function* history(api: SlackApi, { id }: LiveConversation, window: Window): AsyncGenerator<Json[]> {
  let { latest } = window;
  for (;;) {
    const args = { channel: id, ...windowArguments({ ...window, latest }) };
    try {
      for await (const page of cursorPages(api, "conversations.history", "messages", args, MESSAGES_PER_PAGE)) {
        yield page;
        for (const item of page) latest = earlier(latest, stringAt(item, "ts"));
      }
      return;
    } catch (error) {
      if (!isRefusal(error, "invalid_cursor")) throw error;
    }
  }
}

function earlier(one: string, other: string | undefined): string {
  return other !== undefined && other < one ? other : one;
}

async function message(api: SlackApi, { id }: LiveConversation, ts: string): Promise<Json | undefined> {
  const args = { channel: id, ts, latest: ts, oldest: ts, inclusive: true, limit: 1 };
  try {
    const { messages } = await api.call("conversations.replies", args, Messages);
    return messages.find((item) => stringAt(item, "ts") === ts);
  } catch (error) {
    if (isRefusal(error, "thread_not_found", "message_not_found")) return undefined;
    throw error;
  }
}

async function reactions(api: SlackApi, channel: string, timestamp: string): Promise<Json | undefined> {
  try {
    const args = { channel, timestamp, full: true };
    return (await api.call("reactions.get", args, z.object({ message: Raw.optional() }))).message;
  } catch (error) {
    if (isRefusal(error, "message_not_found", "not_reactable")) return undefined;
    throw error;
  }
}

async function members(api: SlackApi, { id }: LiveConversation): Promise<Members> {
  const now: string[] = [];
  for await (const page of cursorPages(api, "conversations.members", "members", { channel: id }, 1000))
    for (const member of page) if (typeof member === "string") now.push(member);
  return { now, changes: [] };
}
