import { type Json, UnavailableError, UnexpectedResponseError } from "@hansard/core";
import type { Account, Checkpoint, Walk } from "../schema.ts";
import { ListAnswer } from "../schema/answer.ts";
import { type DirectMessage, parseDirectMessage, peopleOf } from "../schema/direct-message.ts";
import { compareIds, idAt, newestOf, oldestOf, timeOf } from "../schema/ids.ts";
import { type User, parsePost } from "../schema/post.ts";
import { accountOf } from "./account.ts";
import { type XClient, openClient } from "./client.ts";
import { type EventType, type Gathered, type Pages, type TwitterReadContext, gather } from "./context.ts";
import { RefusedParameterError } from "./errors.ts";
import { directMessageKey, knownOf } from "./keys.ts";
import { type Access, attach, settleMedia } from "./media.ts";
import { DIRECT_MESSAGE_QUERY } from "./query.ts";
import { type Surroundings, contextWriter, mediaOf, surroundingsOf } from "./surroundings.ts";

interface Reader {
  context: TwitterReadContext;
  client: XClient;
  /** The account that reads, and is named as the one addressed. */
  account: User;
}

const DAY_MS = 86_400_000;
const REACH_DAYS = 30;
const TYPES: Record<string, EventType> = {
  MessageCreate: "DirectMessage",
  ParticipantsJoin: "DirectMessageJoin",
  ParticipantsLeave: "DirectMessageLeave",
};

/** Direct messages, the newest first, of the last 30 days: X gives no older ones. */
export async function* readDirectMessages(context: TwitterReadContext, account: Account): Pages {
  const client = openClient(context, account, context.partition.id);
  const files = context.followUps.filter(({ id }) => id.startsWith("media:"));
  if (files.length > 0) {
    const page = gather();
    for (const followUp of files) await settleMedia(context, followUp, page, accessOf(context, client));
    yield page;
  }
  const reader: Reader = { context, client, account: await accountOf(client, account.id, context.partition.id) };
  const checkpoint: Checkpoint = context.checkpoint ?? {};
  if (checkpoint.walk) return yield* walkBack(reader, checkpoint, checkpoint.walk);
  const floor = floorOf(context, checkpoint.mark);
  yield* walkBack(reader, checkpoint, {
    ...(floor !== undefined && { floor }),
    phase: "timeline",
    count: 0,
    rescan: false,
  });
}

function floorOf({ settings }: TwitterReadContext, mark: string | undefined): string | undefined {
  const reached = mark === undefined ? undefined : timeOf(mark);
  return reached && idAt(new Date(reached.getTime() - settings.overlapMinutes * 60_000));
}

/** 15 requests in 15 minutes: a long walk is broken off by the limit and goes on where it was by its page token. */
async function* walkBack(reader: Reader, start: Checkpoint, first: Walk): Pages {
  const { context, client, account } = reader;
  let walk = first;
  let restarts = 0;
  for (;;) {
    const answer = await fetchPage(client, walk, restarts === 0);
    if (answer === "expired") {
      restarts += 1;
      // A walk from the top covers what this one did: its own top is its new mark.
      const { token: _, untilId: __, ...restarted } = walk;
      walk = restarted;
      continue;
    }
    const page = gather();
    const ids = await gatherMessages(reader, answer, page);
    const { token: _, ...rest } = walk;
    const token = answer.meta.next_token;
    const newest = newestOf([walk.newest, ...ids]);
    const untilId = oldestOf([walk.untilId, ...ids]);
    walk = {
      ...rest,
      ...(token !== undefined && { token }),
      ...(newest !== undefined && { newest }),
      ...(untilId !== undefined && { untilId }),
      count: walk.count + ids.length,
    };
    const reached = walk.floor !== undefined && untilId !== undefined && compareIds(untilId, walk.floor) <= 0;
    if (token !== undefined && !reached) {
      yield { ...page, checkpoint: { ...start, walk } };
      continue;
    }
    if (!reached) addCapGap(context, account, start, untilId, page);
    const checkpoint: Checkpoint = { mark: newestOf([start.mark, newest]) ?? idAt(context.startedAt) };
    yield { ...page, checkpoint };
    return;
  }
}

async function fetchPage(client: XClient, { token }: Walk, mayRestart: boolean): Promise<ListAnswer | "expired"> {
  try {
    return await client.get("dm_events", ListAnswer, {
      ...DIRECT_MESSAGE_QUERY,
      max_results: "100",
      pagination_token: token,
    });
  } catch (error) {
    if (!(error instanceof RefusedParameterError) || !error.parameters.includes("pagination_token")) throw error;
    if (mayRestart) return "expired";
    throw new UnavailableError("X takes none of the page tokens of direct messages that it gives.", { cause: error });
  }
}

async function gatherMessages(
  { context, client, account }: Reader,
  answer: ListAnswer,
  page: Gathered,
): Promise<string[]> {
  const surroundings = surroundingsOf(answer);
  const messages = answer.data.map((raw) => ({ raw, message: parse(raw) }));
  for (const { raw, message } of messages) {
    const key = directMessageKey(account.id, message.conversationId, message.id);
    if ((await knownOf(context, key)).length > 0) continue;
    const occurredAt = message.createdAt ?? timeOf(message.id)?.toISOString() ?? context.startedAt.toISOString();
    const contexts = contextWriter(page);
    contexts.add("account", { id: account.id, username: account.username, name: account.name });
    describe(message, surroundings, contexts.add);
    const attachments = [];
    for (const mediaKey of message.mediaKeys) {
      const media = mediaOf(surroundings, mediaKey);
      attachments.push(
        media
          ? await attach(context, media, { key, occurredAt }, page, accessOf(context, client))
          : { id: mediaKey, name: mediaKey, unavailable: "X did not tell where the file is." },
      );
    }
    const event = { type: TYPES[message.kind] ?? "Other", key, occurredAt, data: raw, context: contexts.names };
    page.events.push(attachments.length > 0 ? { ...event, attachments } : event);
  }
  return messages.map(({ message }) => message.id);
}

function describe(
  message: DirectMessage,
  { users, posts, media }: Surroundings,
  add: (name: string, content: Json | undefined) => void,
): void {
  const people = new Set([message.senderId, ...message.participantIds, ...(peopleOf(message.conversationId) ?? [])]);
  for (const id of people) if (id !== undefined) add(`user:${id}`, users.get(id));
  for (const key of message.mediaKeys) add(`media:${key}`, media.get(key));
  for (const id of message.sharedPosts) {
    const raw = posts.get(id);
    add(`referenced:${id}`, raw);
    const author = raw === undefined ? undefined : parsePost(raw).authorId;
    if (author !== undefined) add(`user:${author}`, users.get(author));
  }
}

/** Files of messages are given under the old API's address; OAuth 2 sees them under the new one's only. */
function accessOf({ settings }: TwitterReadContext, client: XClient): Access {
  return async (url, rejected) => {
    const [, message, media, file] = /\/dm\/(\d+)\/(\d+)\/([^/?]+)/.exec(url) ?? [];
    if (!message || !media || !file) return { url };
    const address = `${settings.apiUrl.replace(/\/$/, "")}/2/dm_conversations/media/${message}/${media}/${encodeURIComponent(file)}`;
    return { url: address, authorization: await client.authorization(rejected) };
  };
}

function addCapGap(
  { startedAt }: TwitterReadContext,
  account: User,
  { mark }: Checkpoint,
  oldest: string | undefined,
  page: Gathered,
): void {
  const cliff = startedAt.getTime() - REACH_DAYS * DAY_MS;
  const last = mark === undefined ? undefined : timeOf(mark)?.getTime();
  const remedy = "Import an account archive, and run at least daily.";
  if (last !== undefined && last < cliff) {
    const reason = `X gives direct messages of the last ${REACH_DAYS} days only, and account ${account.id} was last read up to ${new Date(last).toISOString()}.`;
    page.gaps.push({ id: `cap:directMessages:${account.id}:${mark ?? ""}`, reason, remedy, events: 1 });
  }
  const end = oldest === undefined ? undefined : timeOf(oldest)?.getTime();
  if (mark === undefined && end !== undefined && end < cliff + DAY_MS) {
    const reason = `X gives direct messages of the last ${REACH_DAYS} days only; older ones of account ${account.id} were not read.`;
    page.gaps.push({ id: `cap:directMessages:${account.id}:first`, reason, remedy, events: 1 });
  }
}

function parse(raw: Json): DirectMessage {
  try {
    return parseDirectMessage(raw);
  } catch (cause) {
    throw new UnexpectedResponseError("X gave a direct message that is not of the known form.", {
      cause,
      remedy: "Look for a newer version of the connector.",
    });
  }
}
