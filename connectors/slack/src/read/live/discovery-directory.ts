import type { Json } from "@hansard/core";
import { z } from "zod";
import { isObject, stringAt } from "../../schema/json.ts";
import { type Conversation, type ConversationKind, conversationFrom, personFrom } from "../directory.ts";
import { type Arguments, Raw, type SlackApi } from "./api.ts";
import { isRefusal } from "./api-errors.ts";
import { discoveryPages } from "./discovery.ts";
import type { LiveConversation, LiveDirectory } from "./live-source.ts";
import { hoursBefore } from "./slack-time.ts";

/** What the lists are asked for: workspaces hold channels; direct messages belong to the organisation. */
const OF_WORKSPACES: [string, ConversationKind][] = [
  ["only_public", "channel"],
  ["only_private", "private"],
];
const OF_THE_ORGANISATION: [string, ConversationKind][] = [
  ["only_im", "im"],
  ["only_mpim", "mpim"],
  ["only_ext_shared", "channel"],
];
const DAY_HOURS = 24;
/** Slack lists what changed within a day, and this many days back when asked. */
const DAYS_OF_CHANGES = 7;

/** Everybody in the organisation, those who left too, and every conversation. */
export async function discoverDirectory(api: SlackApi, workspace: string | undefined): Promise<LiveDirectory> {
  const directory: LiveDirectory = { people: {}, channelNames: {}, conversations: new Map() };
  for await (const page of discoveryPages(api, "discovery.users.list", "users", { include_deleted: 1 }, "offset"))
    for (const user of page) addPerson(directory, user);
  const { label, teams } = await discoverTeams(api);
  const lists: { args: Arguments; kind: ConversationKind; team?: string }[] = [
    ...teams.flatMap((team) => OF_WORKSPACES.map(([only, kind]) => ({ args: { team, [only]: 1 }, kind, team }))),
    ...[...OF_WORKSPACES, ...OF_THE_ORGANISATION].map(([only, kind]) => ({ args: { [only]: 1 }, kind })),
  ];
  for (const { args, kind, team } of lists) {
    for await (const page of discoveryPages(api, "discovery.conversations.list", "channels", args, "offset"))
      for (const item of page) addConversation(directory, item, { kind, workspace: workspace ?? label, team });
  }
  return directory;
}

/** Ids of the conversations in which something happened since, and the workspaces that Slack names with them. */
export async function discoverChanged(
  api: SlackApi,
  since: string,
  until: string,
): Promise<Map<string, string | undefined>> {
  const changed = new Map<string, string | undefined>();
  for (let day = 0; day < DAYS_OF_CHANGES; day += 1) {
    const latest = hoursBefore(until, day * DAY_HOURS);
    if (day > 0 && latest < since) break;
    const args = day === 0 ? {} : { latest };
    for await (const page of discoveryPages(api, "discovery.conversations.recent", "channels", args, "latest")) {
      for (const item of page) {
        const id = stringAt(item, "id");
        const isOld = (stringAt(item, "ts") ?? since) < since;
        if (id !== undefined && !isOld) changed.set(id, stringAt(item, "team"));
      }
    }
  }
  return changed;
}

const Enterprise = z.looseObject({
  enterprise: z
    .looseObject({ name: z.string().optional(), teams: z.array(z.looseObject({ id: z.string() })).default([]) })
    .optional(),
  teams: z.array(z.looseObject({ id: z.string() })).optional(),
  response_metadata: z.looseObject({ next_cursor: z.string().optional() }).optional(),
});

async function discoverTeams(api: SlackApi): Promise<{ label: string; teams: string[] }> {
  const teams: string[] = [];
  let label = "organisation";
  for (let cursor: string | undefined; ;) {
    const page = await api.call("discovery.enterprise.info", { include_deleted: 1, limit: 1000, cursor }, Enterprise);
    label = page.enterprise?.name || label;
    teams.push(...(page.enterprise?.teams ?? []).concat(page.teams ?? []).map(({ id }) => id));
    const next = page.response_metadata?.next_cursor;
    if (!next || next === cursor) return { label, teams: [...new Set(teams)] };
    cursor = next;
  }
}

function addPerson({ people }: LiveDirectory, user: Json): void {
  const person = personFrom(user);
  if (person) people[person.id] = person.person;
}

function addConversation(
  { conversations, channelNames }: LiveDirectory,
  item: Json,
  { kind, workspace, team }: { kind: ConversationKind; workspace: string; team: string | undefined },
): void {
  const conversation = conversationFrom(item, kindOf(item, kind), workspace);
  if (!conversation || conversations.has(conversation.id)) return;
  const named = team ?? stringAt(item, "team_id") ?? stringAt(item, "team");
  const isDirect = conversation.kind === "im" || conversation.kind === "mpim";
  const place: LiveConversation = { ...conversation, ...(named !== undefined && !isDirect && { team: named }) };
  conversations.set(place.id, place);
  if (!isDirect && place.name !== place.id) channelNames[place.id] = place.name;
}

export function kindOf(item: Json, fallback: ConversationKind): ConversationKind {
  if (!isObject(item)) return fallback;
  if (item["is_im"] === true) return "im";
  if (item["is_mpim"] === true) return "mpim";
  if (item["is_private"] === true) return "private";
  return fallback;
}

/** A conversation that Slack lists as changed and not among all: new since, or of another organisation. */
export async function discoverConversation(
  api: SlackApi,
  id: string,
  team: string | undefined,
): Promise<LiveConversation | undefined> {
  const info =
    (await describe(api, { channel: id, ...(team !== undefined && { team }) })) ??
    (await describe(api, { channel: id }));
  if (!info) return undefined;
  const found = info.find((item) => stringAt(item, "id") === id);
  if (found === undefined) return undefined;
  const fallback: ConversationKind = id.startsWith("D") ? "im" : "channel";
  const conversation: Conversation | undefined = conversationFrom(found, kindOf(found, fallback), "organisation");
  const isDirect = conversation?.kind === "im" || conversation?.kind === "mpim";
  return conversation && { ...conversation, ...(team !== undefined && !isDirect && { team }) };
}

/** Slack knows direct messages under no workspace, and a conversation that is gone under none either. */
async function describe(api: SlackApi, args: Arguments): Promise<Json[] | undefined> {
  try {
    return (await api.call("discovery.conversations.info", args, z.object({ info: z.array(Raw) }))).info;
  } catch (error) {
    if (isRefusal(error, "channel_not_found")) return undefined;
    throw error;
  }
}
