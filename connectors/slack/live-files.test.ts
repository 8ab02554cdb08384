import { afterEach, beforeEach, expect, test } from "vitest";
import {
  ALL_SCOPES,
  createRandom,
  createWorld,
  type JsonObject,
  post,
  renderMessage,
  type SlackServer,
  startSlack,
  STRICT,
  type World,
  type WorldChannel,
  type WorldFile,
  type WorldMessage,
} from "../../tooling/servers/slack/index.ts";
import { archivedFacts } from "./testing/facts.ts";
import { readAll, type Run } from "./testing/harness.ts";
import { openOneChannel } from "./testing/one-channel.ts";

const HOUR_MS = 3_600_000;

let server: SlackServer;
let world: World;
let channel: WorldChannel;
let run: Run;
let discovery: Run;

beforeEach(async () => {
  ({ server, world, channel, run, discovery } = await openOneChannel());
});
afterEach(() => server.close());

function share(absence?: WorldFile["absence"]): WorldMessage {
  const file = { id: "F00000001", name: "late.txt", bytes: Buffer.from("late"), isDeleted: false };
  return post(world, channel, { files: [{ ...file, ...(absence && { absence }) }] });
}

function appear({ files }: WorldMessage): void {
  for (const file of files) delete file.absence;
}

/** Edits a message, of which Slack keeps a record that shows its file as it is then. Gives the new version. */
function edit(message: WorldMessage): string {
  const edited = { user: message.user, ts: `${Math.floor(world.now / 1000)}.000200` };
  const record = { ...renderMessage(channel, message, server.url), edited };
  channel.records.push({ at: edited.ts, of: message.ts, record });
  message.edited = edited;
  return edited.ts;
}

function versions(): string[] {
  return [...run.journal.events.values()].map(({ type, version }) => `${type} ${version ?? ""}`.trim());
}

function filesArchived(): number {
  return [...archivedFacts(run.journal)].filter((text) => text.startsWith('["file"')).length;
}

test("a file that cannot be had now is fetched later, and its gap closes", async () => {
  const { ts } = share();
  world.now += 5000;
  const scopes = ALL_SCOPES.filter((scope) => scope !== "files:read");
  server.tokens.set("xoxp-person", { kind: "user", scopes, user: "U00000000" });
  await readAll(run);
  expect([...run.journal.gaps.keys()]).toEqual([`${channel.id}:${ts}/F00000001`]);
  server.tokens.set("xoxp-person", { kind: "user", scopes: ALL_SCOPES, user: "U00000000" });
  world.now += 25 * HOUR_MS;
  await readAll(run);
  expect([...run.journal.gaps.keys()]).toEqual([]);
  expect(filesArchived()).toBe(1);
  expect([...run.journal.events.values()].map(({ key, version }) => `${key} ${version ?? ""}`.trim())).toEqual([
    `${channel.id}:${ts}`,
    `${channel.id}:${ts} file/F00000001`,
  ]);
});

test.each(["late", "hidden"] as const)(
  "a file that is %s is asked for after ever longer, until it is there",
  async (absence) => {
    const message = share(absence);
    const asked: number[] = [];
    for (let hour = 0; hour < 24; hour += 1) {
      world.now += HOUR_MS;
      server.requests.length = 0;
      await readAll(discovery);
      if (server.requests.includes("discovery.file.info")) asked.push(hour);
    }
    // After an hour, then two, four and eight, though nothing happens in the conversation.
    expect(asked).toEqual([1, 3, 7, 15]);
    appear(message);
    world.now += 16 * HOUR_MS;
    await readAll(discovery);
    expect([...run.journal.gaps.keys()]).toEqual([]);
    expect(run.journal.events.get(`${channel.id}:${message.ts}\nfile/F00000001`)?.attachments).toHaveLength(1);
    expect([...run.journal.followUps.values()].map(({ size }) => size)).toEqual([0]);
  },
);

test("an old version of the message, told later, does not put off a file that is due", async () => {
  const message = share("hidden");
  world.now += 5000;
  await readAll(discovery);
  const version = edit(message);
  world.now += 2 * HOUR_MS;
  let crashes = 1;
  const crash = () => {
    if (crashes-- === 0) return undefined;
    // The page with the old version is durable, and the file was still away.
    appear(message);
    return "after" as const;
  };
  await readAll({ ...discovery, crash });
  expect(versions()).toEqual(["FileShare", `Edit ${version}`, "FileShare file/F00000001"]);
  expect([...run.journal.gaps.keys()]).toEqual([]);
});

test.each(["hidden", "of another length"] as const)(
  "a file that the record of an edit shows as %s is fetched by what Slack says of it now, before it is deleted",
  async (was) => {
    const message = share(was === "hidden" ? was : undefined);
    edit(message);
    appear(message);
    for (const file of message.files) file.bytes = Buffer.from("longer than it was");
    world.now += 5000;
    await readAll(discovery);
    expect(versions().every((version) => version.startsWith("Edit"))).toBe(true);
    expect(filesArchived()).toBe(1);
    expect([...run.journal.gaps.keys()]).toEqual([]);
    for (const file of message.files) file.isDeleted = true;
    world.now += 25 * HOUR_MS;
    await readAll(discovery);
    expect([...run.journal.gaps.keys()]).toEqual([]);
  },
);

test("a file that Slack has no more is not asked for again, and its gap stays", async () => {
  const message = share("late");
  world.now += 5000;
  await readAll(run);
  for (const shared of message.files) shared.isDeleted = true;
  world.now += 2 * HOUR_MS;
  await readAll(run);
  expect([...run.journal.followUps.values()].map(({ size }) => size)).toEqual([0]);
  expect([...run.journal.gaps.values()].map(({ reason }) => reason).join()).toContain("It was deleted in Slack");
});

test("a link that leads elsewhere is not followed, and its host sees no token", async () => {
  const seen: JsonObject[] = [];
  const elsewhere = await startSlack(createWorld(createRandom(1), STRICT, world.now));
  elsewhere.beforeAnswer = () => void seen.push({});
  const link = `${elsewhere.url}/files-pri/T1-F9/bait`;
  post(world, channel, {
    more: { files: [{ id: "F00000009", name: "bait", mode: "hosted", url_private: link }] },
  });
  world.now += 5000;
  await readAll(run);
  await elsewhere.close();
  expect(elsewhere.requests.length + seen.length).toBe(0);
  expect([...run.journal.gaps.values()].map(({ reason }) => reason).join()).toContain("which is not Slack");
});
