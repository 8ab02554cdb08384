import type { CapturedEvent, Json, Participant } from "@hansard/core";
import type { Message } from "../schema.ts";
import { isObject, stringAt, stringsAt } from "../schema/json.ts";
import { at } from "./names.ts";

/** The conversation as a message names it. */
export interface Conversation {
  id: string;
  /** Such as `#general`, or the names of those in a direct message. */
  title: string;
  place: Participant;
}

const SLACKBOT = "USLACKBOT";
const LONGEST_TITLE = 60;

export function conversationOf(event: CapturedEvent): Conversation {
  const { conversation: context, people } = event.context;
  const id = stringAt(context, "id") ?? event.key.split(":", 1)[0] ?? event.key;
  const name = stringAt(context, "name") ?? id;
  const kind = stringAt(context, "kind");
  const isDirect = kind === "im" || kind === "mpim";
  const names = isDirect ? membersOf(event).map((member) => stringAt(at(people, member), "name") ?? member) : [];
  const title = isDirect ? directTitle(names, name) : kind === "workspace" ? name : `#${name}`;
  return { id, title, place: { id, name: title, kind: "place" } };
}

function directTitle(names: string[], name: string): string {
  if (names.length === 0) return `Direct message ${name}`;
  const all = names.join(", ");
  return all.length <= LONGEST_TITLE ? all : `${names[0]} and ${names.length - 1} others`;
}

/** Ids of those who were in the conversation at that time: a list, and what changed since it was stored. */
function membersOf({ context: { members, membersSince } }: CapturedEvent): string[] {
  const ids = stringsAt(members, "ids");
  if (membersSince === undefined) return ids;
  const left = new Set(stringsAt(membersSince, "left"));
  const stayed = left.size > 0 ? ids.filter((id) => !left.has(id)) : ids;
  return [...stayed, ...stringsAt(membersSince, "joined")];
}

/** Everyone who could read it besides the sender; the conversation itself where nobody else is known. */
export function recipientsOf(event: CapturedEvent, from: Participant, conversation: Conversation): Participant[] {
  const { people } = event.context;
  const recipients: Participant[] = [];
  for (const id of membersOf(event)) if (id !== from.id) recipients.push(personOf(id, people));
  return recipients.length > 0 ? recipients : [conversation.place];
}

export function senderOf(event: CapturedEvent, message: Message, conversation: Conversation): Participant {
  const user = message.user || message.comment?.user || message.file?.user;
  if (user) return authorOf(user, message, event.context["people"]);
  const bot = message.bot_id || undefined;
  const name = message.username || message.bot_profile?.name || stringAt(at(event.context["bots"], bot ?? ""), "name");
  if (bot === undefined && !name) return conversation.place;
  return { id: bot ?? `bot:${name}`, name: name || bot || "", kind: "bot" };
}

function authorOf(
  user: string,
  { user_profile: profile, bot_profile: bot }: Message,
  people: Json | undefined,
): Participant {
  if (at(people, user) !== undefined) return personOf(user, people);
  // People of other organisations stand in no list; their messages bring their names along.
  const name = profile?.real_name || profile?.display_name || profile?.name || bot?.name;
  const known = { ...personOf(user, people), ...(name && { name }) };
  return { ...known, ...(profile?.email && { address: profile.email }), ...(bot && { kind: "bot" as const }) };
}

export function personOf(id: string, people: Json | undefined): Participant {
  const person = at(people, id);
  if (!isObject(person)) return id === SLACKBOT ? { id, name: "Slackbot", kind: "bot" } : { id, name: id };
  const name = stringAt(person, "name") ?? id;
  const participant: Participant = { id, name: person["deleted"] === true ? `${name} (deactivated)` : name };
  const address = stringAt(person, "email");
  if (address) participant.address = address;
  if (person["bot"] === true || id === SLACKBOT) participant.kind = "bot";
  return participant;
}
