import type { CapturedEvent, MapEvent, MessageDraft } from "@hansard/core";
import { draft, said, threadOf, viewOf } from "./map/draft.ts";
import {
  deletionToMessage,
  editToMessage,
  fileCommentToMessage,
  fileDeletionToMessage,
  otherToMessage,
  reactionToMessage,
} from "./map/happenings.ts";
import { documentToMessage, integrationToMessage, lateFileToMessage } from "./map/documents.ts";
import { noticeToMessage } from "./map/notices.ts";
import type { Block } from "./map/rich.ts";
import type { EventType } from "./read/event-type.ts";
import { isLateFile } from "./read/late-files.ts";

/** Every kind of event that is archived. The keys end up in the message class. */
export const events = {
  Message: saidToMessage,
  Reply: replyToMessage,
  Broadcast: replyToMessage,
  Me: meToMessage,
  Bot: saidToMessage,
  FileShare: fileShareToMessage,
  FileComment: fileCommentToMessage,
  FileDelete: fileDeletionToMessage,
  Edit: editToMessage,
  Delete: deletionToMessage,
  Tombstone: saidToMessage,
  Reaction: reactionToMessage,
  ReactionRemoved: reactionToMessage,
  Join: noticeToMessage,
  Leave: noticeToMessage,
  Invite: noticeToMessage,
  Topic: noticeToMessage,
  Purpose: noticeToMessage,
  Rename: noticeToMessage,
  Archive: noticeToMessage,
  Unarchive: noticeToMessage,
  Convert: noticeToMessage,
  ChannelCreate: noticeToMessage,
  ChannelDelete: noticeToMessage,
  Pin: noticeToMessage,
  Unpin: noticeToMessage,
  BotAdd: noticeToMessage,
  BotRemove: noticeToMessage,
  Huddle: noticeToMessage,
  Canvas: documentToMessage,
  List: documentToMessage,
  Integration: integrationToMessage,
  Reminder: noticeToMessage,
  Other: otherToMessage,
} satisfies Record<EventType, MapEvent>;

function saidToMessage(event: CapturedEvent): MessageDraft {
  const view = viewOf(event);
  const references = threadOf(view);
  return draft(view, { ...said(view), ...(references.length > 0 && { prefix: "Re: ", references }) });
}

function fileShareToMessage(event: CapturedEvent): MessageDraft {
  return isLateFile(event) ? lateFileToMessage(event) : saidToMessage(event);
}

function replyToMessage(event: CapturedEvent): MessageDraft {
  const view = viewOf(event);
  return draft(view, { ...said(view), prefix: "Re: ", references: threadOf(view) });
}

/** `/me` messages are told about their author. */
function meToMessage(event: CapturedEvent): MessageDraft {
  const view = viewOf(event);
  const { blocks, around } = said(view);
  const author = { text: `${view.names.person(view.message.user ?? "", view.message.username)} `, bold: true };
  const [first, ...rest] = blocks;
  const told: Block[] =
    first && "spans" in first
      ? [{ ...first, spans: [author, ...first.spans] }, ...rest]
      : [{ kind: "paragraph", spans: [author] }, ...blocks];
  return draft(view, { blocks: told, around });
}
