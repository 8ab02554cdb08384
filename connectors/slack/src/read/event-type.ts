import type { Json } from "@hansard/core";
import { isObject, listAt, objectAt, stringAt } from "../schema/json.ts";

/** Every kind of event that Slack's exports, Web API, Discovery API and Events API tell of. The names end up in the message class. */
export const EVENT_TYPES = [
  "Message", "Reply", "Broadcast", "Edit", "Delete", "Reaction", "ReactionRemoved", "FileShare", "FileDelete", "FileComment",
  "Join", "Leave", "Invite", "Topic", "Purpose", "Rename", "Archive", "Unarchive", "Convert", "ChannelCreate", "ChannelDelete",
  "Pin", "Unpin", "Bot", "BotAdd", "BotRemove", "Me", "Huddle", "Canvas", "List", "Integration",
  "Reminder", "Tombstone", "Other",
] as const; // prettier-ignore
export type EventType = (typeof EVENT_TYPES)[number];

/** Message subtype → event type. A subtype that is not here is `Other`, with its raw JSON. */
const BY_SUBTYPE = new Map<string, EventType>(
  Object.entries({
    assistant_app_thread: "Message",
    thread_broadcast: "Broadcast",
    reply_broadcast: "Broadcast",
    message_changed: "Edit",
    message_deleted: "Delete",
    file_share: "FileShare",
    file_mention: "FileShare",
    file_comment: "FileComment",
    channel_join: "Join",
    group_join: "Join",
    joiner_notification: "Join",
    joiner_notification_for_inviter: "Join",
    channel_leave: "Leave",
    group_leave: "Leave",
    channel_invite: "Invite",
    group_invite: "Invite",
    sh_channel_invite: "Invite",
    channel_topic: "Topic",
    group_topic: "Topic",
    channel_purpose: "Purpose",
    group_purpose: "Purpose",
    channel_name: "Rename",
    group_name: "Rename",
    mpdm_name: "Rename",
    channel_archive: "Archive",
    group_archive: "Archive",
    channel_unarchive: "Unarchive",
    group_unarchive: "Unarchive",
    channel_convert_to_private: "Convert",
    channel_convert_to_public: "Convert",
    channel_posting_permissions: "Convert",
    mpdm_move: "Convert",
    channel_created: "ChannelCreate",
    pinned_item: "Pin",
    unpinned_item: "Unpin",
    bot_message: "Bot",
    slackbot_response: "Bot",
    bot_add: "BotAdd",
    bot_enable: "BotAdd",
    app_conversation_join: "BotAdd",
    bot_remove: "BotRemove",
    bot_disable: "BotRemove",
    app_conversation_leave: "BotRemove",
    me_message: "Me",
    huddle_thread: "Huddle",
    sh_room_created: "Huddle",
    sh_room_shared: "Huddle",
    channel_canvas_updated: "Canvas",
    tabbed_canvas_updated: "Canvas",
    document_mention: "Canvas",
    document_comment_root: "Canvas",
    reminder: "Reminder",
    reminder_add: "Reminder",
    reminder_delete: "Reminder",
    tombstone: "Tombstone",
    dlp_tombstone: "Tombstone",
    ekm_access_denied: "Tombstone",
  } satisfies Record<string, EventType>),
);

/** `type` of what is no message → event type. */
const BY_TYPE = new Map<string, EventType>(
  Object.entries({
    app_mention: "Message",
    reaction_added: "Reaction",
    reaction_removed: "ReactionRemoved",
    file_shared: "FileShare",
    file_deleted: "FileDelete",
    member_joined_channel: "Join",
    member_left_channel: "Leave",
    channel_created: "ChannelCreate",
    channel_deleted: "ChannelDelete",
    group_deleted: "ChannelDelete",
    channel_rename: "Rename",
    group_rename: "Rename",
    channel_archive: "Archive",
    group_archive: "Archive",
    channel_unarchive: "Unarchive",
    group_unarchive: "Unarchive",
    channel_shared: "Convert",
    channel_unshared: "Convert",
    pin_added: "Pin",
    pin_removed: "Unpin",
    user_huddle_changed: "Huddle",
  } satisfies Record<string, EventType>),
);

export function eventTypeOf(data: Json): EventType {
  if (!isObject(data)) return "Other";
  const type = stringAt(data, "type");
  if (type !== undefined && type !== "message") return BY_TYPE.get(type) ?? "Other";
  const subtype = stringAt(data, "subtype");
  if (subtype) return BY_SUBTYPE.get(subtype) ?? "Other";
  // The Events API marks a shared file by a subtype, the other sources by `files` alone: the same message is the same type in all.
  if (listAt(data, "files").length > 0 || objectAt(data, "file")) return "FileShare";
  const thread = stringAt(data, "thread_ts");
  return thread !== undefined && thread !== stringAt(data, "ts") ? "Reply" : "Message";
}
