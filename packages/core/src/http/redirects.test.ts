import type { IncomingHttpHeaders } from "node:http";
import { expect, test } from "vitest";
import { Secret } from "../secret.ts";
import { openClient, serve } from "./local-server.test.support.ts";

const CREDENTIALS = {
  Authorization: "Bearer token-1234",
  cookie: "a=b",
  "X-Api-Key": new Secret("key-5678"),
  "x-plain": "stays",
};

test("redirects within the host are followed with credentials", async () => {
  const server = await serve((request, response) => {
    if (request.url === "/a") response.writeHead(302, { location: "/b" }).end("moved");
    else response.end(JSON.stringify(request.headers));
  });

  const { body } = await openClient({ allow: [server.host] }).request(`${server.url}/a`, { headers: CREDENTIALS });

  expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({
    authorization: "Bearer token-1234",
    cookie: "a=b",
    "x-api-key": "key-5678",
  });
});

test("credentials do not go to another host, nor on the way back from there", async () => {
  const received: Record<string, IncomingHttpHeaders> = {};
  const other = await serve((request, response) => {
    received["other"] = request.headers;
    response.writeHead(307, { location: `${first.url}/back` }).end();
  });
  const first = await serve((request, response) => {
    received[request.url ?? ""] = request.headers;
    if (request.url === "/back") response.end();
    else response.writeHead(307, { location: other.url }).end();
  });

  await openClient({ allow: [first.host, other.host] }).request(`${first.url}/start`, { headers: CREDENTIALS });

  expect(received["/start"]).toMatchObject({ authorization: "Bearer token-1234", "x-api-key": "key-5678" });
  for (const headers of [received["other"], received["/back"]]) {
    expect(headers).toMatchObject({ "x-plain": "stays" });
    expect(Object.keys(headers ?? {})).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/authorization|cookie|x-api-key/)]),
    );
  }
});

test("a redirect to a host that is not declared is not followed", async () => {
  const other = await serve((_request, response) => response.end("stolen"));
  const server = await serve((_request, response) =>
    response.writeHead(302, { location: `${other.url}/?token=abc` }).end(),
  );

  const error = await openClient({ allow: [server.host] })
    .request(`${server.url}/a`)
    .catch((reason: unknown) => reason);

  expect(error).toMatchObject({
    kind: "unexpected-response",
    message: expect.stringContaining(`"${other.host}" is not one that the connector declares`),
  });
  expect(other.seen).toEqual([]);
});

test.each([
  [
    "a loopback address written in hexadecimal",
    "https://0x7f.1/latest",
    ["127.0.0.1"],
    /127\.0\.0\.1 is not public \(loopback\)/,
  ],
  ["cloud metadata", "https://169.254.169.254/latest", ["169.254.169.254"], /link-local/],
  ["an IPv4-mapped address", "https://[::ffff:7f00:1]/", ["[::ffff:7f00:1]"], /IPv4-mapped/],
  ["plain HTTP", "http://files.example/", ["files.example"], /not https/],
  ["another scheme", "file:///etc/passwd", [], /scheme "file:"/],
  ["user information", "https://user:secret@files.example/", ["files.example"], /user name or password/],
])("a redirect to %s is not followed", async (_name, location, declared, message) => {
  const server = await serve((_request, response) => response.writeHead(302, { location }).end());
  const http = openClient({ hosts: [server.host, ...declared], allowPrivate: [server.host] });

  await expect(http.request(server.url)).rejects.toMatchObject({
    kind: "unexpected-response",
    message: expect.stringMatching(message),
  });
});

test("a redirect to a declared host whose name leads into the private network is not followed", async () => {
  const inner = await serve((_request, response) => response.end("inner"));
  const server = await serve((_request, response) =>
    response.writeHead(302, { location: `https://files.example:${inner.host.split(":")[1]}/` }).end(),
  );
  const hosts = [server.host, inner.host.replace("127.0.0.1", "files.example")];
  const http = openClient({
    hosts,
    allowPrivate: [server.host],
    lookup: async () => [{ address: "127.0.0.1", family: 4 }],
  });

  await expect(http.request(server.url)).rejects.toThrowError(
    /"files.example" has the address 127.0.0.1, which is not public \(loopback\)/,
  );
  expect(inner.seen).toEqual([]);
});

test("five redirects are followed and a sixth is not", async () => {
  const server = await serve((request, response) => {
    const left = Number(request.url?.slice(1));
    if (left === 0) response.end("there");
    else response.writeHead(301, { location: `/${left - 1}` }).end();
  });
  const http = openClient({ allow: [server.host] });

  await expect(http.request(`${server.url}/5`)).resolves.toMatchObject({ status: 200 });
  await expect(http.request(`${server.url}/6`)).rejects.toMatchObject({
    kind: "unexpected-response",
    message: expect.stringContaining("more than 5 times"),
  });
  await expect(http.request(`${server.url}/99`)).rejects.toThrowError(/more than 5 times/);
});

test.each([
  [303, "POST", "GET /end ''"],
  [302, "POST", "GET /end ''"],
  [307, "POST", "POST /end 'body'"],
  [308, "PUT", "PUT /end 'body'"],
  [302, "PUT", "PUT /end 'body'"],
] as const)("after a %i, %s goes on as it should", async (status, method, expected) => {
  const server = await serve((request, response) => {
    let body = "";
    request
      .on("data", (chunk) => (body += chunk))
      .on("end", () => {
        if (request.url === "/end") response.end(`${request.method} ${request.url} '${body}'`);
        else response.writeHead(status, { location: "/end" }).end();
      });
  });

  const { body } = await openClient({ allow: [server.host] }).request(server.url, { method, body: "body" });

  expect(Buffer.from(body).toString()).toBe(expected);
});

test("a request's body does not go to another host", async () => {
  const other = await serve((_request, response) => response.end());
  const server = await serve((_request, response) => response.writeHead(307, { location: other.url }).end());

  await expect(
    openClient({ allow: [server.host, other.host] }).request(server.url, {
      method: "POST",
      body: new URLSearchParams({ client_secret: "s3cret-value" }),
    }),
  ).rejects.toThrowError(/would take the request's body there/);
  expect(other.seen).toEqual([]);
});

test.each([{}, { location: "https://[broken" }])(
  "a redirect without a location that is a URL is refused",
  async (headers) => {
    const server = await serve((_request, response) => response.writeHead(302, headers).end());

    await expect(openClient({ allow: [server.host] }).request(server.url)).rejects.toThrowError(
      /without a location that is a URL/,
    );
  },
);
