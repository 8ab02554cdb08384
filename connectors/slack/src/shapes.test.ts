import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Json } from "@hansard/core";
import { fromFdPromise } from "yauzl";
import { describe, expect, test } from "vitest";
import { events } from "./map.ts";
import { eventTypeOf } from "./read/event-type.ts";
import { toEvent } from "./read/events.ts";
import { Message } from "./schema.ts";
import { isObject, parseJson } from "./schema/json.ts";

const SHAPES = join(import.meta.dirname, "../../../../shared/data/slack-api-payload-shapes.zip");
const missing = !existsSync(SHAPES);
if (missing) console.warn(`Skipped: Slack's payload shapes are not at ${SHAPES}.`);

describe.skipIf(missing)("the shapes of Slack's payloads", () => {
  test("parse and map wherever they are like a message", async () => {
    const found = new Map<string, number>();
    for (const [path, json] of await readShapes()) {
      for (const data of messagesIn(json)) {
        expect(Message.safeParse(data).success, path).toBe(true);
        const event = toEvent(data, { conversation: "C00000001", unit: "2026-10-05", startedAt: new Date(0) });
        const draft = events[eventTypeOf(data)]({ ...event, version: "", context: {}, attachments: [] });
        expect(draft.to.length, path).toBeGreaterThan(0);
        found.set(path, (found.get(path) ?? 0) + 1);
      }
    }
    expect(found.size).toBeGreaterThan(60);
  });

  test("give each event of a conversation a type of its own", async () => {
    const types = new Map<string, string>();
    for (const [path, json] of await readShapes()) {
      const event = isObject(json) ? json["event"] : undefined;
      if (path.includes("/events/") && isObject(event))
        types.set(path.replace(/.*\/|Payload\.json/g, ""), eventTypeOf(event));
    }
    expect(Object.fromEntries([...types].filter(([name]) => /^(Message|Reaction|Pin|Channel(Arch|Unarch|Creat|Delet|Rename)|FileDel|FileSh)/.test(name)))).toEqual({
      ChannelArchive: "Archive", ChannelCreated: "ChannelCreate", ChannelDeleted: "ChannelDelete", ChannelRename: "Rename", ChannelUnarchive: "Unarchive",
      FileDeleted: "FileDelete", FileShared: "FileShare", Message: "Message", MessageBot: "Bot", MessageChanged: "Edit", MessageChannelArchive: "Archive",
      MessageChannelJoin: "Join", MessageChannelLeave: "Leave", MessageChannelName: "Rename", MessageChannelPostingPermissions: "Convert", MessageChannelPurpose: "Purpose",
      MessageChannelTopic: "Topic", MessageChannelUnarchive: "Unarchive", MessageDeleted: "Delete", MessageEkmAccessDenied: "Tombstone", MessageFileShare: "FileShare",
      MessageGroupTopic: "Topic", MessageMe: "Me", MessageReplied: "Other", MessageThreadBroadcast: "Broadcast", PinAdded: "Pin", PinRemoved: "Unpin",
      ReactionAdded: "Reaction", ReactionRemoved: "ReactionRemoved",
    }); // prettier-ignore
  });
});

/** Messages and events anywhere inside: what has a text, blocks, files or attachments, or is an event. */
function messagesIn(json: Json): Json[] {
  if (Array.isArray(json)) return json.flatMap(messagesIn);
  if (!isObject(json)) return [];
  const isMessage = "text" in json && ("ts" in json || "blocks" in json || "attachments" in json || "files" in json);
  return [
    ...(isMessage ? [json] : []),
    ...Object.entries(json).flatMap(([name, value]) =>
      name === "event" && isObject(value) ? [value, ...messagesIn(value)] : messagesIn(value),
    ),
  ];
}

async function readShapes(): Promise<[path: string, json: Json][]> {
  const file = await open(SHAPES);
  try {
    const zip = await fromFdPromise(file.fd, { autoClose: false });
    const shapes: [string, Json][] = [];
    for await (const entry of zip.eachEntry()) {
      if (!entry.fileName.endsWith(".json")) continue;
      const chunks: Buffer[] = [];
      for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
      shapes.push([entry.fileName, parseJson(Buffer.concat(chunks).toString())]);
    }
    return shapes;
  } finally {
    await file.close();
  }
}
