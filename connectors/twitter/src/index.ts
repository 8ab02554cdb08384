import { type Connector, defineConnector } from "@hansard/core";
import { events } from "./map.ts";
import { check, hosts, partitions, read } from "./read.ts";
import { Checkpoint, Settings } from "./schema.ts";

/** Archives what accounts of X (Twitter) post, receive and like: over the API as it happens, and from account archives. */
export const connector: Connector = defineConnector({
  id: "twitter",
  source: "Twitter",
  title: "X (Twitter)",
  settings: Settings,
  checkpoint: Checkpoint,
  captures: {
    edits: "every-version",
    deletes: "tombstone",
    attachments: "content",
    reactions: "each",
    participants: "not-reported",
    history:
      "The newest 3,200 posts and 800 mentions of an account and 30 days of direct messages; all posts with full-archive search; everything that a downloaded account archive holds",
    never: [
      "The text of encrypted chats: X serves ciphertext only, which is archived as it is, with who wrote it and when.",
      "Mentions older than the newest 800, and direct messages older than 30 days, except out of an account archive.",
      "Reposts older than the newest 3,200 posts: full-archive search does not find reposts.",
      "Who read a public post, and who were the members of a group conversation when a message was sent.",
      "Reactions to direct messages, except out of an account archive.",
      "When a like was given: X does not tell, so the time of capture stands in its place.",
      "Posts deleted before they were read for the first time, except deletions of the last 14 days out of an account archive.",
      "Direct messages that were deleted: X does not report it.",
    ],
  },
  events,
  hosts,
  check,
  partitions,
  read,
});

export type { Checkpoint, Settings } from "./schema.ts";
