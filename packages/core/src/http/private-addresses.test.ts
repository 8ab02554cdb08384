import type { LookupAddress } from "node:dns";
import { expect, test } from "vitest";
import { openClient, serve } from "./local-server.test.support.ts";

function addresses(...list: string[]): LookupAddress[] {
  return list.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
}

test.each([
  ["loopback", ["127.0.0.1"]],
  ["private", ["10.1.2.3"]],
  ["link-local", ["169.254.169.254"]],
  ["shared by a carrier's NAT", ["100.64.0.1"]],
  ["multicast", ["239.1.1.1"]],
  ["IPv4-mapped", ["::ffff:127.0.0.1"]],
  ["NAT64", ["64:ff9b::7f00:1"]],
  ["6to4", ["2002:7f00:1::1"]],
  ["loopback", ["::1"]],
  ["private", ["8.8.8.8", "2606:4700::1111", "192.168.1.1"]],
])("a declared name that leads to a %s address, even beside public ones, is not requested", async (meaning, list) => {
  const looked: string[] = [];
  const lookup = async (hostname: string) => {
    looked.push(hostname);
    return addresses(...list);
  };

  const error = await openClient({ hosts: ["files.example"], lookup })
    .request("https://files.example/x")
    .catch((reason: unknown) => reason);

  expect(error).toMatchObject({
    kind: "unexpected-response",
    message: expect.stringContaining(meaning),
    remedy: expect.stringContaining("files.example"),
  });
  expect(looked).toEqual(["files.example"]);
});

test("the socket goes to the looked-up address itself: there is no second look-up that could answer otherwise", async () => {
  const server = await serve((request, response) => response.end(request.socket.localAddress));
  const answers = [addresses("127.0.0.1"), addresses("127.0.0.9")];
  const host = server.host.replace("127.0.0.1", "rebinding.example");
  let lookups = 0;
  const http = openClient({ allow: [host], lookup: async () => answers[lookups++] ?? [] });

  const { body } = await http.request(`http://${host}/`);

  expect(Buffer.from(body).toString()).toBe("127.0.0.1");
  expect(lookups).toBe(1);
});

test("a name that turned private since the last connection is refused at the next", async () => {
  const answers = [[], addresses("127.0.0.1")];
  const http = openClient({ hosts: ["rebinding.example"], lookup: async () => answers.shift() ?? [], maxRetries: 0 });

  await expect(http.request("https://rebinding.example/")).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining("ENOTFOUND"),
  });
  await expect(http.request("https://rebinding.example/")).rejects.toMatchObject({
    kind: "unexpected-response",
    message: expect.stringContaining("loopback"),
  });
});

test("localhost is refused by the system's own look-up, and open where the settings name it", async () => {
  const server = await serve((_request, response) => response.end());
  const host = server.host.replace("127.0.0.1", "localhost");

  await expect(openClient({ hosts: [host] }).request(`https://${host}/`)).rejects.toThrowError(
    /not public \(loopback\)/,
  );
  await expect(openClient({ allow: [host] }).request(`http://${host}/`)).resolves.toMatchObject({ status: 200 });
  expect(server.seen).toHaveLength(1);
});

test("to allow a private host on one port opens no other port of it", async () => {
  const [named, other] = [
    await serve((_request, response) => response.end()),
    await serve((_request, response) => response.end()),
  ];
  const port = (host: string): string => host.replace("127.0.0.1", "intranet.example");
  const lookup = async () => addresses("127.0.0.1");
  const http = openClient({ hosts: [port(named.host), port(other.host)], allowPrivate: [port(named.host)], lookup });

  await expect(http.request(`http://${port(named.host)}/`)).resolves.toMatchObject({ status: 200 });
  await expect(http.request(`https://${port(other.host)}/`)).rejects.toThrowError(/not public/);
  expect(other.seen).toEqual([]);
});
