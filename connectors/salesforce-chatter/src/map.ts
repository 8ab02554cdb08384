import type { CapturedEvent, MessageDraft } from "@hansard/core";
import type { EventType } from "./map/event-types.ts";
import { deleteToMessage, editToMessage, fileVersionToMessage } from "./map/changes.ts";
import { commentToMessage, postToMessage, unknownToMessage } from "./map/feed.ts";
import { joinToMessage, leaveToMessage, privateMessageToMessage } from "./map/people-events.ts";
import { likeToMessage, unlikeToMessage, voteToMessage, voteWithdrawnToMessage } from "./map/reactions.ts";

/** Every event type the connector archives. The keys end up in the message class. */
export const events = {
  Post: postToMessage,
  Link: postToMessage,
  File: postToMessage,
  Poll: postToMessage,
  Question: postToMessage,
  Announcement: postToMessage,
  TrackedChange: postToMessage,
  Activity: postToMessage,
  DirectMessage: postToMessage,
  Comment: commentToMessage,
  Reply: commentToMessage,
  Answer: commentToMessage,
  Edit: editToMessage,
  Delete: deleteToMessage,
  Like: likeToMessage,
  Unlike: unlikeToMessage,
  Vote: voteToMessage,
  VoteWithdrawn: voteWithdrawnToMessage,
  FileVersion: fileVersionToMessage,
  PrivateMessage: privateMessageToMessage,
  GroupJoin: joinToMessage,
  GroupLeave: leaveToMessage,
  Other: unknownToMessage,
} satisfies Record<EventType, (event: CapturedEvent) => MessageDraft>;
