import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type XServer,
  addEncrypted,
  addMessage,
  addPost,
  addUser,
  createRandom,
  startXServer,
} from "../../tooling/servers/x/index.ts";
import { Crash, type Journal, type Run, contextOf, createJournal, readOnce, runAll } from "./harness.test.support.ts";
import { check, hosts, read } from "./src/read.ts";
import { Settings } from "./src/schema.ts";

const POSTS = { id: "posts:1", name: "posts of account 1" };
let server: XServer;
let journal: Journal;
beforeAll(async () => {
  server = await startXServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.reset(1);
  journal = createJournal();
  addUser(server.world, { id: "1", username: "acme" });
  addPost(server.world, { author: "1", text: "Hello" });
});

function runWith(account: object, rest: object = {}): Run {
  const settings = Settings.parse({
    apiUrl: server.url,
    mediaHosts: [new URL(server.url).host],
    clientId: "client",
    accounts: [{ id: "1", streams: ["posts"], ...account }],
    ...rest,
  });
  return { server, settings, journal, random: createRandom(1), crash: 0 };
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const exchanges = () => server.requests.filter((request) => request === "POST /2/oauth2/token").length;

test("the new refresh token is durable before its access token is used", async () => {
  const run = runWith({ refreshToken: server.consent("1") });
  const seen: string[] = [];
  const context = contextOf(run, POSTS);
  const put = context.state.put.bind(context.state);
  context.state.put = async (name, value) => {
    seen.push(`${value.includes("accessToken")} after ${server.requests.length} requests`);
    await put(name, value);
  };
  for await (const _ of read(context));

  expect(seen).toEqual(["false after 0 requests", "true after 1 requests"]);
  expect(server.requests[1]).toBe("GET /2/users/1");
});

test("a refresh token is used once, however many streams and reads need it", async () => {
  const run = runWith({ refreshToken: server.consent("1"), streams: ["posts", "mentions", "likes", "directMessages"] });
  await Promise.all(
    ["posts:1", "mentions:1", "likes:1", "directMessages:1"].map((id) => readOnce(run, { id, name: id })),
  );
  await runAll(run);

  expect(exchanges()).toBe(1);
});

test("of two processes that need a new token at once, one renews it and the other takes what it got", async () => {
  const refreshToken = server.consent("1");
  let turn: Promise<unknown> = Promise.resolve();
  function exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  }
  // Processes share the state and nothing else; an address of its own stands in for each one's memory.
  const processes = ["", "/"].map(async (path) => {
    const run = runWith({ refreshToken }, { apiUrl: server.url + path });
    const context = contextOf(run, POSTS);
    context.state.exclusive = exclusive;
    for await (const _ of read(context)) continue;
  });
  await Promise.all(processes);

  expect(exchanges()).toBe(1);
});

test("after a crash between use and storing, the refresh token is tried once more, then consent is asked for and nothing is sent again", async () => {
  const run = runWith({ refreshToken: server.consent("1") });
  const context = contextOf(run, POSTS);
  const put = context.state.put.bind(context.state);
  context.state.put = async (name, value) => {
    if (value.includes("accessToken")) throw new Crash("Before the token is durable.");
    await put(name, value);
  };
  await expect(read(context).next()).rejects.toBeInstanceOf(Crash);

  const second = await errorOf(readOnce(run, POSTS));
  const third = await errorOf(readOnce(run, POSTS));

  expect(second).toMatchObject({ kind: "authentication", remedy: expect.stringContaining("consent again") });
  expect(third).toMatchObject({ kind: "authentication", remedy: expect.stringContaining("consent again") });
  expect(exchanges()).toBe(2);
});

test("a new consent in the settings ends the trouble", async () => {
  const lost = runWith({ refreshToken: server.consent("1") });
  server.nextExchange = "lost-answer";
  expect(await errorOf(readOnce(lost, POSTS))).toMatchObject({ kind: "authentication" });

  await readOnce(runWith({ refreshToken: server.consent("1") }), POSTS);

  expect(journal.events.size).toBe(1);
});

test("an answer that was lost is followed by one more use and then by the demand for consent", async () => {
  const run = runWith({ refreshToken: server.consent("1") });
  server.nextExchange = "lost-answer";

  expect(await errorOf(readOnce(run, POSTS))).toMatchObject({
    kind: "authentication",
    remedy: expect.stringContaining("consent again"),
  });
  expect(await errorOf(readOnce(run, POSTS))).toMatchObject({ kind: "authentication" });
  expect(exchanges()).toBe(2);
});

test("a connection that is cut before X has seen the token costs nothing", async () => {
  const run = runWith({ refreshToken: server.consent("1") });
  server.nextExchange = "refused-connection";
  await readOnce(run, POSTS);

  expect(journal.events.size).toBe(1);
  expect(exchanges()).toBe(2);
});

test("when X fails with an error status the refresh token is kept for later, however often", async () => {
  const run = runWith({ refreshToken: server.consent("1") });
  for (let time = 0; time < 5; time += 1) {
    server.nextExchange = 503;
    expect(await errorOf(readOnce(run, POSTS))).toMatchObject({ kind: "unavailable" });
  }
  await readOnce(run, POSTS);

  expect(journal.events.size).toBe(1);
});

test("a wrong client secret is named as that, and does not cost the refresh token", async () => {
  server.signIns.clientSecret = "right";
  const refreshToken = server.consent("1");
  expect(await errorOf(readOnce(runWith({ refreshToken }, { clientSecret: "wrong" }), POSTS))).toMatchObject({
    kind: "authentication",
    remedy: expect.stringContaining("clientSecret"),
  });

  await readOnce(runWith({ refreshToken }, { clientSecret: "right" }), POSTS);

  expect(journal.events.size).toBe(1);
});

test("a file of a direct message is fetched with a new token where X has ended the old one before its time", async () => {
  const run = runWith({ refreshToken: server.consent("1"), streams: ["directMessages"] });
  const { world, signIns } = server;
  const message = addMessage(world, {
    type: "MessageCreate",
    conversation: "1-3",
    readers: ["1"],
    sender: "3",
    text: "See",
  });
  message.media.push("3_9");
  world.media.set("3_9", { key: "3_9", type: "photo", bytes: Uint8Array.of(9, 9), message: message.id });
  const context = contextOf(run, { id: "directMessages:1", name: "messages" });
  const download = context.http.download.bind(context.http);
  const refused: string[] = [];
  context.http.download = async (url, request) => {
    if (refused.length === 0) signIns.accessTokens.clear();
    refused.push(new URL(url).pathname);
    return download(url, request);
  };
  const events = [];
  for await (const page of read(context)) events.push(...page.events);

  expect(events.map(({ attachments }) => attachments)).toEqual([
    [expect.objectContaining({ id: "3_9", blob: expect.anything() })],
  ]);
  expect(refused).toHaveLength(2);
});

test("OAuth 1.0a signs every request as X demands", async () => {
  const { account: _, ...tokens } = server.signIns.oauth1;
  await readOnce(runWith({ oauth1: tokens }), POSTS);

  expect(journal.events.size).toBe(1);
});

test("a refused Bearer token is an AuthenticationError that shows no secret", async () => {
  const error = await errorOf(readOnce(runWith({}, { bearerToken: "very-secret-token" }), POSTS));

  expect(error).toMatchObject({ kind: "authentication" });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error ?? {}))).not.toContain("very-secret-token");
  expect(error).not.toHaveProperty("cause", expect.anything());
});

test("429 waits until X's reset, 5xx and cut connections are unavailable", async () => {
  const run = runWith({}, { bearerToken: server.signIns.bearerToken });
  server.limits = { user: 0 };
  const limited = await errorOf(readOnce(run, POSTS));
  server.limits = {};
  server.faults.serverError = 1;
  const failing = await errorOf(readOnce(run, POSTS));
  server.faults.serverError = 0;
  server.faults.cut = 1;
  const cuts = await Promise.all(Array.from({ length: 8 }, () => errorOf(readOnce(run, POSTS))));

  expect(limited).toMatchObject({ kind: "rate-limited", retryAt: new Date(server.world.now + 15 * 60_000 + 1000) });
  expect(failing).toMatchObject({ kind: "unavailable" });
  expect(new Set(cuts.map((error) => (error as { kind?: string }).kind))).toEqual(new Set(["unavailable"]));
});

test("missing scopes are named with what to do", async () => {
  const run = runWith({ refreshToken: server.consent("1", ["users.read"]) });

  expect(await errorOf(readOnce(run, POSTS))).toMatchObject({
    kind: "authentication",
    scope: { partition: "posts:1" },
    remedy: expect.stringContaining("scopes"),
  });
});

test("a protected account that is not shown is an error, never an empty timeline", async () => {
  const user = server.world.users.get("1");
  if (user) user.protected = true;

  expect(await errorOf(readOnce(runWith({}, { bearerToken: server.signIns.bearerToken }), POSTS))).toMatchObject({
    kind: "authentication",
    message: expect.stringContaining("not authorized"),
  });
  await readOnce(runWith({ refreshToken: server.consent("1") }), POSTS);
  expect(journal.events.size).toBe(1);
});

test("check names the account, what cannot be reached and the cost before it is spent", async () => {
  for (let count = 0; count < 3300; count += 1) addPost(server.world, { author: "1", text: `Post ${count}` });
  const run = runWith({ streams: ["posts", "mentions", "directMessages"], refreshToken: server.consent("1") });

  const findings = await check(contextOf(run, POSTS));

  expect(findings.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    "ok: Account 1 is @acme, with 3301 posts.",
    "ok: Direct messages of @acme can be read: those of the last 30 days, not the encrypted ones.",
    "warning: @acme has 3301 posts, and X gives only the newest 3,200.",
    "ok: The first read of @acme costs at most $4.01 (posts: 3200 at most, $3.2; mentions: 800 at most, $0.8; directMessages: not known beforehand, $0.01 each). Later reads cost what is new since, and the daily looks again.",
  ]);
});

test("check asks once for what needs a scope of its own, and tells that there are encrypted chats", async () => {
  addEncrypted(server.world, { conversation: "1:3", readers: ["1", "3"], sender: "3" });
  const streams = ["posts", "likes", "directMessages"];
  const messagesOf = async (scopes: string[], rest: object = {}) =>
    (await check(contextOf(runWith({ streams, refreshToken: server.consent("1", scopes) }, rest), POSTS))).map(
      ({ level, message }) => `${level}: ${message.slice(0, 60)}`,
    );
  const all = ["tweet.read", "users.read", "dm.read", "like.read"];

  expect(await messagesOf(all)).toEqual([
    "ok: Account 1 is @acme, with 1 posts.",
    "ok: Likes of @acme can be read.",
    "ok: Direct messages of @acme can be read: those of the last 30 d",
    "warning: @acme has encrypted conversations: who writes when is archiv",
    expect.stringMatching(/^ok: The first read/),
  ]);
  expect(await messagesOf(all, { encryptedChats: false })).toHaveLength(4);
  for (const lacking of ["like.read", "dm.read"])
    expect(await messagesOf(all.filter((scope) => scope !== lacking))).toEqual([
      expect.stringMatching(/^error: .*status 403/),
    ]);
});

test("check tells how far the clocks are apart, and a refused signature is told from wrong credentials", async () => {
  const { account: _, ...tokens } = server.signIns.oauth1;
  server.skewMs = -10 * 60_000;
  const [, clock] = await check(contextOf(runWith({ oauth1: tokens }), POSTS));
  expect(clock).toMatchObject({
    level: "warning",
    message: expect.stringMatching(/clock is (59\d|60\d) seconds ahead of/),
  });

  const refused = runWith({ oauth1: { ...tokens, accessToken: "another" } });
  expect(await errorOf(readOnce(refused, POSTS))).toMatchObject({ remedy: expect.stringContaining("clock") });
  server.skewMs = 0;
  expect(await errorOf(readOnce(refused, POSTS))).toMatchObject({ remedy: expect.not.stringContaining("clock") });
});

test("a read says what it costs before it asks for a post, and aloud from the sum that the settings name", async () => {
  const cheap = runWith({}, { bearerToken: server.signIns.bearerToken });
  await readOnce(cheap, POSTS);
  expect(journal.logged).toEqual([
    {
      level: "info",
      message: "Expected cost of this read, before it is spent",
      details: { partition: "posts:1", posts: 1, again: 0, usd: 0.015, first: true },
    },
  ]);
  expect(server.requests.filter((request) => request.endsWith("/tweets"))).toHaveLength(1);

  addPost(server.world, { author: "1", text: "Another" });
  journal.logged.length = 0;
  server.requests.length = 0;
  const loud = runWith({}, { bearerToken: server.signIns.bearerToken, noticeUsd: 0.02 });
  const context = contextOf(loud, POSTS);
  context.log.warn = () =>
    void journal.logged.push({ level: "warn", message: String(server.requests.length), details: {} });
  for await (const _ of read(context)) continue;
  expect(journal.logged).toEqual([{ level: "warn", message: "1", details: {} }]);
  expect(server.requests).toHaveLength(2);
});

test("what a read repeats is in its cost, and so is what full-archive search brings", async () => {
  for (let count = 0; count < 3300; count += 1) addPost(server.world, { author: "1", text: `Post ${count}` });
  const run = runWith({}, { bearerToken: server.signIns.bearerToken, fullArchiveSearch: true });
  await readOnce(run, POSTS);
  await readOnce(run, POSTS);

  expect(journal.logged.map(({ level, details }) => `${level} ${JSON.stringify(details)}`)).toEqual([
    'warn {"partition":"posts:1","posts":3301,"again":0,"first":true,"usd":16.515}',
    'warn {"partition":"posts:1","posts":3200,"again":3301,"first":false,"usd":16.01}',
  ]);
});

test("settings that cannot work are refused with the place and the remedy", () => {
  const issues =
    Settings.safeParse({ accounts: [{ id: "1", streams: ["directMessages"] }, { id: "@acme" }] }).error?.issues ?? [];

  expect(issues.map(({ path }) => path.join("."))).toContain("accounts.1.id");
  expect(
    Settings.safeParse({ accounts: [{ id: "1", streams: ["directMessages"] }] }).error?.issues.map(
      ({ message }) => message,
    ),
  ).toEqual([
    "Direct messages need the account's own refreshToken or oauth1.",
    "Give the account a refreshToken or oauth1, or set the app's bearerToken.",
  ]);
  expect(Settings.safeParse({}).error?.issues.map(({ message }) => message)).toEqual([
    "Name at least one account or archive.",
  ]);
});

test("hosts are X's own, and others only where the settings name them", () => {
  expect(hosts(Settings.parse({ bearerToken: "t", accounts: [{ id: "1" }] }))).toEqual([
    "api.x.com",
    "api.twitter.com",
    "pbs.twimg.com",
    "video.twimg.com",
    "ton.twitter.com",
  ]);
  expect(
    hosts(
      Settings.parse({
        bearerToken: "t",
        compliance: true,
        apiUrl: "http://127.0.0.1:81",
        mediaHosts: ["m.example"],
        accounts: [{ id: "1" }],
      }),
    ),
  ).toEqual(["127.0.0.1:81", "m.example", "storage.googleapis.com"]);
});
