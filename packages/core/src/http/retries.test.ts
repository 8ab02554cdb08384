import { expect, test } from "vitest";
import { z } from "zod";
import { answerOf } from "./http-failure.ts";
import { openClient, serve } from "./local-server.test.support.ts";

test("a read that fails is tried again and then gives its answer", async () => {
  let answers = 0;
  const server = await serve((request, response) => {
    answers += 1;
    if (answers === 1) response.writeHead(502).end();
    else if (answers === 2) request.socket.destroy();
    else if (answers === 3)
      response.writeHead(200, { "content-length": 100 }).write("cut", () => request.socket.destroy());
    else response.end('{"ok":true}');
  });
  const http = openClient({ allow: [server.host] });

  await expect(http.json(server.url, z.object({ ok: z.boolean() }))).resolves.toEqual({ ok: true });
  expect(answers).toBe(4);
  expect(http.logged.filter((line) => line.startsWith("Sending a request again"))).toHaveLength(3);
});

test("tries are bounded, and the last failure is the error", async () => {
  const server = await serve((_request, response) => response.writeHead(503).end("down"));
  const http = openClient({ allow: [server.host], maxRetries: 2 });

  const error = await http.request(server.url).catch((reason: unknown) => reason);

  expect(error).toMatchObject({ kind: "unavailable", message: expect.stringContaining("503") });
  expect(answerOf(error)?.status).toBe(503);
  expect(server.seen).toHaveLength(3);
});

test("a cut body is an error and never a short answer", async () => {
  const server = await serve((request, response) => {
    response.writeHead(200, request.url === "/length" ? { "content-length": 100 } : {});
    response.write('{"ok":true}', () => setTimeout(() => request.socket.destroy(), 20));
  });
  const http = openClient({ allow: [server.host], maxRetries: 1 });

  for (const path of ["/length", "/chunked"]) {
    await expect(http.request(server.url + path)).rejects.toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("broke the connection off"),
    });
  }
  expect(server.seen).toHaveLength(4);
});

test("a POST that may have been acted upon is not sent twice, unless it is said to be idempotent", async () => {
  const server = await serve((request, response) => {
    if (request.url === "/cut") request.socket.destroy();
    else response.writeHead(500).end();
  });
  const http = openClient({ allow: [server.host], maxRetries: 2 });

  for (const path of ["/fails", "/cut"]) {
    await expect(http.request(server.url + path, { method: "POST" })).rejects.toMatchObject({ kind: "unavailable" });
  }
  expect(server.seen).toHaveLength(2);
  await expect(http.request(`${server.url}/fails`, { method: "POST", idempotent: true })).rejects.toMatchObject({
    kind: "unavailable",
  });
  expect(server.seen).toHaveLength(5);
});

test("a POST that never left is sent again", async () => {
  let lookups = 0;
  const server = await serve((_request, response) => response.end("ok"));
  const host = server.host.replace("127.0.0.1", "api.example");
  const lookup = async () => {
    lookups += 1;
    if (lookups === 1) throw Object.assign(new Error("later"), { code: "EAI_AGAIN" });
    return [{ address: "127.0.0.1", family: 4 }];
  };

  await expect(
    openClient({ allow: [host], lookup }).request(`http://${host}/`, { method: "POST" }),
  ).resolves.toMatchObject({ status: 200 });
  expect(lookups).toBe(2);
});

test("a short wait that the source asks for is waited out, even for a POST", async () => {
  const times: number[] = [];
  const server = await serve((_request, response) => {
    times.push(performance.now());
    if (times.length === 1) response.writeHead(429, { "retry-after": "1" }).end();
    else response.end("ok");
  });

  await expect(openClient({ allow: [server.host] }).request(server.url, { method: "POST" })).resolves.toMatchObject({
    status: 200,
  });

  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(990);
});

test("a long wait ends the request with the time until which the source asks for patience", async () => {
  const server = await serve((_request, response) =>
    response.writeHead(429, { "retry-after": "300" }).end('{"error":"ratelimited"}'),
  );
  const http = openClient({ allow: [server.host], now: () => Date.parse("2026-01-01T00:00:00Z") });

  const error = await http.request(server.url).catch((reason: unknown) => reason);

  expect(error).toMatchObject({ kind: "rate-limited", retryAt: new Date("2026-01-01T00:05:00Z") });
  expect(answerOf(error)?.headers.get("retry-after")).toBe("300");
  expect(server.seen).toHaveLength(1);
});

test("a source that keeps answering 429 without a time is left for a minute", async () => {
  const server = await serve((_request, response) => response.writeHead(429).end());
  const http = openClient({ allow: [server.host], maxRetries: 2, now: () => 0 });

  await expect(http.request(server.url)).rejects.toMatchObject({ kind: "rate-limited", retryAt: new Date(60_000) });
  expect(server.seen).toHaveLength(3);
});

test("a failing source that asks for a long wait is not tried again at once", async () => {
  const server = await serve((_request, response) => response.writeHead(503, { "retry-after": "3600" }).end());

  await expect(openClient({ allow: [server.host] }).request(server.url)).rejects.toMatchObject({ kind: "unavailable" });
  expect(server.seen).toHaveLength(1);
});

test("a 429 makes everyone wait who shares the bucket", async () => {
  const times: number[] = [];
  const server = await serve((_request, response) => {
    times.push(performance.now());
    if (times.length === 1) response.writeHead(429, { "retry-after": "1" }).end();
    else response.end();
  });
  const http = openClient({ allow: [server.host] });
  const bucket = { name: "tier 3", requests: 50, perMs: 60_000 };

  const first = http.request(server.url, { bucket });
  await expect.poll(() => http.logged.length).toBe(1);
  await Promise.all([first, http.request(server.url, { bucket })]);

  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(980);
});
