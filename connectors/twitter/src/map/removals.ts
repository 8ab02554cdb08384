import type { CapturedEvent, MessageDraft } from "@hansard/core";
import { z } from "zod";
import { followersOf, handle, person } from "./people.ts";

const Removal = z.looseObject({ id: z.string(), reason: z.string(), said: z.string().default("") });

const MEANINGS: Record<string, string> = {
  protected: "its account is protected and no longer shows it to us",
  suspended: "its account is suspended",
  withheld: "X withholds it",
};

/** A tombstone. What was deleted stands in the message that it refers to. */
export function toDelete(event: CapturedEvent): MessageDraft {
  return removal(event, "Deleted post", "was deleted");
}

/** Not seen, yet not deleted either. */
export function toWithheld(event: CapturedEvent): MessageDraft {
  const { reason } = Removal.parse(event.data);
  return removal(event, "Post no longer shown", `is no longer shown: ${MEANINGS[reason] ?? "X does not say why"}`);
}

function removal(event: CapturedEvent, subject: string, what: string): MessageDraft {
  const { id, said } = Removal.parse(event.data);
  const author = /^post:(\d+):/.exec(event.key)?.[1];
  const source = { id: "x", name: "X", kind: "place" as const };
  return {
    from: author === undefined ? source : person(event.context, author),
    to: [author === undefined ? source : followersOf(event.context, author)],
    date: event.occurredAt,
    subject: `${subject} ${id}${author === undefined ? "" : ` of ${handle(event.context, author)}`}`,
    text: `The post ${id} ${what}.${said ? `\nX says: ${said}` : ""}`,
    notes: ["The date is when it was noticed, unless X told when it happened."],
    references: [event.key],
  };
}
