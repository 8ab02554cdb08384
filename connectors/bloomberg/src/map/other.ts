import type { CapturedEvent, MessageAttachment, MessageDraft, Participant } from "@hansard/core";
import { z } from "zod";
import { ChatUser, Room } from "../schema.ts";
import { chatParticipant } from "./people.ts";

const BLOOMBERG: Participant = { id: "bloomberg", name: "Bloomberg", kind: "bot" };
const DROP: Participant = { id: "drop", name: "Bloomberg compliance drop", kind: "place" };

const Raw = z.object({ "#element": z.string().optional(), FileName: z.string().optional() }).catch({});
const People = z.array(ChatUser).catch([]);

/** What the connector does not know yet, as the source gave it. In a chat it goes to those who were there. */
export function other({ data, context, attachments, occurredAt }: CapturedEvent): MessageDraft {
  const raw = Raw.parse(data);
  const element = raw["#element"] ?? "element";
  const room = Room.safeParse(context["room"]);
  const people = People.parse(context["people"] ?? []).map(chatParticipant);
  const files = attachments.flatMap((file): MessageAttachment[] =>
    "blob" in file ? [{ id: file.id, name: file.name, content: { blob: file.blob } }] : [],
  );
  const isFile = element === "UnreferencedFile";
  return {
    from: BLOOMBERG,
    to: people.length > 0 ? people : [DROP],
    date: occurredAt,
    subject: isFile ? `File without a message: ${raw.FileName ?? "without a name"}` : `Bloomberg ${element}`,
    text: JSON.stringify(data, undefined, 2),
    ...(files.length > 0 && { attachments: files }),
    notes: [
      isFile
        ? "No message of the day refers to this file."
        : "The source sent an element that is not known, or lacks what it should have. It is shown as it came.",
    ],
    ...(room.success && { conversation: { id: room.data.id, name: `Chat ${room.data.id}` } }),
  };
}
