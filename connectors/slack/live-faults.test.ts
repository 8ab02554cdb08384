import { type HansardError, isHansardError, type KnownEvent } from "@hansard/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import {
  addChannel,
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
} from "../../tooling/servers/slack/index.ts";
import { check, enumerate } from "./src/read.ts";
import { archivedFacts } from "./testing/facts.ts";
import { contextOf, openHttp, readAll, type Run } from "./testing/harness.ts";

const NOBODY = { id: "none", name: "none" };

let server: SlackServer;
let world: World;
let run: Run;

beforeEach(async () => {
  world = createWorld(createRandom(3), STRICT, Date.UTC(2026, 2, 2, 8));
  addChannel(world, "channel", ["U00000000", "U00000011"]);
  server = await startSlack(world);
  server.tokens.set("xoxp-person", { kind: "user", scopes: ALL_SCOPES, user: "U00000000" });
  server.tokens.set("xoxp-organisation", { kind: "organisation", scopes: ["discovery:read"], user: "" });
  const input = { mode: "web", token: "xoxp-person", apiUrl: `${server.url}/api/`, historyPerMinute: 1_000_000 };
  run = { server, journal: new MemoryJournal(), input, crash: () => undefined };
});
afterEach(() => server.close());

function channel() {
  const [first] = world.channels.values();
  if (!first) throw new Error("There is no channel.");
  return first;
}

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

describe("files", () => {
  test("a file that cannot be had now is fetched later, and its gap closes", async () => {
    const file = { id: "F00000001", name: "late.txt", bytes: Buffer.from("late"), isDeleted: false };
    const { ts } = post(world, channel(), { files: [file] });
    world.now += 5000;
    server.tokens.set("xoxp-person", {
      kind: "user",
      scopes: ALL_SCOPES.filter((scope) => scope !== "files:read"),
      user: "U00000000",
    });
    await readAll(run);
    expect([...run.journal.gaps.keys()]).toEqual([`${channel().id}:${ts}/F00000001`]);
    server.tokens.set("xoxp-person", { kind: "user", scopes: ALL_SCOPES, user: "U00000000" });
    world.now += 25 * 3_600_000;
    await readAll(run);
    expect([...run.journal.gaps.keys()]).toEqual([]);
    expect([...archivedFacts(run.journal)].filter((text) => text.startsWith('["file"'))).toHaveLength(1);
    expect([...run.journal.events.values()].map(({ key, version }) => `${key} ${version ?? ""}`.trim())).toEqual([
      `${channel().id}:${ts}`,
      `${channel().id}:${ts} file/F00000001`,
    ]);
  });

  test.each(["late", "hidden"] as const)(
    "a file that is %s is asked for after ever longer, until it is there",
    async (absence) => {
      const input = {
        mode: "discovery",
        token: "xoxp-organisation",
        apiUrl: `${server.url}/api/`,
        requestsPerMinute: 1_000_000,
        requestsPerSecond: 1_000_000,
      };
      const file = { id: "F00000001", name: "late.txt", bytes: Buffer.from("late"), isDeleted: false, absence };
      const message = post(world, channel(), { files: [file] });
      const asked: number[] = [];
      for (let hour = 0; hour < 24; hour += 1) {
        world.now += 3_600_000;
        server.requests.length = 0;
        await readAll({ ...run, input });
        if (server.requests.includes("discovery.file.info")) asked.push(hour);
      }
      // After an hour, then two, four and eight, though nothing happens in the conversation.
      expect(asked).toEqual([1, 3, 7, 15]);
      for (const shared of message.files) delete shared.absence;
      world.now += 16 * 3_600_000;
      await readAll({ ...run, input });
      expect([...run.journal.gaps.keys()]).toEqual([]);
      expect(run.journal.events.get(`${channel().id}:${message.ts}\nfile/F00000001`)?.attachments).toHaveLength(1);
      expect([...run.journal.followUps.values()].map(({ size }) => size)).toEqual([0]);
    },
  );

  test("an old version of the message, told later, does not put off a file that is due", async () => {
    const input = { mode: "discovery", token: "xoxp-organisation", apiUrl: `${server.url}/api/` };
    const discovery = { ...run, input: { ...input, requestsPerMinute: 1_000_000, requestsPerSecond: 1_000_000 } };
    const file = { id: "F00000001", name: "late.txt", bytes: Buffer.from("late"), isDeleted: false };
    const message = post(world, channel(), { files: [{ ...file, absence: "hidden" }] });
    world.now += 5000;
    await readAll(discovery);
    const edited = { user: message.user, ts: `${Math.floor(world.now / 1000)}.000200` };
    const record = { ...renderMessage(channel(), message, server.url), edited };
    channel().records.push({ at: edited.ts, of: message.ts, record });
    for (const shared of message.files) delete shared.absence;
    world.now += 2 * 3_600_000;
    let crashes = 1;
    await readAll({ ...discovery, crash: () => (crashes-- > 0 ? "after" : undefined) });
    expect([...run.journal.events.values()].map(({ type, version }) => `${type} ${version ?? ""}`.trim())).toEqual([
      "FileShare",
      `Edit ${edited.ts}`,
      "FileShare file/F00000001",
    ]);
    expect([...run.journal.gaps.keys()]).toEqual([]);
  });

  test("a file that Slack has no more is not asked for again, and its gap stays", async () => {
    const file = { id: "F00000001", name: "late.txt", bytes: Buffer.from("late"), isDeleted: false };
    const message = post(world, channel(), { files: [{ ...file, absence: "late" }] });
    world.now += 5000;
    await readAll(run);
    for (const shared of message.files) shared.isDeleted = true;
    world.now += 2 * 3_600_000;
    await readAll(run);
    expect([...run.journal.followUps.values()].map(({ size }) => size)).toEqual([0]);
    expect([...run.journal.gaps.values()].map(({ reason }) => reason).join()).toContain("It was deleted in Slack");
  });

  test("a link that leads elsewhere is not followed, and its host sees no token", async () => {
    const seen: JsonObject[] = [];
    const elsewhere = await startSlack(createWorld(createRandom(1), STRICT, world.now));
    elsewhere.beforeAnswer = () => void seen.push({});
    const file = { id: "F00000001", name: "bait.txt", bytes: Buffer.from("bait"), isDeleted: false };
    world.filesUrl = elsewhere.url;
    const message = post(world, channel(), { files: [file] });
    message.more = {
      files: [{ id: "F00000009", name: "bait", mode: "hosted", url_private: `${elsewhere.url}/files-pri/T1-F9/bait` }],
    };
    message.files = [];
    world.now += 5000;
    await readAll(run);
    await elsewhere.close();
    expect(elsewhere.requests.length + seen.length).toBe(0);
    expect([...run.journal.gaps.values()].map(({ reason }) => reason).join()).toContain("which is not Slack");
  });
});

test("an agenda keeps a conversation until it was read to its end, whatever ends the run", async () => {
  const input = {
    mode: "discovery",
    token: "xoxp-organisation",
    apiUrl: `${server.url}/api/`,
    requestsPerMinute: 1_000_000,
    requestsPerSecond: 1_000_000,
  };
  const discovery = { ...run, input };
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
  const input = {
    mode: "discovery",
    token: "xoxp-organisation",
    apiUrl: `${server.url}/api/`,
    requestsPerMinute: 1_000_000,
    requestsPerSecond: 1_000_000,
  };
  post(world, channel());
  world.now += 2 * 3_600_000;
  await readAll({ ...run, input });
  world.now += 2 * 24 * 3_600_000;
  server.requests.length = 0;
  await readAll({ ...run, input });
  expect(server.requests).not.toContain("discovery.conversations.history");
});

test("enumerating gives the keys of all messages that stand, replies too", async () => {
  const root = post(world, channel());
  post(world, channel(), { thread: root.ts });
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
    const root = post(world, channel());
    const hidden = post(world, channel(), { thread: root.ts });
    post(world, channel(), { thread: root.ts, subtype: "thread_broadcast" });
    world.now += 5000;
    let left = crashes;
    await readAll({ ...run, crash: () => (left-- > 0 ? "after" : undefined) });
    expect([...run.journal.events.values()].map(({ key }) => key)).toContain(`${channel().id}:${hidden.ts}`);
  },
);

test.each(["web", "discovery"])(
  "replies that Slack counts and does not show are a gap in mode %s, until it shows them",
  async (mode) => {
    const discovery = { token: "xoxp-organisation", requestsPerMinute: 1_000_000, requestsPerSecond: 1_000_000 };
    const asked = mode === "web" ? run : { ...run, input: { mode, apiUrl: `${server.url}/api/`, ...discovery } };
    const root = post(world, channel());
    root.more = { thread_ts: root.ts, reply_count: 2, latest_reply: root.ts.replace(/\d$/, "9") };
    world.now += 5000;
    await readAll(asked);
    const gap = `${channel().id}:${root.ts}#replies`;
    expect(run.journal.gaps.get(gap)).toMatchObject({ events: 2 });
    world.now += 25 * 3_600_000;
    await readAll(asked);
    expect(run.journal.gaps.get(gap)).toMatchObject({ events: 2 });
    root.more = {};
    post(world, channel(), { thread: root.ts });
    post(world, channel(), { thread: root.ts });
    world.now += 25 * 3_600_000;
    await readAll(asked);
    expect([...run.journal.gaps.keys()]).toEqual([]);
    expect(run.journal.events.size).toBe(3);
  },
);
