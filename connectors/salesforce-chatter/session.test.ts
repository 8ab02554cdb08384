import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isHansardError, RateLimitedError } from "@hansard/core";
import { afterEach, expect, test } from "vitest";
import { MemoryJournal } from "@hansard/testkit";
import { type ConnectedApp, type SalesforceServer, startSalesforce } from "../../tooling/servers/salesforce/index.ts";
import { check } from "./src/read/check.ts";
import { openSession } from "./src/read/session.ts";
import { audienceOf } from "./src/read/sign-in.ts";
import { Settings } from "./src/schema.ts";
import { addPost, addUser, quietOrganization } from "./testing/fixed.ts";
import { contextOf, readToEnd } from "./testing/harness.ts";
import { APP, jwtSettings } from "./testing/salesforce.ts";

const servers: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(options: Partial<Parameters<typeof startSalesforce>[0]> = {}): Promise<SalesforceServer> {
  const organization = quietOrganization();
  for (let count = 0; count < 10; count += 1) addPost(organization, addUser(organization, `User${count}`));
  const server = await startSalesforce({ organization, app: { ...APP }, ...options });
  servers.push(server);
  return server;
}

const REFRESHED: ConnectedApp = {
  clientId: "app",
  clientSecret: "consumer",
  username: "a",
  audience: "x",
  refreshToken: "first",
  rotates: true,
};

function refreshSettings(url: string, refreshToken = "first"): Settings {
  return Settings.parse({
    loginUrl: url,
    clientId: "app",
    signIn: { method: "refresh-token", refreshToken, clientSecret: "consumer" },
  });
}

function open(settings: Settings, journal: MemoryJournal = new MemoryJournal()) {
  return openSession(contextOf(journal, "feed", settings, new Date()));
}

test("reading stops before the share of the API requests is used up, and says when to go on", async () => {
  const server = await start({ dailyLimit: 100, pageSize: () => 1 });
  const greedy = async () => {
    const session = await open(jwtSettings(server.url, { apiShare: 0.1 }));
    for (let count = 0; count < 3; count += 1) await session.rows("SELECT Id FROM FeedItem ORDER BY Id");
  };
  const limited = await greedy().catch((cause: unknown) => cause);
  if (!(limited instanceof RateLimitedError)) throw limited;
  expect(limited.retryAt.getTime()).toBeGreaterThan(Date.now());
  expect(limited.retryAt.getTime()).toBeLessThanOrEqual(Date.now() + 3_600_000);
  expect(server.usage.used).toBeLessThanOrEqual(11);
});

test("a used up quota is a limit and not a refused sign-in", async () => {
  const server = await start({ dailyLimit: 0 });
  await expect(open(jwtSettings(server.url)).then((session) => session.rows("SELECT Id FROM User"))).rejects.toSatisfy(
    (error) => isHansardError(error, "rate-limited"),
  );
});

test("an expired sign-in is renewed within a request", async () => {
  const server = await start({ tokenRequests: () => 2, pageSize: () => 1 });
  const session = await open(jwtSettings(server.url));
  expect(await session.rows("SELECT Id FROM FeedItem")).toHaveLength(10);
});

test("a sign-in that stays refused ends in an error and not in a loop", async () => {
  const server = await start({ tokenRequests: () => 0 });
  await expect(open(jwtSettings(server.url)).then((session) => session.rows("SELECT Id FROM User"))).rejects.toSatisfy(
    (error) => isHansardError(error, "authentication"),
  );
  expect(server.requests.length).toBeLessThanOrEqual(2);
});

test("an assertion for another audience is refused with a remedy", async () => {
  const server = await start();
  const settings = Settings.parse({
    ...JSON.parse("{}"),
    loginUrl: server.url,
    clientId: APP.clientId,
    signIn: { method: "jwt", username: APP.username, privateKey: "no key" },
  });
  await expect(open(settings)).rejects.toThrow("The private key is not an RSA key in PEM form.");
  const other = await start({ app: { ...APP, audience: "https://test.salesforce.com" } });
  await expect(open(jwtSettings(other.url))).rejects.toSatisfy(
    (error) =>
      isHansardError(error, "authentication") &&
      error.message.includes("audience is invalid") &&
      error.remedy !== undefined,
  );
});

test.each([
  ["https://login.salesforce.com", "https://login.salesforce.com"],
  ["https://test.salesforce.com", "https://test.salesforce.com"],
  ["https://acme.my.salesforce.com", "https://login.salesforce.com"],
  ["https://acme--dev.sandbox.my.salesforce.com", "https://test.salesforce.com"],
  ["https://acme--dev.cs42.my.salesforce.com", "https://test.salesforce.com"],
  ["https://my.salesforce.com.example.org", "https://my.salesforce.com.example.org"],
])("an assertion for a sign-in at %s names %s", (loginUrl, audience) => {
  expect(audienceOf(loginUrl)).toBe(audience);
});

test("a refresh token that rotates is used once by partitions that start together, and its successor survives a restart", async () => {
  const app = { ...REFRESHED };
  const server = await start({ app, tokenRequests: () => 3 });
  const journal = new MemoryJournal();
  const settings = refreshSettings(server.url);
  const sessions = await Promise.all([1, 2, 3, 4].map(() => open(settings, journal)));
  for (const session of sessions) expect(await session.rows("SELECT Id FROM FeedItem")).toHaveLength(10);
  expect([...journal.state.values()].join()).toContain(app.refreshToken);
  expect([...journal.state.values()].join()).not.toContain('"first":"first"');

  // Another process knows nothing but the settings and the state; a fresh address stands in for its empty memory.
  const restarted = await open({ ...settings, instanceUrl: server.url }, journal);
  expect(await restarted.rows("SELECT Id FROM FeedItem")).toHaveLength(10);
});

test("a refresh token is not used where its successor could not be remembered", async () => {
  const app = { ...REFRESHED };
  const server = await start({ app });
  const context = contextOf(new MemoryJournal(), "feed", refreshSettings(server.url), new Date());
  const put = () => Promise.reject(new Error("The disk is full."));
  await expect(openSession({ ...context, state: { ...context.state, put } })).rejects.toThrow("The disk is full.");

  expect(app.refreshToken).toBe("first");
});

test("processes that sign in at the same time use each refresh token once", async () => {
  const app = { ...REFRESHED };
  const used = new Set<string | undefined>();
  const server = await start({ app });
  const journal = new MemoryJournal();
  let turn: Promise<unknown> = Promise.resolve();
  function exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(() => used.add(app.refreshToken)).then(work);
    turn = result.catch(() => undefined);
    return result;
  }
  // Processes share the state and nothing else; an address of its own stands in for each one's memory.
  const processes = ["", "/", "//"].map((path) => {
    const context = contextOf(journal, "feed", refreshSettings(server.url), new Date());
    const settings = { ...context.settings, instanceUrl: server.url + path };
    return openSession({ ...context, settings, state: { ...context.state, exclusive } });
  });
  await Promise.all(processes);

  expect(used.size).toBe(3);
});

test("the token goes to Salesforce's own hosts only", async () => {
  const server = await start({ instanceUrl: "https://salesforce.com.example.org" });
  await expect(open(jwtSettings(server.url))).rejects.toThrow(
    "https://salesforce.com.example.org is not one of Salesforce's",
  );
});

test("a redirect is not followed, so that the token stays here", async () => {
  let stolen = 0;
  const thief = createServer((_, response) => {
    stolen += 1;
    response.end("{}");
  });
  await new Promise<void>((resolve) => thief.listen(0, "127.0.0.1", resolve));
  servers.push({ close: () => void thief.close() });
  const address = thief.address();
  const server = await start({
    intercept: (request, response) => {
      if (!request.url?.includes("/query")) return false;
      response
        .writeHead(302, { location: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/` })
        .end();
      return true;
    },
  });
  await expect(open(jwtSettings(server.url)).then((session) => session.rows("SELECT Id FROM User"))).rejects.toSatisfy(
    (error) => isHansardError(error, "unexpected-response"),
  );
  expect(stolen).toBe(0);
});

test("with a gateway all data comes through it, and only the sign-in does not", async () => {
  const direct = await start();
  const gateway = createServer((request, response) => {
    seen.push(request.url ?? "");
    void decrypt(request, response);
  });
  async function decrypt(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await fetch(direct.url + request.url, {
      headers: { authorization: request.headers.authorization ?? "" },
    });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
    response.end((await answer.text()).replaceAll("Hello", "Decrypted"));
  }
  const seen: string[] = [];
  await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
  servers.push({ close: () => void gateway.close() });
  const address = gateway.address();
  const gatewayUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  const journal = new MemoryJournal();
  await readToEnd(journal, "feed", {
    settings: jwtSettings(direct.url, { gatewayUrl }),
    now: direct.options.organization.now,
  });

  expect([...journal.events.values()].map(({ data }) => data)).toEqual(
    Array.from({ length: 10 }, () => expect.objectContaining({ item: expect.objectContaining({ Body: "Decrypted" }) })),
  );
  expect(seen.length).toBe(direct.requests.length);
});

test("what may be filtered and sorted is asked anew when Salesforce refuses by what was known", async () => {
  const server = await start();
  const { organization } = server.options;
  const settings = jwtSettings(server.url);
  const journal = new MemoryJournal();
  await readToEnd(journal, "comments", { settings, now: organization.now });
  const changed = organization.rules["FeedComment"]?.fields.find(({ name }) => name === "SystemModstamp");
  Object.assign(changed ?? {}, { filterable: false });
  organization.advance(3_600_000);
  const ann = organization.all("User")[0]?.Id ?? "";
  organization.insert("FeedComment", {
    CommentBody: "New",
    CreatedById: ann,
    CreatedDate: organization.time(),
    FeedItemId: organization.all("FeedItem")[0]?.Id ?? "",
  });
  await readToEnd(journal, "comments", { settings, now: organization.now });
  expect([...journal.events.values()].map(({ type }) => type)).toEqual(["Comment"]);
});

test("an answer that is cut off is a failure that passes, and does not end the process", async () => {
  const server = await start({ faults: { cutBody: 1 } });
  await expect(
    open(jwtSettings(server.url)).then((session) => session.rows("SELECT Id, Body FROM FeedItem")),
  ).rejects.toSatisfy((error) => isHansardError(error, "unavailable"));
});

test("check says what is missing and what to do about it", async () => {
  const server = await start();
  const context = () => contextOf(new MemoryJournal(), "feed", jwtSettings(server.url), new Date());
  expect((await check(context())).map(({ level }) => level)).toEqual(["ok", "ok", "warning"]);

  Object.assign(server.options.organization.all("UserPermissionAccess")[0] ?? {}, {
    PermissionsViewAllData: false,
    PermissionsQueryAllFiles: false,
  });
  const findings = await check(context());
  expect(findings.filter(({ level }) => level !== "ok").map(({ message }) => message)).toEqual([
    "The integration user lacks the permission View All Data.",
    "The integration user lacks the permission Query All Files.",
    expect.stringMatching(/clock differs/),
  ]);
  for (const { level, remedy } of findings) expect(level === "ok" || remedy !== undefined).toBe(true);
});

test("no secret of the settings shows in an error or when they are printed", async () => {
  const settings = refreshSettings("http://127.0.0.1:9", "the-refresh-token");
  const error = await open(settings).catch((cause: unknown) => cause);
  const shown = `${JSON.stringify(settings)} ${String(error)} ${error instanceof Error ? error.stack : ""}`;
  expect(shown).not.toContain("the-refresh-token");
  expect(isHansardError(error, "unavailable")).toBe(true);
});
