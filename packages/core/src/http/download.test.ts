import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { openClient, serve } from "./local-server.test.support.ts";

async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("a file streams with its type and size, without passing through memory whole", async () => {
  const block = Buffer.alloc(1024 * 1024, 7);
  const server = await serve((request, response) => {
    expect(request.headers["accept-encoding"]).toBe("identity");
    response.writeHead(200, { "content-type": "Video/MP4; codecs=x", "content-length": 200 * block.length });
    let sent = 0;
    const more = (): void => {
      while (sent < 200) {
        sent += 1;
        if (!response.write(block)) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  });
  const before = process.memoryUsage().rss;

  const file = await openClient({ allow: [server.host] }).download(server.url, {
    expect: { size: 200 * block.length, contentType: "video/mp4" },
  });
  let bytes = 0;
  for await (const chunk of file.content) bytes += chunk.length;

  expect(file).toMatchObject({ contentType: "video/mp4", size: 200 * block.length });
  expect(bytes).toBe(200 * block.length);
  expect(process.memoryUsage().rss - before).toBeLessThan(120 * 1024 * 1024);
});

test.each([
  [
    "a log-in page",
    { "content-type": "text/html; charset=utf-8" },
    "<html>Sign in",
    { contentType: "image/png" },
    /it is "text\/html", where "image\/png" was expected/,
  ],
  [
    "a log-in page where nothing is known",
    { "content-type": "text/html" },
    "<html>",
    {},
    /it is "text\/html", where a file was expected/,
  ],
  ["another size", { "content-length": "5" }, "12345", { size: 6 }, /it is 5 bytes long, where 6 were expected/],
  [
    "a log-in page of another size",
    { "content-type": "text/html", "content-length": "5" },
    "<html",
    { size: 6 },
    /perhaps to sign in/,
  ],
  [
    "another type",
    { "content-type": "application/json" },
    "{}",
    { contentType: "image/*" },
    /it is "application\/json", where "image\/\*" was expected/,
  ],
])("%s in place of the file is refused before its content", async (_name, headers, body, expected, message) => {
  const server = await serve((_request, response) => response.writeHead(200, headers).end(body));

  await expect(openClient({ allow: [server.host] }).download(server.url, { expect: expected })).rejects.toMatchObject({
    kind: "unexpected-response",
    message: expect.stringMatching(message),
  });
});

test.each([
  ["image/png", "image/png"],
  ["image/png", "image/*"],
  ["application/octet-stream", "image/png"],
  ["image/png", "application/octet-stream"],
  ["text/plain", "text/x-python"],
  ["text/html", "text/html"],
  ["", "image/png"],
])("a file that is served as %j agrees with an expected %j", async (served, contentType) => {
  const server = await serve((_request, response) =>
    response.writeHead(200, served === "" ? {} : { "content-type": served }).end("12345"),
  );

  const file = await openClient({ allow: [server.host] }).download(server.url, { expect: { contentType } });

  expect((await collect(file.content)).toString()).toBe("12345");
});

test("a file that happens to be a web page is taken when its very size was foretold", async () => {
  const server = await serve((_request, response) =>
    response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  );

  const file = await openClient({ allow: [server.host] }).download(server.url, { expect: { size: 6 } });

  expect((await collect(file.content)).toString()).toBe("<html>");
});

test.each(["/length", "/chunked", "/expected"])(
  "a file that ends too early is an error at its end: %s",
  async (path) => {
    const server = await serve((request, response) => {
      if (path === "/expected") return void response.writeHead(200).write("half", () => response.end());
      response.writeHead(200, path === "/length" ? { "content-length": 8 } : {});
      response.write("half", () => setTimeout(() => request.socket.destroy(), 20));
    });

    const file = await openClient({ allow: [server.host] }).download(
      server.url + path,
      path === "/expected" ? { expect: { size: 8 } } : {},
    );

    await expect(collect(file.content)).rejects.toMatchObject({
      kind: "unexpected-response",
      message: expect.stringContaining("after 4 bytes"),
    });
  },
);

test("a file that is longer than expected or allowed is an error", async () => {
  const server = await serve((request, response) => {
    if (request.url === "/announced") response.setHeader("content-length", 3000);
    response.write("x".repeat(2000));
    response.end("x".repeat(1000));
  });
  const http = openClient({ allow: [server.host] });

  await expect(http.download(`${server.url}/announced`, { maxBytes: 2500 })).rejects.toThrowError(
    /3000 bytes long, and at most 2500 are allowed/,
  );
  const long = await http.download(server.url, { maxBytes: 2500 });
  await expect(collect(long.content)).rejects.toThrowError(/longer than the allowed 2500 bytes/);
  const other = await http.download(server.url, { expect: { size: 2500 } });
  await expect(collect(other.content)).rejects.toThrowError(/longer than the expected 2500 bytes/);
});

test("a file that is compressed all the same is decompressed, within its limit", async () => {
  const server = await serve((request, response) => {
    const encoding = request.url === "/odd" ? "lzma" : "gzip";
    const whole = gzipSync(Buffer.alloc(5_000_000));
    response
      .writeHead(200, { "content-encoding": encoding })
      .end(request.url === "/cut" ? whole.subarray(0, 1000) : whole);
  });
  const http = openClient({ allow: [server.host] });

  const file = await http.download(server.url, { expect: { size: 5_000_000 } });
  expect(file.size).toBeUndefined();
  expect(await collect(file.content)).toHaveLength(5_000_000);

  const bounded = await http.download(server.url, { maxBytes: 1_000_000 });
  await expect(collect(bounded.content)).rejects.toThrowError(/longer than the allowed 1000000 bytes/);
  const cut = await http.download(`${server.url}/cut`);
  await expect(collect(cut.content)).rejects.toMatchObject({
    kind: "unexpected-response",
    message: expect.stringContaining("cannot be decompressed"),
  });
  const odd = await http.download(`${server.url}/odd`);
  await expect(collect(odd.content)).rejects.toThrowError(/compressed as "lzma", which is not supported/);
});

test.each([204, 206])("status %i is no file", async (status) => {
  const server = await serve((_request, response) => response.writeHead(status).end());

  await expect(openClient({ allow: [server.host] }).download(server.url)).rejects.toThrowError(
    new RegExp(`answered ${status}, where a file was expected`),
  );
});

test("a file that stands still or trickles is given up, while a slow taker is not", async () => {
  const server = await serve((request, response) => {
    response.write("x".repeat(100));
    if (request.url === "/still") return;
    const timer = setInterval(() => response.write("x"), 20);
    if (request.url === "/done") setTimeout(() => (clearInterval(timer), response.end()), 60);
    response.on("close", () => clearInterval(timer));
  });
  const http = openClient({ allow: [server.host], stallMs: 300 });

  for (const path of ["/still", "/trickles"]) {
    const file = await http.download(server.url + path);
    await expect(collect(file.content)).rejects.toMatchObject({
      kind: "unavailable",
      message: expect.stringMatching(/stopped sending|too slowly/),
    });
  }
  const file = await http.download(`${server.url}/done`);
  for await (const chunk of file.content) await new Promise((resolve) => setTimeout(resolve, 400 + chunk.length));
});

test("a time that the request names holds for the content too", async () => {
  const server = await serve((_request, response) => {
    const timer = setInterval(() => response.write("x".repeat(50_000)), 20);
    response.on("close", () => clearInterval(timer));
  });

  const file = await openClient({ allow: [server.host] }).download(server.url, { timeoutMs: 200 });

  await expect(collect(file.content)).rejects.toMatchObject({ kind: "unavailable" });
});

test("when the run ends, a download ends with its reason", async () => {
  const server = await serve((_request, response) => void response.write("x"));
  const run = new AbortController();
  const file = await openClient({ allow: [server.host], signal: run.signal }).download(server.url);
  setTimeout(() => run.abort(new Error("stop now")), 50);

  await expect(collect(file.content)).rejects.toThrowError("stop now");
});

test("whoever stops reading closes the connection", async () => {
  let closed = false;
  const server = await serve((_request, response) => {
    const timer = setInterval(() => response.write("x".repeat(1000)), 5);
    response.on("close", () => {
      clearInterval(timer);
      closed = true;
    });
  });

  const file = await openClient({ allow: [server.host] }).download(server.url);
  for await (const chunk of file.content) if (chunk.length > 0) break;

  await expect.poll(() => closed).toBe(true);
});
