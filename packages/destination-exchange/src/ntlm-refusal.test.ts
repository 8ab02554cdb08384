import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Finding, Logger } from "@hansard/core";
import { composeMail, type Delivery, type Message, type Outcome } from "@hansard/core/ingestion";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openExchangeDestination } from "./destination.ts";
import { type NtlmServer, openNtlmServer } from "./ntlm-server.test.support.ts";
import { Settings } from "./settings.ts";

// An Exchange server on the premises, over TLS, with Windows authentication.

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
const log: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const blobs = { async *read() {} };
const BOB = "bob@contoso.example";
let folder: string;
let server: NtlmServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ntlm-"));
  if (!hasOpenssl) return;
  const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
  const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", ...name, ...files], { stdio: "ignore" });
  const [key, cert] = await Promise.all([read("key.pem"), read("cert.pem")]);
  server = await openNtlmServer({ password: "right", answer: ewsAnswer, tls: { key, cert } });
});

afterAll(async () => {
  await server?.close();
  await rm(folder, { recursive: true });
});

test.skipIf(!hasOpenssl)("NTLM over TLS delivers with the right password (skipped without openssl)", async () => {
  const { findings, outcome } = await tried({ password: "right" });
  expect(findings.filter(({ message }) => message.includes("cannot be reached"))).toEqual([]);
  expect(outcome).toMatchObject({ status: "accepted" });
  expect(server.handshakes).not.toContain("bad");
});

test.skipIf(!hasOpenssl).each([
  ["the password", { password: "wrong" }],
  ["the user name", { user: "CONTOSO\\nobody", password: "right" }],
  ["the user's domain", { user: "bob", password: "right" }],
])(
  "where %s is wrong, NTLM is said to be refused for it, by `check` and by a delivery, which is not tried again (skipped without openssl)",
  async (_, signIn) => {
    const before = server.handshakes.length;
    const { findings, outcome } = await tried(signIn);
    const error = findings.find(({ level }) => level === "error");
    const reason = /localhost:\d+ refuses the sign-in \(401\): the user name or password is wrong\./;
    const remedy = expect.stringContaining("Correct `user` and `password` in `signIn`.");
    expect(error).toMatchObject({ message: expect.stringMatching(reason), remedy });
    expect(outcome).toMatchObject({ status: "misconfigured", reason: expect.stringMatching(reason), remedy });
    // A password that is tried again and again locks the account.
    const proofs = server.handshakes.slice(before);
    expect(proofs.every((proof) => proof === "bad")).toBe(true);
    expect(proofs.length).toBeLessThanOrEqual(3);
  },
);

async function tried(signIn: object): Promise<{ findings: Finding[]; outcome: Outcome | undefined }> {
  const settings = Settings.parse({
    url: server.url,
    signIn: { method: "ntlm", user: "CONTOSO\\bob", ...signIn },
    probeMailbox: BOB,
    caFile: join(folder, "cert.pem"),
  });
  const destination = await openExchangeDestination({ id: "exchange", settings, blobs, folder, log });
  const findings = await destination.check();
  const [outcome] = await destination.submit([await delivery()], { signal: new AbortController().signal });
  await destination.close();
  return { findings, outcome };
}

async function delivery(): Promise<Delivery> {
  const message: Message = {
    id: "<1@hansard.invalid>",
    messageClass: "IPM.NOTE.Slack.Message",
    date: "2026-01-05T09:00:00.000Z",
    from: { id: "U1", name: "Bob", address: BOB },
    to: [{ id: "U1", name: "Bob", address: BOB }],
    subject: "Hello",
    text: "Hello",
    attachments: [],
    references: [],
    headers: [],
  };
  return { id: "1", message, mail: await composeMail(message, { blobs }), mailbox: BOB, folder: { kind: "inbox" } };
}

/** Says yes to whatever is asked. */
function ewsAnswer(body: string): string {
  const operation = /<(?:\w+:)?(GetFolder|CreateItem|FindItem)\b/.exec(body)?.[1] ?? "GetFolder";
  const types = "http://schemas.microsoft.com/exchange/services/2006";
  const item = '<m:Items><t:Message><t:ItemId Id="AAMk1"/></t:Message></m:Items>';
  const message = `<m:${operation}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>${item}</m:${operation}ResponseMessage>`;
  return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><m:${operation}Response xmlns:m="${types}/messages" xmlns:t="${types}/types"><m:ResponseMessages>${message}</m:ResponseMessages></m:${operation}Response></s:Body></s:Envelope>`;
}

function read(name: string): Promise<string> {
  return readFile(join(folder, name), "utf8");
}
