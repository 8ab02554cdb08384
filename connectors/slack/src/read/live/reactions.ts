import type { Json } from "@hansard/core";
import { listAt, numberAt, stringAt } from "../../schema/json.ts";
import { canonicalReactions, type SlackEvent } from "../events.ts";
import { timeOf } from "../timestamp.ts";
import { type KnownMessage, reactionKey, SEEN } from "./known.ts";

/**
 * Slack shows reactions as they stand, without times. What is there and was not, or was and is no more, becomes an event
 * of its own, dated by when Slack last said otherwise.
 */
export function reactionChanges(
  data: Json,
  { conversation, ts, asOf }: { conversation: string; ts: string; asOf: string },
  known: KnownMessage | undefined,
): SlackEvent[] {
  const now = new Set(canonicalReactions(data).flatMap(({ name, users }) => users.map((user) => `${name}/${user}`)));
  const incomplete = incompleteReactions(data);
  const changes: SlackEvent[] = [];
  for (const reaction of now) if (isNews(known, reaction, true, asOf)) changes.push(observe(reaction, "Reaction"));
  for (const [reaction, { isThere }] of known?.reactions ?? []) {
    const name = reaction.slice(0, reaction.lastIndexOf("/"));
    if (!isThere || now.has(reaction) || incomplete.has(name)) continue;
    if (isNews(known, reaction, false, asOf)) changes.push(observe(reaction, "ReactionRemoved"));
  }
  return changes;

  function observe(reaction: string, type: "Reaction" | "ReactionRemoved"): SlackEvent {
    const cut = reaction.lastIndexOf("/");
    const author = stringAt(data, "user");
    return {
      type,
      key: reactionKey(conversation, ts, reaction),
      version: SEEN + asOf,
      occurredAt: timeOf(asOf),
      data: {
        type: type === "Reaction" ? "reaction_added" : "reaction_removed",
        user: reaction.slice(cut + 1),
        reaction: reaction.slice(0, cut),
        item: { type: "message", channel: conversation, ts },
        ...(author !== undefined && { item_user: author }),
        observedAt: timeOf(asOf),
      },
    };
  }
}

/** How many reactions Slack counts and does not name, by the name of the emoji. */
export function incompleteReactions(data: Json): Map<string, number> {
  const incomplete = new Map<string, number>();
  for (const reaction of listAt(data, "reactions")) {
    const unnamed = (numberAt(reaction, "count") ?? 0) - new Set(listAt(reaction, "users")).size;
    const name = stringAt(reaction, "name");
    if (name !== undefined && unnamed > 0) incomplete.set(name, unnamed);
  }
  return incomplete;
}

/** What was captured after Slack's answer may have happened after it; the next look settles it. */
function isNews(known: KnownMessage | undefined, reaction: string, isThere: boolean, asOf: string): boolean {
  const before = known?.reactions.get(reaction);
  if (!before) return isThere;
  return before.isThere !== isThere && before.at < asOf;
}
