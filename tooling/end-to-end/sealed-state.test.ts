import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "@hansard/core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Answer, TestInstallation } from "./installation.ts";
import { addPost, addUser, startXServer, type XServer } from "../servers/x/index.ts";

let server: XServer;
let here: TestInstallation;
let printed: string[];

beforeAll(async () => {
  server = await startXServer();
});
afterAll(() => server.close());

beforeEach(() => {
  server.reset(1);
  addUser(server.world, { id: "1", username: "acme" });
  addPost(server.world, { author: "1", text: "Hello" });
  here = new TestInstallation(configuration(), {
    "connector-twitter": "connectors/twitter",
    archive: "packages/archive",
  });
  here.write("token", server.consent("1"));
  printed = [];
});

afterEach(() => here.remove());

test("no token that X gave is in the data folder, an export, the output or the logs, nor is the key", async () => {
  const given = new Set<string>();
  for (const words of [["run"], ["check"], ["run"], ["status", "--json"], ["gaps"], ["export", "out"], ["verify"]]) {
    expect(await hansard("--verbose", ...words)).toMatchObject({ code: 0 });
    const { refreshTokens, accessTokens } = server.signIns;
    for (const token of [...refreshTokens.keys(), ...accessTokens.keys()]) given.add(token);
    // X ends what it gave, so that each command that asks X has to renew it.
    accessTokens.clear();
  }
  const key = readFileSync(join(here.folder, ".hansard", "state.key"), "utf8").trim();

  expect(given.size).toBeGreaterThanOrEqual(6);
  const everything = [printed.join("\n"), filesIn("hansard-data"), filesIn("out")].join("\n");
  expect(everything).toContain("Hello");
  expect(
    [...given, key, Buffer.from(key, "base64").toString("latin1")].filter((secret) => everything.includes(secret)),
  ).toEqual([]);
}, 120_000);

test("check says with which key the state is sealed, and what is wrong with the key's place", async () => {
  expect(await findingsOfState()).toEqual([
    {
      of: "state",
      level: "ok",
      message: expect.stringMatching(/1 value\) with the key in .*state\.key, key [0-9a-f]{16}/),
    },
  ]);
  expect(statSync(join(here.folder, ".hansard", "state.key")).mode & 0o777).toBe(0o600);

  here.write("hansard.yaml", configuration("data: ."));
  chmodSync(join(here.folder, ".hansard", "state.key"), 0o644);
  expect((await findingsOfState()).map(({ level, message }) => `${level}: ${message.split("/").at(-1)}`)).toEqual([
    expect.stringMatching(/^ok: state\.key, key /),
    "warning: state.key.",
    "warning: state.key lies in the data folder, so that whoever copies that has the key too.",
  ]);

  here.write("key", randomBytes(32).toString("base64"));
  here.write("hansard.yaml", configuration("stateKey: ${file:./key}"));
  expect(await findingsOfState()).toEqual([
    { of: "state", level: "ok", message: expect.stringMatching(/sealed \(AES-256-GCM; 1 value\) with stateKey, key /) },
  ]);
}, 60_000);

test("a key that stands in the configuration, that is none, or that cannot be read is refused with what to do", async () => {
  await hansard("run");
  here.write("short", "abc");
  for (const [setting, reason] of [
    [randomBytes(32).toString("hex"), "stateKey is a secret and must not stand in the configuration"],
    ["${file:./short}", "stateKey holds no key of 32 bytes"],
    ["${env:NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE, which is not set"],
  ] as const) {
    here.write("hansard.yaml", configuration(`stateKey: ${setting}`));
    const { code, stdout, stderr } = await hansard("run");
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain(reason);
    if (!setting.startsWith("$")) expect(stdout + stderr).not.toContain(setting);
    expect((await hansard("status")).code).toBe(0);
  }
}, 60_000);

test("with another key the source stops and says how to sign in again, X is not asked, and after that it goes on", async () => {
  const exchanges = () => server.requests.filter((request) => request === "POST /2/oauth2/token").length;
  here.write("key", randomBytes(32).toString("base64"));
  here.write("hansard.yaml", configuration("stateKey: ${file:./key}"));
  expect((await hansard("run")).code).toBe(0);
  here.write("key", randomBytes(32).toString("base64"));
  addPost(server.world, { author: "1", text: "Later" });
  const before = exchanges();

  const stopped = await hansard("run");
  expect(stopped.code).toBe(1);
  expect(stopped.stdout).toContain("hansard state forget x");
  expect((await findingsOfState()).filter(({ level }) => level === "error")).toHaveLength(1);
  expect(exchanges()).toBe(before);

  here.write("token", server.consent("1"));
  expect((await hansard("state", "forget", "x")).stdout).toContain("oauth2:1");
  expect((await hansard("run")).code).toBe(0);
  expect((await hansard("search", "Later")).stdout).toContain("Later");
  expect((await hansard("state", "forget", "x")).stdout).toContain("nothing was forgotten");
}, 120_000);

test("check and run beside each other renew a sign-in once", async () => {
  const answers = await Promise.all([hansard("run"), hansard("check"), hansard("check")]);

  expect(answers.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(server.requests.filter((request) => request === "POST /2/oauth2/token")).toHaveLength(1);
}, 60_000);

function configuration(rest = ""): string {
  return `sources:
  x:
    connector: twitter
    settings:
      apiUrl: ${server.url}
      mediaHosts: [${new URL(server.url).host}]
      clientId: client
      deletionDays: 0
      accounts: [{ id: "1", streams: [posts], refreshToken: "\${file:./token}" }]
destinations:
  archive: { thirdPartyMailbox: third@example.com }
${rest}
`;
}

async function hansard(...words: string[]): Promise<Answer> {
  const answer = await here.hansard(...words);
  printed.push(answer.stdout, answer.stderr);
  return answer;
}

async function findingsOfState(): Promise<(Finding & { of: string })[]> {
  const { findings } = await here.json<{ findings: (Finding & { of: string })[] }>("check");
  return findings.filter(({ of }) => of === "state");
}

function filesIn(folder: string): string {
  const path = join(here.folder, folder);
  if (!existsSync(path)) throw new Error(`There is no ${path}.`);
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1")).join("\n");
}
