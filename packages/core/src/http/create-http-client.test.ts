import { brotliCompressSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { z } from "zod";
import { answerOf } from "./http-failure.ts";
import { createCertificate, openClient, serve } from "./local-server.test.support.ts";

test("a request carries method, query, headers and body, and gives status, headers and bytes", async () => {
  const server = await serve((request, response) => {
    request.setEncoding("utf8");
    let body = "";
    request
      .on("data", (chunk) => (body += chunk))
      .on("end", () => {
        response
          .writeHead(201, { "x-seen": `${request.headers["user-agent"]}|${request.headers["content-type"]}` })
          .end(body);
      });
  });
  const http = openClient({ allow: [server.host] });

  const answer = await http.request(`${server.url}/items?signature=a%2Fb%20c`, {
    method: "PUT",
    query: { n: 1, no: undefined, name: "ä b" },
    body: { a: 1 },
  });
  const form = await http.request(server.url, { method: "POST", body: new URLSearchParams({ token: "x y" }) });

  expect(answer.status).toBe(201);
  expect(answer.headers.get("x-seen")).toBe("Hansard/1.0 (test)|application/json");
  expect(Buffer.from(answer.body).toString()).toBe('{"a":1}');
  expect(server.seen[0]).toBe("PUT /items?signature=a%2Fb%20c&n=1&name=%C3%A4+b");
  expect(Buffer.from(form.body).toString()).toBe("token=x+y");
});

test("TLS certificates are checked, and an authority of the operator's own counts where it is given", async () => {
  const { key, cert } = createCertificate(["mail.example"]);
  const server = await serve((_request, response) => response.end("{}"), { key, cert });
  const host = server.host.replace("127.0.0.1", "mail.example");
  const lookup = async () => [{ address: "127.0.0.1", family: 4 }];

  const trusting = openClient({ allow: [host], lookup, certificateAuthorities: [cert] });
  await expect(trusting.json(`https://${host}/`, z.object({}))).resolves.toEqual({});

  const strict = openClient({ allow: [host], lookup });
  await expect(strict.request(`https://${host}/`)).rejects.toMatchObject({
    kind: "unavailable",
    remedy: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
  });
  const other = host.replace("mail.", "other.");
  await expect(
    openClient({ allow: [other], lookup, certificateAuthorities: [cert] }).request(`https://${other}/`),
  ).rejects.toThrowError(/ERR_TLS_CERT_ALTNAME_INVALID/);
  expect(server.seen).toEqual(["GET /"]);
});

test.each([
  [401, "authentication"],
  [403, "authentication"],
  [404, "unexpected-response"],
  [410, "unexpected-response"],
  [304, "unexpected-response"],
  [500, "unavailable"],
  [503, "unavailable"],
  [429, "rate-limited"],
])("status %i becomes the error %s, and the connector can read the source's own words", async (status, kind) => {
  const server = await serve((_request, response) =>
    response.writeHead(status).end(status === 304 ? "" : '{"error":"why"}'),
  );
  const http = openClient({ allow: [server.host], maxRetries: 0 });

  const error = await http.request(`${server.url}/x`).catch((reason: unknown) => reason);

  expect(error).toMatchObject({ kind, message: expect.stringContaining(`${server.url}/x`) });
  expect(answerOf(error)).toMatchObject({ status });
  expect(Buffer.from(answerOf(error)?.body ?? []).toString()).toBe(status === 304 ? "" : '{"error":"why"}');
  expect(JSON.stringify(error)).not.toContain("why");
});

test("an error that has no answer gives none", () => {
  expect(answerOf(new Error("x"))).toBeUndefined();
  expect(answerOf(undefined)).toBeUndefined();
});

test.each([
  ["gzip", gzipSync],
  ["br", brotliCompressSync],
])("a body in %s is decompressed", async (encoding, compress) => {
  const server = await serve((request, response) => {
    expect(request.headers["accept-encoding"]).toContain(encoding);
    response.writeHead(200, { "content-encoding": encoding }).end(compress(Buffer.from('{"word":"Grüße"}')));
  });

  await expect(openClient({ allow: [server.host] }).json(server.url, z.object({ word: z.string() }))).resolves.toEqual({
    word: "Grüße",
  });
});

test("a small answer that would decompress into gigabytes is refused at the limit", async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const server = await serve((_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(bomb));
  const http = openClient({ allow: [server.host], maxBodyBytes: 1024 * 1024 });

  await expect(http.request(server.url)).rejects.toMatchObject({
    kind: "unexpected-response",
    message: expect.stringContaining("longer than 1048576 bytes"),
  });
});

test.each(["announced", "chunked"])("a body that is too long is refused, %s", async (way) => {
  const server = await serve((_request, response) => {
    if (way === "announced") response.setHeader("content-length", 5000);
    response.write("x".repeat(2500));
    response.end("x".repeat(2500));
  });

  await expect(openClient({ allow: [server.host], maxBodyBytes: 4000 }).request(server.url)).rejects.toThrowError(
    /longer than 4000 bytes/,
  );
});

test("a compressed body that was cut or is something else is refused", async () => {
  const cut = gzipSync(Buffer.from("x".repeat(1000))).subarray(0, 20);
  const server = await serve((request, response) =>
    response.writeHead(200, { "content-encoding": request.url === "/cut" ? "gzip" : "zstd-of-my-own" }).end(cut),
  );
  const http = openClient({ allow: [server.host] });

  await expect(http.request(`${server.url}/cut`)).rejects.toMatchObject({
    kind: "unexpected-response",
    message: expect.stringContaining("gzip"),
  });
  await expect(http.request(`${server.url}/other`)).rejects.toMatchObject({ kind: "unexpected-response" });
});

test("answers that are not HTTP are told apart from a host that is away", async () => {
  const server = await serve((request) => request.socket.end("SSH-2.0-OpenSSH_9.6\r\n"));
  const http = openClient({ allow: [server.host, "127.0.0.1:1"], maxRetries: 1 });

  await expect(http.request(server.url)).rejects.toMatchObject({
    kind: "unexpected-response",
    message: expect.stringContaining("HPE_"),
  });
  await expect(http.request("http://127.0.0.1:1/x")).rejects.toMatchObject({
    kind: "unavailable",
    message: "http://127.0.0.1:1/x cannot be reached (ECONNREFUSED).",
  });
});

test("a header value that HTTP cannot carry is an error of the settings and does not show the value", async () => {
  const http = openClient({ allow: ["127.0.0.1:1"] });

  const error = await http
    .request("http://127.0.0.1:1/", { headers: { authorization: "Bearer xoxb-9\r\nx: y" } })
    .catch((reason: unknown) => reason);

  expect(error).toMatchObject({ kind: "settings", message: expect.stringContaining('"authorization"') });
  expect(String(error)).not.toContain("xoxb");
});

test("when the run ends, requests and waits end with its reason", async () => {
  const server = await serve((request, response) => {
    if (request.url === "/busy") response.writeHead(503, { "retry-after": "30" }).end();
  });
  const run = new AbortController();
  const http = openClient({ allow: [server.host], signal: run.signal });
  const bucket = { name: "one", requests: 1, perMs: 60_000 };
  const pending = [
    http.request(`${server.url}/hangs`, { bucket }),
    http.request(server.url, { bucket }),
    http.request(`${server.url}/busy`),
  ];
  const settled = Promise.allSettled(pending);
  await expect.poll(() => server.seen.length).toBe(2);

  run.abort(new Error("stop now"));

  const reasons = (await settled).map((result) => (result.status === "rejected" ? String(result.reason) : "kept"));
  expect(reasons).toEqual(["Error: stop now", "Error: stop now", "Error: stop now"]);
  await expect(http.request(server.url)).rejects.toThrowError("stop now");
});

test("a source that trickles cannot hold a request longer than its time", async () => {
  const server = await serve((_request, response) => {
    response.writeHead(200, { "content-length": 1000 });
    const timer = setInterval(() => response.write("x"), 10);
    response.on("close", () => clearInterval(timer));
  });
  const http = openClient({ allow: [server.host], maxRetries: 0 });

  const startedAt = performance.now();
  await expect(http.request(server.url, { timeoutMs: 200 })).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining("did not complete its answer within 0.2 seconds"),
  });
  expect(performance.now() - startedAt).toBeLessThan(2000);
});
