import { z } from "zod";
import { isObject } from "../../schema/json.ts";
import { conversationFrom, personFrom } from "../directory.ts";
import type { SlackApi } from "./api.ts";
import { kindOf } from "./discovery-directory.ts";
import type { LiveDirectory } from "./live-source.ts";
import { cursorPages } from "./web.ts";

const Identity = z.looseObject({ team: z.string().optional(), bot_id: z.string().optional() });

/** Everybody in the workspace, those who left too, and every conversation that the token may read. */
export async function listDirectory(api: SlackApi, workspace: string | undefined): Promise<LiveDirectory> {
  const directory: LiveDirectory = { people: {}, channelNames: {}, conversations: new Map() };
  const identity = await api.call("auth.test", {}, Identity);
  for await (const page of cursorPages(api, "users.list", "members", {})) {
    for (const user of page) {
      const found = personFrom(user);
      if (found) directory.people[found.id] = found.person;
    }
  }
  const args = { types: "public_channel,private_channel,mpim,im", exclude_archived: false };
  for await (const page of cursorPages(api, "conversations.list", "channels", args)) {
    for (const item of page) {
      const kind = kindOf(item, "channel");
      const conversation = conversationFrom(item, kind, workspace ?? identity.team ?? "workspace");
      if (!conversation || !isObject(item)) continue;
      if (kind === "channel" || kind === "private") directory.channelNames[conversation.id] = conversation.name;
      // A bot reads only where it is a member; Slack lists the other public channels all the same.
      const isReadable =
        identity.bot_id === undefined || kind === "im" || kind === "mpim" || item["is_member"] === true;
      if (isReadable) directory.conversations.set(conversation.id, conversation);
    }
  }
  return directory;
}
