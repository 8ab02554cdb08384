import { type HansardError, isHansardError, type KnownEvent } from "@hansard/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  addChannel,
  post,
  type SlackServer,
  type World,
  type WorldChannel,
} from "../../tooling/servers/slack/index.ts";
import { check, enumerate } from "./src/read.ts";
import { contextOf, openHttp, readAll, type Run } from "./testing/harness.ts";
import { openOneChannel } from "./testing/one-channel.ts";

const NOBODY = { id: "none", name: "none" };

let server: SlackServer;
let world: World;
let channel: WorldChannel;
let run: Run;
let discovery: Run;

beforeEach(async () => {
  ({ server, world, channel, run, discovery } = await openOneChannel());
});
afterEach(() => server.close());

async function failure(input: Record<string, unknown>): Promise<HansardError> {
  const error: unknown = await readAll({ ...run, input: { ...run.input, ...input } }).catch(
    (reason: unknown) => reason,
  );
  if (!isHansardError(error)) throw new Error("It did not fail as it should.", { cause: error });
  return error;
}

describe("tokens", () => {
  test("a token of the wrong kind stops the source", async () => {
    expect(await failure({ mode: "discovery" })).toMatchObject({ kind: "authentication" });
    expect(await failure({ token: "xoxp-organisation" })).toMatchObject({ kind: "authentication" });
    expect(await failure({ token: "unknown" })).toMatchObject({ kind: "authentication" });
  });

  test("a missing scope is named with what the token has", async () => {
    server.tokens.set("xoxp-person", { kind: "user", scopes: ["channels:read", "users:read"], user: "U00000000" });
    const { kind, message, remedy } = await failure({});
    expect(kind).toBe("authentication");
    expect(message).toContain("It needs the scope groups:read; the token has channels:read,users:read.");
    expect(remedy).toContain("README");
  });

  test("check says what is wrong, and what the token reads", async () => {
    const findings = async (input: Record<string, unknown>) => {
      const http = openHttp(run);
      const found = await check(
        contextOf({ ...run, input: { ...run.input, ...input } }, http, new Date(world.now), NOBODY),
      );
      await http.close();
      return found.map(({ level, message }) => `${level}: ${message}`).join("\n");
    };
    expect(await findings({})).toContain(
      "warning: The token reads 1 conversations, 0 of them direct messages; 0 are excluded.",
    );
    expect(await findings({ mode: "discovery", token: "xoxp-organisation" })).toContain(
      "ok: The token reads 1 conversations",
    );
    expect(await findings({ token: "unknown" })).toContain("error: Slack refused auth.test: invalid_auth.");
  });
});

test("an agenda keeps a conversation until it was read to its end, whatever ends the run", async () => {
  const other = addChannel(world, "private", ["U00000000"]);
  await readAll(discovery);
  const { ts } = post(world, other);
  world.now += 2 * 3_600_000;
  server.requests.length = 0;
  const stopped = { ...discovery, crash: () => { throw new Error("Power is gone."); } }; // prettier-ignore
  await expect(readAll(stopped)).rejects.toThrow("Power is gone.");
  // So late that Slack does not list the conversation as changed any more.
  world.now += 30 * 3_600_000;
  await readAll(discovery);
  expect([...run.journal.events.keys()].some((key) => key.startsWith(`${other.id}:${ts}`))).toBe(true);
});

test("a conversation in which nothing happened is not read again before its time", async () => {
  post(world, channel);
  world.now += 2 * 3_600_000;
  await readAll(discovery);
  world.now += 2 * 24 * 3_600_000;
  server.requests.length = 0;
  await readAll(discovery);
  expect(server.requests).not.toContain("discovery.conversations.history");
});

test("enumerating gives the keys of all messages that stand, replies too", async () => {
  const root = post(world, channel);
  post(world, channel, { thread: root.ts });
  world.now += 5000;
  await readAll(run);
  const http = openHttp(run);
  const keys: KnownEvent["key"][] = [];
  for await (const { key } of enumerate(contextOf(run, http, new Date(world.now), NOBODY))) keys.push(key);
  await http.close();
  expect(keys.toSorted()).toEqual([...run.journal.events.values()].map(({ key }) => key).toSorted());
});

test.each([0, 1])(
  "a reply is found at once though the one after it was also sent to the channel, over %i crashes",
  async (crashes) => {
    await readAll(run);
    world.now += 60_000;
    server.pageSize = () => 1;
    const root = post(world, channel);
    const hidden = post(world, channel, { thread: root.ts });
    post(world, channel, { thread: root.ts, subtype: "thread_broadcast" });
    world.now += 5000;
    let left = crashes;
    await readAll({ ...run, crash: () => (left-- > 0 ? "after" : undefined) });
    expect([...run.journal.events.values()].map(({ key }) => key)).toContain(`${channel.id}:${hidden.ts}`);
  },
);

test.each(["web", "discovery"])(
  "replies that Slack counts and does not show are a gap in mode %s, until it shows them",
  async (mode) => {
    const asked = mode === "web" ? run : discovery;
    const root = post(world, channel);
    root.more = { thread_ts: root.ts, reply_count: 2, latest_reply: root.ts.replace(/\d$/, "9") };
    world.now += 5000;
    await readAll(asked);
    const gap = `${channel.id}:${root.ts}#replies`;
    expect(run.journal.gaps.get(gap)).toMatchObject({ events: 2 });
    world.now += 25 * 3_600_000;
    await readAll(asked);
    expect(run.journal.gaps.get(gap)).toMatchObject({ events: 2 });
    root.more = {};
    post(world, channel, { thread: root.ts });
    post(world, channel, { thread: root.ts });
    world.now += 25 * 3_600_000;
    await readAll(asked);
    expect([...run.journal.gaps.keys()]).toEqual([]);
    expect(run.journal.events.size).toBe(3);
  },
);
