import type { Json } from "@hansard/core";
import type { JsonObject } from "../schema/json.ts";
import { addContext, replayMembership } from "./membership.ts";
import type { Conversation } from "./directory.ts";
import type { Survey } from "./survey.ts";
import type { Workspace } from "./workspaces.ts";

/** Gives each event of a conversation its contexts: the conversation, its members at that time, people's and channels' names. */
export function describeSurroundings(
  { conversation, workspace }: { conversation: Conversation; workspace: Pick<Workspace, "people" | "channelNames"> },
  { changes, occurring }: Pick<Survey, "changes" | "occurring">,
  page: { readonly contexts: Record<string, Json> },
): (ts: string) => Record<string, string> {
  const membership = replayMembership(conversation.members, changes);
  const byMembers = new Map<Record<string, string>, Record<string, string>>();
  let base: Record<string, string> | undefined;

  function describeBase(): Record<string, string> {
    const { id, name, kind, workspace: label, details } = conversation;
    const names: Record<string, string> = {
      conversation: addContext({ id, name, kind, workspace: label, ...details }, page.contexts),
    };
    const people = occurring ? peopleWho([...occurring, ...conversation.members]) : everybody(workspace.people);
    if (Object.keys(people).length > 0) names["people"] = addContext(people, page.contexts);
    if (Object.keys(workspace.channelNames).length > 0)
      names["channels"] = addContext(workspace.channelNames, page.contexts);
    return names;
  }

  function peopleWho(ids: string[]): JsonObject {
    return toJson(
      Object.fromEntries(
        ids.toSorted().flatMap((id) => (Object.hasOwn(workspace.people, id) ? [[id, workspace.people[id]]] : [])),
      ),
    );
  }

  return (ts) => {
    base ??= describeBase();
    const members = membership.at(ts, page.contexts);
    const known = byMembers.get(members);
    if (known) return known;
    const all = { ...base, ...members };
    byMembers.set(members, all);
    return all;
  };
}

/** The same object for each conversation of a workspace. */
function everybody(people: Workspace["people"]): JsonObject {
  let json = asJson.get(people);
  if (json === undefined) {
    json = toJson(people);
    asJson.set(people, json);
  }
  return json;
}

const asJson = new WeakMap<Workspace["people"], JsonObject>();

function toJson(people: { [id: string]: { [name: string]: Json | undefined } | undefined }): JsonObject {
  const json: { [id: string]: Json } = {};
  for (const [id, person] of Object.entries(people)) {
    const fields = Object.entries(person ?? {}).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    );
    json[id] = Object.fromEntries(fields);
  }
  return json;
}
