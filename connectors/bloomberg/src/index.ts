import { type Connector, defineConnector } from "@hansard/core";
import { check } from "./read/check.ts";
import { events } from "./map.ts";
import { read } from "./read.ts";
import { Checkpoint, Settings } from "./schema.ts";

/** Archives Bloomberg Mail and Instant Bloomberg from the daily compliance drop. */
export const connector: Connector = defineConnector({
  id: "bloomberg",
  source: "Bloomberg",
  title: "Bloomberg",
  settings: Settings,
  checkpoint: Checkpoint,
  captures: {
    edits: "not-reported",
    deletes: "not-reported",
    attachments: "content",
    reactions: "none",
    participants: "at-the-time",
    history: "Every file that lies in the drop; Bloomberg removes files after some weeks.",
    never: [
      "Bloomberg reports no edits and no deletions.",
      "People who were in a room before the day began and neither wrote, left nor were named that day are not in the file.",
      "Of mail that came in, Bloomberg lists the archiving firm's own recipients only.",
      "Attachments that are references, such as news stories or other chats, come as their reference and without content.",
    ],
  },
  events,
  check,
  read,
});
