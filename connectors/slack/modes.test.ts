import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CapturedEvent, MessageDraft } from "@hansard/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import {
  ALL_SCOPES,
  createRandom,
  createWorld,
  fact,
  happen,
  type SlackServer,
  startSlack,
  STRICT,
  type World,
  type WorldChannel,
  writeExport,
} from "../../tooling/servers/slack/index.ts";
import { events } from "./src/map.ts";
import { archivedFacts } from "./testing/facts.ts";
import { readAll } from "./testing/harness.ts";

let server: SlackServer;
let folder: string;
beforeAll(async () => {
  server = await startSlack(createWorld(createRandom(0), STRICT, Date.UTC(2026, 2, 2)));
  folder = await mkdtemp(join(tmpdir(), "hansard-slack-"));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test.each(Array.from({ length: 20 }, (_, seed) => seed + 1))(
  "the same workspace gives the same messages by export, Discovery and Web API (seed %i)",
  async (seed) => {
    const world = buildWorld(seed);
    const inputs = await inputsOf(world, seed);
    const [exported, discovered, web] = await Promise.all(inputs.map((input) => capture(input)));
    if (!exported || !discovered || !web) throw new Error("A mode is missing.");

    // An export and the Web API show the same, down to each sender, recipient and word.
    expect(messagesOf(web)).toEqual(messagesOf(exported));

    // Discovery shows what stands as well, and besides what Slack recorded of edits and deletions; nothing else.
    const [current, all] = [factsBut(exported, "reaction"), factsBut(discovered, "reaction")];
    expect([...current].filter((text) => !all.has(text))).toEqual([]);
    const recorded = [...world.channels.values()].flatMap(({ id, records }) =>
      records.flatMap(({ of, record }) => versionsIn(id, of, record)),
    );
    expect([...all].filter((text) => !current.has(text)).toSorted()).toEqual(
      [...new Set(recorded)].filter((text) => !current.has(text)).toSorted(),
    );
  },
);

test("a message that several modes see is one event", async () => {
  const world = buildWorld(99);
  const inputs = await inputsOf(world, 99);
  const journal = new MemoryJournal();
  const sizes: number[] = [];
  for (const input of [...inputs, ...inputs]) {
    await capture(input, journal);
    sizes.push(messagesOf(journal).length);
  }
  const [exported = 0, discovered = 0, ...rest] = sizes;
  const edits = [...archivedFacts(journal)].filter((text) => text.startsWith('["message"')).length;
  expect(discovered).toBe(edits);
  expect(exported).toBeGreaterThan(20);
  expect(rest).toEqual(rest.map(() => discovered));
});

/**
 * The person of the token is in every conversation. Left out: files, whose links an export has by other rules, and what
 * was recorded of messages before a filter hid them, after which the hiding is an event of its own.
 */
function buildWorld(seed: number): World {
  const world = createWorld(createRandom(seed), STRICT, Date.UTC(2026, 2, 2, 8));
  for (let deeds = 0; deeds < 80; deeds += 1) {
    world.now += world.random.pick([0, 1, 700, 90_000, 3_600_000]);
    happen(world);
  }
  for (const channel of world.channels.values()) leaveOutFiles(channel);
  world.now += 5000;
  return world;
}

function leaveOutFiles(channel: WorldChannel): void {
  const { messages } = channel;
  for (const [ts, { files }] of messages) if (files.length > 0) messages.delete(ts);
  for (const [ts, { thread }] of messages) if (thread !== undefined && !messages.has(thread)) messages.delete(ts);
  channel.records = channel.records.filter(
    ({ of }) => messages.has(of) && messages.get(of)?.subtype !== "dlp_tombstone",
  );
}

async function inputsOf(world: World, seed: number): Promise<Record<string, unknown>[]> {
  Object.assign(server, { world });
  server.tokens = new Map([
    ["xoxp-organisation", { kind: "organisation", scopes: ["discovery:read"], user: "" }],
    ["xoxp-person", { kind: "user", scopes: ALL_SCOPES, user: "U00000000" }],
  ]);
  const path = join(folder, String(seed));
  await writeExport(world, path);
  const apiUrl = `${server.url}/api/`;
  return [
    { export: path, workspace: "acme" },
    {
      mode: "discovery",
      token: "xoxp-organisation",
      apiUrl,
      requestsPerMinute: 1_000_000,
      requestsPerSecond: 1_000_000,
    },
    { mode: "web", token: "xoxp-person", apiUrl, historyPerMinute: 1_000_000 },
  ];
}

async function capture(input: Record<string, unknown>, journal = new MemoryJournal()): Promise<MemoryJournal> {
  // Another mode, or another look, begins anew over the same events.
  journal.checkpoints.clear();
  journal.followUps.clear();
  await readAll({ server, journal, input, crash: () => undefined });
  return journal;
}

/** The mails that come of the messages, without what says when something was looked at. */
function messagesOf(journal: MemoryJournal): object[] {
  return journal
    .capturedEvents()
    .filter(({ key }) => !key.includes("#"))
    .map((event) => ({ key: event.key, version: event.version, type: event.type, ...draftOf(event) }))
    .sort((one, other) => compare(`${one.key} ${one.version}`, `${other.key} ${other.version}`));
}

function draftOf(event: CapturedEvent): Partial<MessageDraft> {
  const { from, to, date, subject, text } =
    (events as Record<string, (event: CapturedEvent) => MessageDraft>)[event.type]?.(event) ?? {};
  const sorted = to?.toSorted((one, other) => compare(one.id, other.id));
  return {
    ...(from && { from }),
    ...(sorted && { to: sorted }),
    ...(date && { date }),
    ...(subject && { subject }),
    ...(text && { text }),
  };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function factsBut(journal: MemoryJournal, without: string): Set<string> {
  return new Set(
    [...archivedFacts(journal)].filter((text) => !text.startsWith(`["${without}`) && !text.startsWith('["un')),
  );
}

function versionsIn(channel: string, ts: string, record: Record<string, unknown>): string[] {
  const version = ({ edited, text }: { edited?: { ts: string }; text?: string }) =>
    fact("message", channel, ts, edited?.ts ?? "", text ?? "");
  return [
    ...(record["original"] ? [version(record["original"])] : []),
    record["subtype"] === "message_deleted" ? fact("delete", channel, ts) : version(record),
  ];
}
