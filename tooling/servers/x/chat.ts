import type { Call } from "./endpoints.ts";
import { cut } from "./pages.ts";
import { problem } from "./refusal.ts";
import { renderUser } from "./render.ts";
import type { EncryptedMessage } from "./world.ts";

/** The encrypted conversations of the caller, that with the newest message first. */
export function conversations(call: Call): object {
  const { world, query } = call.view;
  const latest = new Map<string, EncryptedMessage>();
  for (const message of readable(call)) latest.set(message.conversation, message);
  const { items, meta } = cut(call, [...latest.values()].toSorted(newestFirst), ({ id }) => id);
  const people = new Set(query.has("expansions") ? items.flatMap(({ readers }) => readers) : []);
  return {
    data: items.map(({ conversation, readers, createdAt }) => ({
      id: conversation,
      type: conversation.startsWith("g") ? "group" : "direct",
      participant_ids: readers,
      updated_at: new Date(createdAt).toISOString(),
    })),
    includes: { users: [...people].flatMap((id) => renderUser(world, id, query)) },
    meta,
  };
}

/** What was said in one of them, as ciphertext. */
export function chatEvents(call: Call): object {
  const asked = new Set((call.view.query.get("chat_message_event.fields") ?? "").split(","));
  const said = readable(call).filter(({ conversation }) => conversation.replace(":", "-") === call.path[0]);
  if (said.length === 0) throw problem(404, "Not Found", "There is no such conversation.");
  const { items, meta } = cut(call, said.toSorted(newestFirst), ({ id }) => id);
  return {
    data: items.map(({ id, conversation, sender, createdAt }) => {
      const all = {
        id,
        conversation_id: conversation,
        sender_id: sender,
        created_at_msec: String(createdAt),
        encoded_event: Buffer.from(`cipher ${id}`).toString("base64"),
      };
      return Object.fromEntries(Object.entries(all).filter(([name]) => asked.has(name)));
    }),
    meta: { ...meta, has_more: "next_token" in meta },
  };
}

function readable({ view, caller }: Call): EncryptedMessage[] {
  if (caller.kind !== "user") throw problem(403, "Forbidden", "Forbidden");
  return view.world.encrypted.filter(({ readers }) => readers.includes(caller.account));
}

function newestFirst(left: EncryptedMessage, right: EncryptedMessage): number {
  return Number(BigInt(right.id) - BigInt(left.id));
}
