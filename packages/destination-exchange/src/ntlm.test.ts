import { expect, test } from "vitest";
import { md4 } from "./md4.ts";
import { accountOf, ntResponse, readChallenge, responseKey, writeTarget } from "./ntlm.ts";
import { openNtlmServer, SERVER_CHALLENGE } from "./ntlm-server.test.support.ts";
import { Settings } from "./settings.ts";
import { openDoor } from "./sign-in.ts";

// The published examples of MS-NLMP §4.2.4 and RFC 1320 §A.5.
const ACCOUNT = { domain: "Domain", user: "User", password: "Password" };

test.each([
  ["", "31d6cfe0d16ae931b73c59d7e0c089c0"],
  ["abc", "a448017aaf21d8525fc10ae87aa6729d"],
  [
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
    "e33b4ddc9c38f2199c3e7b164fcc0536",
  ],
])("hashes %j as RFC 1320 says", (text, digest) => {
  expect(md4(Buffer.from(text)).toString("hex")).toBe(digest);
});

test("proves a password as Microsoft's own example does", () => {
  const key = responseKey(ACCOUNT);
  expect(key.toString("hex")).toBe("0c868a403bfd7a93a3001ef22ef02e3f");
  const target = writeTarget([
    [2, Buffer.from("Domain", "utf16le")],
    [1, Buffer.from("Server", "utf16le")],
  ]);
  const response = ntResponse(key, SERVER_CHALLENGE, {
    clientChallenge: Buffer.alloc(8, 0xaa),
    timestamp: Buffer.alloc(8),
    target,
  });
  expect(response.subarray(0, 16).toString("hex")).toBe("68cd0ab851e51c96aabc927bebef6a1c");
});

test("takes an account apart, with a domain or without", () => {
  expect(accountOf("CONTOSO\\bob", "p")).toEqual({ domain: "CONTOSO", user: "bob", password: "p" });
  expect(accountOf("bob@contoso.com", "p")).toEqual({ domain: "", user: "bob@contoso.com", password: "p" });
});

test("refuses a challenge that is none", () => {
  expect(() => readChallenge(Buffer.from("NTLMSSP\0nothing"))).toThrow("malformed");
});

test("signs a connection in once, sends further requests over it, and no longer once the password is wrong", async () => {
  const server = await openNtlmServer({ password: "right", answer: (body) => `got ${body}` });
  const { url, handshakes } = server;
  const signal = new AbortController().signal;
  const door = openDoor(Settings.parse({ url, signIn: { method: "ntlm", user: "CONTOSO\\bob", password: "right" } }));
  for (const body of ["one", "two", "three"]) {
    expect(await door.post({ body, headers: {}, signal })).toMatchObject({ status: 200, body: `got ${body}` });
  }
  expect(handshakes).toEqual(["good"]);
  const wrong = openDoor(Settings.parse({ url, signIn: { method: "ntlm", user: "CONTOSO\\bob", password: "wrong" } }));
  expect(await wrong.post({ body: "x", headers: {}, signal })).toMatchObject({ status: 401 });
  expect(handshakes).toEqual(["good", "bad"]);
  await Promise.all([door.close(), wrong.close()]);
  await server.close();
});
