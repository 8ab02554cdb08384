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
    history: "The whole export; in modes discovery and web all that Slack still holds for the token.",
    never: [
      "In mode export: the earlier versions of messages that were edited before the export was made, and messages that were deleted before it.",
      "In mode export: the time and order of reactions. In modes discovery and web: the time of a reaction other than when it was seen, and one that came and went between two looks.",
      "In mode export: private channels and direct messages, where the export is of public channels only.",
      "In mode discovery: edits and deletions of which Slack kept no record, between two looks; the last version and the deletion are captured all the same.",
      "In mode web: the versions of an edit other than those that stood when they were read, and messages that were written and deleted between two reads.",
      "In mode web: conversations that the token's owner is not in, direct messages of others above all.",
      "In mode web without a message about it: who was in a conversation before the first read.",
      "In mode discovery: files that nobody shared, drafts, and who reacted where a message counts more people than it names.",
      "In modes discovery and web, until the whole is read again: reactions to messages older than rescanDays, and that a file of one was deleted. When a file was deleted is known only where Socket Mode told of it.",
      "In modes discovery and web: replies that come after rescanDays of silence to a thread older than that, until the whole is read again.",
      "In modes discovery and web: canvases and lists that nobody posted. In mode export: that a canvas or list was deleted, and their content where Slack's link gives none.",
      "In modes export and web: joins and leaves that Slack did not post as messages; who is in the list of members counts as a member from the start.",
    ],
  },
  events,
  hosts,
  check,
  partitions,
  read,
  enumerate,
});

function hosts(settings: Settings): string[] {
  const own = settings.mode === "export" ? undefined : new URL(settings.apiUrl).host;
  const slack = ["slack.com", "files.slack.com", "*.slack.com"];
  return own === undefined || slack.includes(own) ? slack : [...slack, own];
}
