import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect, test } from "vitest";
import { md4 } from "./md4.ts";
import { accountOf, ntResponse, readChallenge, responseKey, writeTarget } from "./ntlm.ts";
import { Settings } from "./settings.ts";
import { openDoor } from "./sign-in.ts";

// The published examples of MS-NLMP §4.2.4 and RFC 1320 §A.5.
const ACCOUNT = { domain: "Domain", user: "User", password: "Password" };
const SERVER_CHALLENGE = Buffer.from("0123456789abcdef", "hex");

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
  const handshakes: string[] = [];
  const signedIn = new WeakSet<Socket>();
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const message = Buffer.from(request.headers.authorization?.replace("NTLM ", "") ?? "", "base64");
      const kind = message.length > 12 ? message.readUInt32LE(8) : 0;
      if (kind === 1)
        return response.writeHead(401, { "www-authenticate": `NTLM ${challenge().toString("base64")}` }).end();
      if (kind === 3) {
        const isGood = isProof(message, responseKey({ domain: "CONTOSO", user: "bob", password: "right" }));
        handshakes.push(isGood ? "good" : "bad");
        if (isGood) signedIn.add(request.socket);
      }
      if (!signedIn.has(request.socket)) return response.writeHead(401, { "www-authenticate": "NTLM" }).end();
      return response.end(`got ${body}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/EWS/Exchange.asmx`;
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
  server.close();
});

function challenge(): Buffer {
  const target = writeTarget([[2, Buffer.from("CONTOSO", "utf16le")]]);
  const head = Buffer.alloc(48);
  head.write("NTLMSSP\0", "latin1");
  head.writeUInt32LE(2, 8);
  SERVER_CHALLENGE.copy(head, 24);
  head.writeUInt16LE(target.length, 40);
  head.writeUInt32LE(48, 44);
  return Buffer.concat([head, target]);
}

/** Whether the response is what the key makes of the blob that came with it. */
function isProof(message: Buffer, key: Buffer): boolean {
  const start = message.readUInt32LE(24);
  const response = message.subarray(start, start + message.readUInt16LE(20));
  const blob = response.subarray(16);
  const expected = ntResponse(key, SERVER_CHALLENGE, {
    timestamp: blob.subarray(8, 16),
    clientChallenge: blob.subarray(16, 24),
    target: blob.subarray(28, blob.length - 4),
  });
  return expected.equals(response);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}
