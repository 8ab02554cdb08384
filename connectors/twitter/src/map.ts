import {
  toDirectMessage,
  toEncryptedMessage,
  toMembershipChange,
  toNameChange,
  toReaction,
} from "./map/direct-messages.ts";
import { toLike, toUnlike } from "./map/likes.ts";
import { toArticle, toLateFile, toNote, toOther } from "./map/others.ts";
import { toEdit, toPost } from "./map/posts.ts";
import { toDelete, toWithheld } from "./map/removals.ts";

/** Every event type that the connector archives. The keys end up in the message class. */
export const events = {
  Tweet: toPost,
  Reply: toPost,
  Retweet: toPost,
  Quote: toPost,
  Mention: toPost,
  CommunityPost: toPost,
  Article: toArticle,
  Note: toNote,
  Edit: toEdit,
  Delete: toDelete,
  Withheld: toWithheld,
  Like: toLike,
  Unlike: toUnlike,
  DirectMessage: toDirectMessage,
  DirectMessageJoin: toMembershipChange,
  DirectMessageLeave: toMembershipChange,
  DirectMessageName: toNameChange,
  Reaction: toReaction,
  EncryptedMessage: toEncryptedMessage,
  Media: toLateFile,
  Other: toOther,
};
