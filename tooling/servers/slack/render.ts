import type { JsonObject, WorldChannel, WorldFile, WorldMessage } from "./workspace.ts";

/** A message as all of Slack's interfaces show it. */
export function renderMessage(channel: WorldChannel, message: WorldMessage, filesUrl: string): JsonObject {
  const { ts, user, text, subtype, thread, edited, reactions, files, more } = message;
  const shown = { type: "message", ...(subtype !== undefined && { subtype }), user, ts, text, ...more };
  return {
    ...shown,
    ...(edited && { edited: { ...edited } }),
    ...(thread !== undefined && { thread_ts: thread }),
    ...(thread === undefined && renderThread(channel, message)),
    ...(files.length > 0 && { files: files.map((file) => renderFile(file, filesUrl)) }),
    ...(reactions.size > 0 && {
      reactions: [...reactions].map(([name, users]) => ({ name, users: [...users], count: users.size })),
    }),
  };
}

export function renderFile({ id, name, bytes, isDeleted, absence }: WorldFile, filesUrl: string): JsonObject {
  if (isDeleted) return { id, mode: "tombstone" };
  if (absence === "hidden") return { id, name, mimetype: "text/plain", mode: "hidden_by_limit" };
  const url = `${filesUrl}/files-pri/T0000001-${id}/${encodeURIComponent(name)}`;
  return {
    id,
    name,
    mimetype: "text/plain",
    size: bytes.length,
    mode: "hosted",
    url_private: url,
    url_private_download: url,
  };
}

function renderThread({ messages }: WorldChannel, { ts }: WorldMessage): JsonObject {
  const replies = [...messages.values()].filter(({ thread }) => thread === ts);
  if (replies.length === 0) return {};
  return {
    thread_ts: ts,
    reply_count: replies.length,
    latest_reply: replies
      .map((reply) => reply.ts)
      .sort()
      .at(-1),
    replies: replies.map((reply) => ({ user: reply.user, ts: reply.ts })),
  };
}
