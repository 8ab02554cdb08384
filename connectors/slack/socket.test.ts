import { afterAll, beforeAll, expect, test } from "vitest";
import { isHansardError } from "@hansard/core";
import { MemoryJournal } from "@hansard/testkit";
import {
  addChannel,
  ALL_SCOPES,
  appearAll,
  createRandom,
  createWorld,
  fact,
  factsOf,
  happen,
  isReadable,
  type JsonObject,
  post,
  type SlackServer,
  startSlack,
  STRICT,
  type World,
} from "../../tooling/servers/slack/index.ts";
import { events } from "./src/map.ts";
import { archivedFacts, doubledFacts } from "./testing/facts.ts";
import { contextOf, openHttp, readAll, readPartition, type Run } from "./testing/harness.ts";
import { read } from "./src/read.ts";

const SEEDS = Math.ceil(Number(process.env["HANSARD_SEEDS"] ?? 120) / 10);
const FIRST = Number(process.env["HANSARD_FIRST_SEED"] ?? 1);
const DAY_MS = 86_400_000;
const SOCKET = { id: "socket", name: "Socket Mode" };

let server: SlackServer;
beforeAll(async () => {
  server = await startSlack(createWorld(createRandom(0), STRICT, Date.UTC(2026, 2, 2)));
});
afterAll(() => server.close());

test(
  `what Slack tells over Socket Mode is archived, each once, and the sweep finds the rest, for ${SEEDS} seeds`,
  { timeout: 60_000 + SEEDS * 5000 },
  async () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) await prove(seed);
  },
);

function prepare(seed: number): { run: Run; world: World } {
  const random = createRandom(seed);
  const world = createWorld(random, STRICT, Date.UTC(2026, 2, 2, 8));
  world.filesUrl = server.url;
  addChannel(world, "channel", ["U00000000", "U00000011"]);
  Object.assign(server, { world, requests: [], pageSize: () => random.between(1, 20) });
  server.tokens = new Map([
    ["xoxp-token", { kind: "user", scopes: ALL_SCOPES, user: "U00000000" }],
    ["xapp-token", { kind: "app", scopes: ["connections:write"], user: "" }],
  ]);
  server.sockets.owed.clear();
  const input = { mode: "web", token: "xoxp-token", appToken: "xapp-token", apiUrl: `${server.url}/api/` };
  const settings = { ...input, socketMinutes: 0.01, historyPerMinute: 1_000_000 };
  return { world, run: { server, journal: new MemoryJournal(), input: settings, crash: () => undefined } };
}

async function prove(seed: number): Promise<void> {
  const { run, world } = prepare(seed);
  const { random } = world;
  const told = new Map<string, string[]>();
  world.listeners.add((event, channel) => {
    if (!isReadable({ world, user: "U00000000", isBot: false }, channel)) return;
    const id = server.sockets.tell(event);
    if (id !== undefined) told.set(id, factsTold(event, channel.id));
  });
  for (let round = 0; round < 2; round += 1) {
    let crashes = random.between(0, 2);
    const listening = {
      ...run,
      crash: () => (crashes-- > 0 ? random.pick(["before", "after"] as const) : undefined),
    };
    let deeds = random.between(5, 25);
    const work = async () => {
      for (; deeds > 0; deeds -= 1) {
        world.now += random.pick([0, 500, 4000]);
        happen(world);
        if (random.chance(0.2)) await new Promise((resolve) => setTimeout(resolve, 5));
        if (random.chance(0.04)) return server.sockets.refresh();
        if (random.chance(0.04)) return server.sockets.cut();
      }
    };
    server.sockets.onConnect = () => void work();
    await readPartition(listening, SOCKET);
    for (; deeds > 0; deeds -= 1) happen(world);
    if (random.chance(0.5)) await readAll({ ...run, input: { ...run.input, appToken: undefined } });
    world.now += random.between(1, 40) * 3_600_000;
  }
  appearAll(world);
  for (let look = 0; look < 2; look += 1) {
    world.now += 31 * DAY_MS;
    await readPartition(run, SOCKET);
    await readAll({ ...run, input: { ...run.input, appToken: undefined } });
  }
  // What was not acknowledged when nobody listened any more, Slack would tell again.
  const heard = [...told].filter(([id]) => !server.sockets.owed.has(id)).flatMap(([, facts]) => facts);
  const archived = archivedFacts(run.journal);
  const standing = [...world.channels.values()]
    .filter((channel) => isReadable({ world, user: "U00000000", isBot: false }, channel))
    .flatMap((channel) =>
      [...channel.messages.values()]
        .filter(({ subtype }) => subtype !== "dlp_tombstone")
        .flatMap((message) => factsOf(channel, message)),
    );
  expect(
    [...heard, ...standing].filter((text) => !archived.has(text)),
    `seed ${seed}: missing`,
  ).toEqual([]);
  expect(
    [...archived].filter((text) => !world.happened.has(text)),
    `seed ${seed}: never happened`,
  ).toEqual([]);
  expect(heard.length * 2, `seed ${seed}: hardly anything was acknowledged`).toBeGreaterThan(told.size);
  expect(
    doubledFacts(run.journal).filter((text) => !/^\["(un)?reaction"/.test(text)),
    `seed ${seed}: archived twice`,
  ).toEqual([]);
  proveReactionsOnce(run, seed);
  for (const event of run.journal.capturedEvents())
    expect(events[event.type as keyof typeof events](event).to.length).toBeGreaterThan(0);
}

function factsTold(event: JsonObject, channel: string): string[] {
  const item = event["item"] as JsonObject | undefined;
  const said = (event["message"] ?? event) as { ts: string; text: string; edited?: { ts: string } };
  if (event["type"] === "reaction_added")
    return [fact("reaction", channel, `${item?.["ts"]}`, `${event["reaction"]}`, `${event["user"]}`)];
  if (event["type"] === "reaction_removed")
    return [fact("unreaction", channel, `${item?.["ts"]}`, `${event["reaction"]}`, `${event["user"]}`)];
  if (event["subtype"] === "message_deleted") return [fact("delete", channel, `${event["deleted_ts"]}`)];
  return [fact("message", channel, said.ts, said.edited?.ts ?? "", said.text)];
}

/** What Slack told of a reaction is not seen once more by comparing. What happened while nobody listened may be missing. */
function proveReactionsOnce({ journal }: Run, seed: number): void {
  const byKey = new Map<string, { at: string; type: string; isSeen: boolean }[]>();
  for (const { key, version = "", type } of journal.events.values()) {
    if (!key.includes("#reaction/")) continue;
    const entry = { at: version.replace("seen-", ""), type, isSeen: version.startsWith("seen-") };
    byKey.set(key, [...(byKey.get(key) ?? []), entry]);
  }
  for (const [key, found] of byKey) {
    const inOrder = found.toSorted((one, other) => (one.at < other.at ? -1 : 1));
    const twice = inOrder.filter(({ type, isSeen }, index) => isSeen && inOrder[index - 1]?.type === type);
    expect(twice, `seed ${seed}: ${key}`).toEqual([]);
    expect(inOrder[0]?.isSeen && inOrder[0].type, `seed ${seed}: ${key}`).not.toBe("ReactionRemoved");
  }
}

test("an event is acknowledged after the page that holds it was taken, and not before", async () => {
  const { run, world } = prepare(1);
  const [channel] = world.channels.values();
  if (!channel) throw new Error("There is no channel.");
  world.listeners.add((event) => void server.sockets.tell(event));
  server.sockets.onConnect = () => {
    server.sockets.onConnect = () => {};
    post(world, channel);
  };
  await using http = { client: openHttp(run), [Symbol.asyncDispose]: () => http.client.close() };
  const pages = read(contextOf(run, http.client, new Date(world.now), SOCKET));
  const first = await pages.next();
  expect(first.value && "events" in first.value && first.value.events.map(({ type }) => type)).toEqual(["Message"]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(server.sockets.owed.size).toBe(1);
  const rest = pages.next();
  await expect.poll(() => server.sockets.owed.size).toBe(0);
  expect((await rest).done).toBe(true);
  await expect.poll(() => server.sockets.isConnected).toBe(false);
});

test("an app-level token that Slack refuses stops the source with the scope that is missing", async () => {
  const { run, world } = prepare(1);
  server.tokens.set("xapp-token", { kind: "app", scopes: [], user: "" });
  await using http = { client: openHttp(run), [Symbol.asyncDispose]: () => http.client.close() };
  const pages = read(contextOf(run, http.client, new Date(world.now), SOCKET));
  await expect(pages.next()).rejects.toSatisfy(
    (error) => isHansardError(error, "authentication") && error.message.includes("connections:write"),
  );
});
