import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { renderPerson } from "./discovery-methods.ts";
import { renderMessage } from "./render.ts";
import { membersAt, type World, type WorldChannel } from "./workspace.ts";

const LISTS = { "channels.json": "channel", "groups.json": "private", "mpims.json": "mpim", "dms.json": "im" } as const;

/** Writes the workspace as Slack's export has it: a folder for each conversation, and a file for each day. */
export async function writeExport(world: World, folder: string): Promise<void> {
  const channels = [...world.channels.values()];
  await write(folder, "users.json", [...world.people.values()].map(renderPerson));
  for (const [file, kind] of Object.entries(LISTS)) {
    await write(
      folder,
      file,
      channels.filter((channel) => channel.kind === kind).map((channel) => listed(world, channel)),
    );
  }
  for (const channel of channels) {
    const days = new Map<string, object[]>();
    for (const message of [...channel.messages.values()].sort((one, other) => (one.ts < other.ts ? -1 : 1))) {
      const day = new Date(Number(message.ts) * 1000).toISOString().slice(0, 10);
      days.set(day, [...(days.get(day) ?? []), renderMessage(channel, message, world.filesUrl)]);
    }
    for (const [day, messages] of days) await write(folder, join(channel.name || channel.id, `${day}.json`), messages);
  }
}

function listed(world: World, channel: WorldChannel): object {
  const { id, name, created } = channel;
  const members = membersAt(channel, Math.floor(world.now / 1000));
  return { id, ...(name !== "" && { name }), created, members };
}

async function write(folder: string, name: string, content: unknown): Promise<void> {
  await mkdir(join(folder, name, ".."), { recursive: true });
  await writeFile(join(folder, name), JSON.stringify(content));
}
