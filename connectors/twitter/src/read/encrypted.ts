import { UnavailableError, UnexpectedResponseError } from "@hansard/core";
import { ListAnswer } from "../schema/answer.ts";
import { type Conversation, parseConversation, parseEncryptedEvent } from "../schema/chat.ts";
import { idAt, padded, timeOf } from "../schema/ids.ts";
import type { User } from "../schema/post.ts";
import type { Account, Checkpoint } from "../schema.ts";
import { accountOf } from "./account.ts";
import { type XClient, openClient } from "./client.ts";
import { type Gathered, type Pages, type TwitterReadContext, gather } from "./context.ts";
import { AbsentError, RefusedParameterError } from "./errors.ts";
import { knownOf } from "./keys.ts";
import { type Surroundings, contextWriter, mergeSurroundings, surroundingsOf } from "./surroundings.ts";

interface Reader {
  context: TwitterReadContext;
  client: XClient;
  account: User;
  /** The people of all conversations. */
  people: Surroundings;
}

const CONVERSATION_QUERY = {
  "chat_conversation.fields": "created_at,group_name,id,type,updated_at",
  expansions: "participant_ids",
  "user.fields": "id,name,username",
  max_results: "100",
};
const EVENT_QUERY = {
  "chat_message_event.fields":
    "conversation_id,created_at_msec,encoded_event,id,is_trusted,message_event_signature,previous_sequence_id,sender_id,sequence_id",
  max_results: "100",
};

/**
 * Encrypted conversations: X gives ciphertext, and who wrote it when. Each conversation has a mark of its own, which moves
 * when a walk through it has come to its end; those that waited longest come first, so that a limit starves none.
 */
export async function* readEncrypted(context: TwitterReadContext, account: Account): Pages {
  const client = openClient(context, account, context.partition.id);
  const user = await accountOf(client, account.id, context.partition.id);
  const people = surroundingsOf(ListAnswer.parse({}));
  const conversations = await listConversations(client, people);
  const untold = untoldGap(account.id);
  if (conversations === "absent")
    return yield { ...gather(), gaps: [untold], checkpoint: { ...context.checkpoint, isUntold: true } };
  const reader: Reader = { context, client, account: user, people };
  const { isUntold = false, ...known } = context.checkpoint ?? {};
  let checkpoint: Checkpoint = known;
  if (isUntold) yield { ...gather(), closed: [untold.id], checkpoint };
  for (const conversation of waitingFirst(context, conversations)) {
    for await (const page of walk(reader, conversation, checkpoint)) {
      checkpoint = page.checkpoint ?? checkpoint;
      yield page;
    }
  }
}

function untoldGap(accountId: string): Gathered["gaps"][number] {
  return {
    id: `encrypted:${accountId}`,
    reason: `X does not tell this app the encrypted conversations of account ${accountId}, so that nobody knows whether there are any.`,
    remedy: "Ask X to open its chat methods for the app, or set encryptedChats to false if none can be.",
    events: 0,
  };
}

async function listConversations(client: XClient, people: Surroundings): Promise<Conversation[] | "absent"> {
  const found = new Map<string, Conversation>();
  for (let token: string | undefined; ;) {
    const answer = await list(client, "chat/conversations", { ...CONVERSATION_QUERY, pagination_token: token });
    if (answer === "absent") return answer;
    if (answer === "expired")
      throw new UnavailableError("X no longer takes the page token of the conversations that it gave.");
    mergeSurroundings(people, surroundingsOf(answer));
    for (const raw of answer.data) {
      const conversation = parsed(() => parseConversation(raw), "conversation");
      found.set(conversation.id, conversation);
    }
    token = answer.meta.next_token;
    if (token === undefined) return [...found.values()];
  }
}

/** What has not moved since it was read is left out. A walk that was broken off goes on first. */
function waitingFirst(context: TwitterReadContext, conversations: Conversation[]): Conversation[] {
  const { conversations: marks = {}, walk: broken } = context.checkpoint ?? {};
  const now = padded(idAt(context.startedAt));
  const markOf = ({ id }: Conversation) => (id === broken?.conversation ? "" : padded(marks[id] ?? "0"));
  return conversations
    .filter((conversation) => {
      const floor = floorOf(context, marks[conversation.id]);
      const { updatedAt = Number.POSITIVE_INFINITY } = conversation;
      return markOf(conversation) < now && (floor === undefined || updatedAt >= floor);
    })
    .toSorted((left, right) => (markOf(left) < markOf(right) ? -1 : 1));
}

async function* walk(reader: Reader, conversation: Conversation, start: Checkpoint): Pages {
  const { context, client } = reader;
  const { walk: broken, ...rest } = start;
  const floor = floorOf(context, start.conversations?.[conversation.id]);
  let token = broken?.conversation === conversation.id ? broken.token : undefined;
  for (let restarts = 0; ;) {
    const path = `chat/conversations/${conversation.id}/events`;
    const answer = await list(client, path, { ...EVENT_QUERY, pagination_token: token });
    if (answer === "expired") {
      if ((restarts += 1) > 1) throw new UnavailableError("X takes none of the page tokens of chats that it gives.");
      token = undefined;
      continue;
    }
    const page = gather();
    if (answer === "absent") return yield { ...page, checkpoint: passed(context, conversation, start) };
    const isOlder = await gatherEvents(reader, conversation, answer, page, floor);
    token = answer.meta.next_token;
    if (token === undefined || isOlder) {
      return yield { ...page, checkpoint: passed(context, conversation, start) };
    }
    const walk = { conversation: conversation.id, token, phase: "timeline" as const, count: 0, rescan: false };
    yield { ...page, checkpoint: { ...rest, walk } };
  }
}

/** All of the conversation up to the run's start is in the journal, or is gone at X. */
function passed({ startedAt }: TwitterReadContext, { id }: Conversation, start: Checkpoint): Checkpoint {
  const { walk: _, conversations, ...rest } = start;
  return { ...rest, conversations: { ...conversations, [id]: idAt(startedAt) } };
}

/** Whether the page lies before the floor, in the order in which X gave it: only the newest first can end a walk early. */
async function gatherEvents(
  { context, account, people }: Reader,
  conversation: Conversation,
  answer: ListAnswer,
  page: Gathered,
  floor: number | undefined,
): Promise<boolean> {
  const items = answer.data.map((raw) => ({ raw, ...parsed(() => parseEncryptedEvent(raw), "encrypted message") }));
  for (const { raw, id, createdAt = timeOfAny(id) } of items) {
    const key = `encrypted:${account.id}:${padded(id)}`;
    if ((await knownOf(context, key)).length > 0) continue;
    const contexts = contextWriter(page);
    contexts.add("account", { id: account.id, username: account.username, name: account.name });
    contexts.add("conversation", { id: conversation.id, participants: conversation.participantIds });
    for (const person of conversation.participantIds) contexts.add(`user:${person}`, people.users.get(person));
    const occurredAt = createdAt === undefined ? context.startedAt : new Date(createdAt);
    const data = { messageEvent: raw };
    page.events.push({
      type: "EncryptedMessage",
      key,
      occurredAt: occurredAt.toISOString(),
      data,
      context: contexts.names,
    });
  }
  if (page.events.length > 0) page.gaps.push(gapOf(account, conversation));
  const times = items.map(({ createdAt }) => createdAt ?? Number.POSITIVE_INFINITY);
  const isNewestFirst = times.every((time, index) => index === 0 || time <= (times[index - 1] ?? time));
  return floor !== undefined && isNewestFirst && times.length > 0 && (times.at(-1) ?? floor) < floor;
}

function gapOf(account: User, { id }: Conversation): Gathered["gaps"][number] {
  return {
    id: `encrypted:${account.id}:${id}`,
    reason: `The conversation ${id} of account ${account.id} is encrypted from end to end: who wrote when is archived, what was written cannot be read.`,
    remedy: "Forbid encrypted chats to archived accounts, or archive them on the device that holds the keys.",
    events: 0,
  };
}

/** How far back a walk reaches, in milliseconds since 1970; undefined: to the beginning. */
function floorOf({ settings }: TwitterReadContext, mark: string | undefined): number | undefined {
  const reached = mark === undefined ? undefined : timeOf(mark)?.getTime();
  return reached === undefined ? undefined : reached - settings.overlapMinutes * 60_000;
}

async function list(
  client: XClient,
  path: string,
  query: Record<string, string | undefined>,
): Promise<ListAnswer | "expired" | "absent"> {
  try {
    return await client.get(path, ListAnswer, query);
  } catch (error) {
    if (error instanceof AbsentError) return "absent";
    const refused = error instanceof RefusedParameterError && error.parameters.includes("pagination_token");
    if (refused && query["pagination_token"] !== undefined) return "expired";
    throw error;
  }
}

function timeOfAny(id: string): number | undefined {
  return /^\d+$/.test(id) ? timeOf(id)?.getTime() : undefined;
}

function parsed<Value>(parse: () => Value, what: string): Value {
  try {
    return parse();
  } catch (cause) {
    throw new UnexpectedResponseError(`X gave an ${what} that is not of the known form.`, {
      cause,
      remedy: "Look for a newer version of the connector.",
    });
  }
}
