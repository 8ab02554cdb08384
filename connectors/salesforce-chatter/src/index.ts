import { type Connector, defineConnector } from "@hansard/core";
import { check } from "./read/check.ts";
import { events } from "./map.ts";
import { enumerate, partitions, read } from "./read.ts";
import { Checkpoint, Settings } from "./schema.ts";

/** Archives Salesforce Chatter, through an encrypting gateway too where there is one. */
export const connector: Connector = defineConnector({
  id: "salesforce-chatter",
  // Microsoft's catalogue knows Chatter by this token: `itemclass:ipm.externaldata.Chatter*`.
  source: "Chatter",
  title: "Salesforce Chatter",
  settings: Settings,
  checkpoint: Checkpoint,
  captures: {
    edits: "every-version",
    deletes: "with-original",
    attachments: "content",
    reactions: "each",
    participants: "current",
    history: "Everything that Salesforce still holds; a data export reaches back as far as it was made.",
    never: [
      "Likes on comments: Salesforce's query API does not tell them.",
      "Likes, votes and newer file versions on posts older than recentDays.",
      "An edit of a post that was deleted before the edit was read.",
      "Files that were attached to a post later, without an edit of its text.",
      "A like, vote, group membership or private message that came and went between two sweeps.",
      "Edits of private messages by an administrator: Salesforce records no time of them.",
      "Who deleted a post, a comment or a private message.",
      "The recipients of direct messages in Experience Cloud sites.",
      "Topics, bookmarks, reads and mentions other than as they stand in the text.",
    ],
  },
  events,
  hosts,
  check,
  partitions,
  read,
  enumerate,
});

function hosts({ loginUrl, instanceUrl, gatewayUrl }: Settings): string[] {
  const named = [loginUrl, instanceUrl, gatewayUrl].flatMap((address) =>
    address === undefined ? [] : [new URL(address).host],
  );
  return ["*.salesforce.com", "*.salesforce.mil", "*.sfcrmproducts.cn", ...named];
}
