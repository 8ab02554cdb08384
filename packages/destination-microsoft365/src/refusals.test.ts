import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent } from "undici";
import { afterEach, expect, test } from "vitest";
import { callBatch } from "./batch.ts";
import { GraphFailure } from "./failure.ts";
import { GraphClient } from "./graph-client.ts";
import { Lanes } from "./lanes.ts";
import { Settings } from "./settings.ts";
import { Tokens } from "./sign-in.ts";

// A mailbox that is on-premises answers 401 to whatever token, and the others go on.

const signal = new AbortController().signal;
let server: Server;
let requests: string[];
let fetched: number;

afterEach(() => void server.close());

test("a mailbox that alone refuses every token is given up, and costs the others nothing", async () => {
  const client = await start((path) => path.includes("/bad"));
  await client.call(to("good0"), signal);
  const refused = failureOf(client, "bad");
  await Promise.all(Array.from({ length: 40 }, (_, index) => client.call(to(`good${index % 8}`), signal)));
  expect(await refused).toMatchObject({
    kind: "unreached",
    remedy: expect.stringContaining("Get-Recipient -Identity bad"),
  });
  expect(fetched).toBe(1);
  const before = requests.length;
  expect(await failureOf(client, "bad")).toMatchObject({ kind: "unreached" });
  expect(requests.length - before).toBe(1);
});

test("one that is the first of all is held against the third-party data mailbox", async () => {
  const client = await start((path) => path.includes("/bad"), "third");
  expect(await failureOf(client, "bad")).toMatchObject({ kind: "unreached" });
  expect(fetched).toBe(1);
});

test("a batch is no word of its mailbox, and what it holds is asked singly", async () => {
  const client = await start((path) => path.includes("/bad"));
  await client.call(to("good"), signal);
  const answers = await callBatch(client, [to("bad"), to("bad")], signal);
  expect(answers.map((answer) => answer instanceof GraphFailure && answer.failure.kind)).toEqual([
    "unreached",
    "unreached",
  ]);
  expect(fetched).toBe(1);
});

test("one that takes tokens again is reached again", async () => {
  let isBad = true;
  const client = await start((path) => isBad && path.includes("/bad"), "third");
  expect(await failureOf(client, "bad")).toMatchObject({ kind: "unreached" });
  isBad = false;
  expect(await client.call(to("bad"), signal)).toMatchObject({ status: 200 });
});

test("a token that others refuse too is renewed once for all", async () => {
  const client = await start((path, token) => path.includes("/users/") && token === "t1", "third");
  await Promise.all(Array.from({ length: 20 }, (_, index) => client.call(to(`good${index}`), signal)));
  expect(fetched).toBe(2);
});

test("one that is moved away is held against the others from its second refusal on", async () => {
  let isMoved = false;
  const client = await start((path) => isMoved && path.includes("/bad"));
  await client.call(to("bad"), signal);
  await client.call(to("good"), signal);
  isMoved = true;
  expect(await failureOf(client, "bad")).toMatchObject({ kind: "unreached" });
  expect(fetched).toBe(2);
});

test("where every mailbox refuses every token, the set-up is wrong", async () => {
  const client = await start(() => true, "third");
  expect(await failureOf(client, "good")).toMatchObject({ kind: "token" });
  expect(await failureOf(client, "third")).toMatchObject({ kind: "token" });
  expect(fetched).toBeLessThanOrEqual(16);
});

async function start(
  isRefused: (path: string, token: string) => boolean,
  thirdPartyMailbox?: string,
): Promise<GraphClient> {
  requests = [];
  fetched = 0;
  server = createServer((request, response) => {
    const { url = "", headers } = request;
    let body = "";
    const answer = (path: string): { status: number; body: object } => {
      requests.push(path);
      return isRefused(path, headers.authorization?.split(" ")[1] ?? "")
        ? { status: 401, body: { error: { code: "UnknownError", message: "" } } }
        : { status: 200, body: { value: [] } };
    };
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const inner = url.endsWith("/$batch")
        ? (JSON.parse(body) as { requests: { id: string; url: string }[] })
        : undefined;
      const said = inner
        ? { status: 200, body: { responses: inner.requests.map((one) => ({ id: one.id, ...answer(one.url) })) } }
        : answer(url);
      response.writeHead(said.status, { "content-type": "application/json" }).end(JSON.stringify(said.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fetch = () => {
    fetched += 1;
    return Promise.resolve({ accessToken: `t${fetched}`, expiresOn: new Date(Date.now() + 3_600_000) } as never);
  };
  const settings = Settings.parse({ tenantId: "t", signIn: { method: "managed-identity" } });
  return new GraphClient(base, settings, {
    tokens: new Tokens(fetch, "app"),
    lanes: new Lanes(settings.pace),
    dispatcher: new Agent(),
    ...(thirdPartyMailbox !== undefined && { thirdPartyMailbox }),
  });
}

function to(mailbox: string): { method: "GET"; path: string; mailbox: string } {
  return { method: "GET", path: `/users/${mailbox}/messages`, mailbox };
}

async function failureOf(client: GraphClient, mailbox: string): Promise<unknown> {
  const error: unknown = await client.call(to(mailbox), signal).catch((thrown: unknown) => thrown);
  return error instanceof GraphFailure ? error.failure : error;
}
