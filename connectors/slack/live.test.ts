import { type CapturedEvent, type MessageDraft } from "@hansard/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import {
  ALL_SCOPES,
  appearAll,
  createRandom,
  createWorld,
  fact,
  factsOf,
  happen,
  isReadable,
  membersAt,
  type SlackServer,
  startSlack,
  STRICT,
  type World,
  type WorldChannel,
  type WorldMessage,
} from "../../tooling/servers/slack/index.ts";
import { events } from "./src/map.ts";
import { stringsAt } from "./src/schema/json.ts";
import { archivedFacts, doubledFacts } from "./testing/facts.ts";
import { readAll, type Run } from "./testing/harness.ts";

const SEEDS = Number(process.env["HANSARD_SEEDS"] ?? 120);
const FIRST = Number(process.env["HANSARD_FIRST_SEED"] ?? 1);
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const FAULTS = { unavailable: 0.02, limited: 0.02, cut: 0.01, cutBody: 0.01, internal: 0.01, lostCursor: 0.1 };

type Kind = "organisation" | "bot" | "user";

let server: SlackServer;
beforeAll(async () => {
  server = await startSlack(createWorld(createRandom(0), STRICT, Date.UTC(2026, 2, 2)));
});
afterAll(() => server.close());

// Each seed is a history of its own for one of the three.
describe.each([
  ["discovery", "organisation", [0, 2]],
  ["web", "bot", [1]],
  ["web", "user", [3]],
] as const)("mode %s with the token of a %s", (mode, kind, turns: readonly number[]) => {
  const seeds = Array.from({ length: SEEDS }, (_, index) => FIRST + index).filter((seed) => turns.includes(seed % 4));
  test(
    `archives what happened, event for event, for ${seeds.length} seeds`,
    { timeout: 60_000 + SEEDS * 1000 },
    async () => {
      for (const seed of seeds) await prove(mode, kind, seed);
    },
  );
});

async function prove(mode: "discovery" | "web", kind: Kind, seed: number): Promise<void> {
  const random = createRandom(seed);
  const variant = {
    repliesInHistory: random.chance(0.5),
    editsByEditTime: random.chance(0.5),
    recordsBefore: random.chance(0.5),
    editsAreRecent: random.chance(0.5),
    latestIsInclusive: random.chance(0.5),
    silent: random.pick([0, 0.3]),
    ...(random.chance(0.5) && { namesAtMost: 1 }),
  };
  const world = createWorld(random, variant, Date.UTC(2026, 2, 2, 8));
  world.filesUrl = server.url;
  const isBusy = random.chance(0.4);
  const pageSizes = random.pick([[1, 2, 3], [2, 7, 20], [1000]]);
  const crashes = random.pick([0, 0.05, 0.15]);
  const token = `xox-${kind}-token-${seed}`;
  Object.assign(server, { world, faults: {}, requests: [], pageSize: () => random.pick(pageSizes), beforeAnswer() {} });
  server.tokens = new Map([
    [token, { kind, scopes: kind === "organisation" ? ["discovery:read"] : ALL_SCOPES, user: "U00000000" }],
  ]);
  const journal = new MemoryJournal();
  // Each safety net is shown alone: reading all again, or reading many days again.
  const depth = random.chance(0.5) ? {} : { wholeScanDays: 0, rescanDays: 300 };
  const run: Run = {
    server,
    journal,
    input: { mode, token, apiUrl: `${server.url}/api/`, ...unlimited(mode), ...depth },
    crash: () => (random.chance(crashes) ? random.pick(["before", "after"] as const) : undefined),
  };
  const must = new Set<string>();
  let since = "";
  for (let round = 0; round < 3; round += 1) {
    work(world, random.between(3, 25));
    server.faults = random.chance(0.6) ? FAULTS : {};
    if (isBusy) server.beforeAnswer = () => (random.chance(0.05) ? happen(world) : undefined);
    await readAll(run);
    server.beforeAnswer = () => {};
    // What was said since the last round must be there at once, whatever waits for a second look.
    if (!isBusy)
      for (const text of factsSince(world, kind, { since, archived: archivedFacts(journal) })) must.add(text);
    since = String(Math.floor(world.now / 1000));
    world.now += random.between(1, 30) * HOUR_MS;
  }
  // Nothing more happens, and all is looked at again.
  appearAll(world);
  for (let look = random.between(0, 1); look < 2; look += 1) {
    world.now += 31 * DAY_MS;
    await readAll(run);
  }
  const archived = archivedFacts(journal);
  for (const text of finalFacts(world, kind, archived)) must.add(text);
  expect(
    [...must].filter((text) => !archived.has(text)),
    `seed ${seed}: missing`,
  ).toEqual([]);
  expect(
    [...archived].filter((text) => !world.happened.has(text)),
    `seed ${seed}: never happened`,
  ).toEqual([]);
  expect(doubledFacts(journal), `seed ${seed}: archived twice`).toEqual([]);
  expect(
    [...journal.gaps.keys()].filter((id) => id.endsWith("#replies")),
    `seed ${seed}: replies that were counted`,
  ).toEqual([]);
  for (const event of journal.capturedEvents()) proveMapped(event, world, { seed, isBusy });
}

function unlimited(mode: string): object {
  return mode === "discovery" ? { requestsPerMinute: 1_000_000, requestsPerSecond: 1e6 } : { historyPerMinute: 1e6 };
}

function work(world: World, deeds: number): void {
  for (let done = 0; done < deeds; done += 1) {
    world.now += world.random.pick([0, 0, 1, 700, 90_000, HOUR_MS]);
    happen(world);
  }
  world.now += 2000;
}

function sees(world: World, kind: Kind, channel: WorldChannel): boolean {
  return kind === "organisation" || isReadable({ world, user: "U00000000", isBot: kind === "bot" }, channel);
}

/** What the newest messages show, as far as the mode sees them at once. */
function factsSince(world: World, kind: Kind, { since, archived }: { since: string; archived: Set<string> }): string[] {
  return [...world.channels.values()]
    .filter((channel) => sees(world, kind, channel))
    .flatMap((channel) =>
      [...channel.messages.values()]
        .filter(
          ({ ts, thread, subtype }) =>
            ts > since && (thread === undefined || thread > since || subtype === "thread_broadcast"),
        )
        .flatMap((message) => shownFacts(channel, message, archived)),
    );
}

/** A message that a filter has hidden is an event of its own where it was captured before. */
function shownFacts(channel: WorldChannel, message: WorldMessage, archived: Set<string>): string[] {
  const beginning = fact("message", channel.id, message.ts).slice(0, -1);
  const wasSaid = (text: string) => text.startsWith(beginning) && !text.includes(message.text);
  if (message.subtype !== "dlp_tombstone" || ![...archived].some(wasSaid)) return factsOf(channel, message);
  return [fact("hidden", channel.id, message.ts)];
}

/** What stands at the end, what Slack recorded, and that what was captured and is gone has a tombstone. */
function finalFacts(world: World, kind: Kind, archived: Set<string>): string[] {
  return [...world.channels.values()]
    .filter((channel) => sees(world, kind, channel))
    .flatMap((channel) => {
      const shown = [...channel.messages.values()].flatMap((message) => shownFacts(channel, message, archived));
      const gone = [...archived]
        .map((text): string[] => JSON.parse(text))
        .flatMap(([what = "", id = "", ts = "", ...rest]) => {
          if (id !== channel.id) return [];
          if (what === "message" && !channel.messages.has(ts)) return [fact("delete", id, ts)];
          const [name = "", user = ""] = rest;
          const isTaken =
            what === "reaction" &&
            channel.messages.get(ts)?.reactions.get(name)?.has(user) !== true &&
            channel.messages.has(ts);
          return isTaken ? [fact("unreaction", id, ts, name, user)] : [];
        });
      const recorded =
        kind !== "organisation"
          ? []
          : channel.records.flatMap(({ of, record }) => recordedFacts(channel.id, of, record));
      return [...shown, ...gone, ...recorded];
    });
}

function recordedFacts(channel: string, ts: string, record: Record<string, unknown>): string[] {
  const version = ({ edited, text }: { edited?: { ts: string }; text?: string }) =>
    fact("message", channel, ts, edited?.ts ?? "", text ?? "");
  return [
    ...(record["original"] ? [version(record["original"])] : []),
    record["subtype"] === "message_deleted" ? fact("delete", channel, ts) : version(record),
  ];
}

function proveMapped(event: CapturedEvent, world: World, { seed, isBusy }: { seed: number; isBusy: boolean }): void {
  const map = (events as Record<string, (event: CapturedEvent) => MessageDraft>)[event.type];
  const message = map?.(event);
  expect(message?.to.length, `seed ${seed}: ${event.key}`).toBeGreaterThan(0);
  expect(message?.from.id && message.date).toBeTruthy();
  // While people come and go during the reading itself, nobody can say who was there.
  const ts = event.key.slice(event.key.indexOf(":") + 1);
  if (isBusy || event.version !== "" || ts.includes("#")) return;
  const channel = world.channels.get(event.key.split(":")[0] ?? "");
  const [since, left, joined] = [event.context["membersSince"], new Set<string>(), new Set<string>()];
  for (const id of stringsAt(since, "left")) left.add(id);
  for (const id of stringsAt(since, "joined")) joined.add(id);
  const members = [...stringsAt(event.context["members"], "ids").filter((id) => !left.has(id)), ...joined].sort();
  expect(members, `seed ${seed}: ${event.key}`).toEqual(channel && membersAt(channel, Number(ts.slice(0, 10))));
}
