import { type Connector, defineConnector } from "@hansard/core";
import { events } from "./map.ts";
import { check, enumerate, partitions, read } from "./read.ts";
import { Checkpoint, Settings } from "./schema.ts";

/** Archives Slack. */
export const connector: Connector = defineConnector({
  id: "slack",
  source: "Slack",
  title: "Slack",
  settings: Settings,
  checkpoint: Checkpoint,
  captures: {
    edits: "last-version",
    deletes: "tombstone",
    attachments: "content",
    reactions: "state",
    participants: "at-the-time",
    history: "The whole export.",
    never: [
      "The earlier versions of messages that were edited before the export was made, and messages that were deleted before it.",
      "The time and order of reactions: an export only knows who reacted, not when.",
      "Private channels and direct messages, where the export is of public channels only.",
      "The content of canvases and lists, which exports name by their links alone.",
      "Joins and leaves that Slack did not post as messages: who is in the export's member list counts as a member from the start.",
    ],
  },
  events,
  hosts: () => ["files.slack.com", "*.slack.com"],
  check,
  partitions,
  read,
  enumerate,
});
