import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Destination } from "@hansard/core/ingestion";
import { SMTPServer } from "smtp-server";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { contextOf, sampleDelivery } from "@hansard/testkit/deliveries";
import { openJournalDestination } from "./destination.ts";
import { Settings } from "./settings.ts";

// A real SMTP server that takes access tokens and nothing else, and only within TLS, beside an endpoint that issues them.

const USER = "journal@contoso.example";
const SECRET = "s3cret-value";
const signal = new AbortController().signal;

let folder: string;
let smtp: SMTPServer;
let authority: Server;
let destination: Destination;
/** The token that the server takes, how many were issued, how many mails came, and how refusals are told. */
let state: { valid: string; issued: number; mails: string[]; refusals: number; challenge: boolean; outage: boolean };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "xoauth2-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const options = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "60", "-keyout", key, "-out", certificate];
  execFileSync("openssl", [...options, ...subject], { stdio: "ignore" });
  smtp = new SMTPServer({
    key: await readFile(key, "utf8"),
    cert: await readFile(certificate, "utf8"),
    authMethods: ["XOAUTH2"],
    size: 36_000_000,
    onAuth({ username, accessToken }, _session, done) {
      if (username === USER && accessToken === state.valid) return done(null, { user: username });
      state.refusals += 1;
      // Google's way: a challenge that tells the error; Exchange Online's: an answer at once.
      if (state.challenge) return done(null, { data: { status: "401", schemes: "bearer", scope: "mail" } });
      return done(new Error(`5.7.3 Authentication unsuccessful, token was ${accessToken ?? ""}`));
    },
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      // `check` breaks off before the first byte.
      stream.on("error", () => undefined);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => done(null, `queued as ${state.mails.push(Buffer.concat(chunks).toString())}`));
    },
  });
  await new Promise<void>((resolve) => smtp.listen(0, "127.0.0.1", resolve));
  authority = createServer((request, response) => {
    void text(request).then((body) => {
      const form = new URLSearchParams(body);
      if (state.outage) return response.writeHead(503).end();
      const isGood = form.get("client_secret") === SECRET && form.get("grant_type") === "client_credentials";
      if (!isGood || form.get("scope") !== "https://outlook.office365.com/.default")
        return response
          .writeHead(401)
          .end(JSON.stringify({ error: "invalid_client", error_description: "AADSTS7000215: Invalid client secret." }));
      state.issued += 1;
      state.valid = `token-${state.issued}`;
      return response.end(JSON.stringify({ access_token: state.valid, expires_in: 3600 }));
    });
  });
  await new Promise<void>((resolve) => authority.listen(0, "127.0.0.1", resolve));
});

beforeEach(() => {
  state = { valid: "", issued: 0, mails: [], refusals: 0, challenge: false, outage: false };
});

afterEach(() => destination.close());

afterAll(async () => {
  await new Promise<void>((resolve) => smtp.close(resolve));
  authority.close();
  await rm(folder, { recursive: true });
});

function application(changes: object = {}): object {
  const { port } = authority.address() as AddressInfo;
  const tokenUrl = `http://127.0.0.1:${port}/token`;
  return { method: "client-credentials", user: USER, tokenUrl, clientId: "app", clientSecret: SECRET, ...changes };
}

async function open(signIn: object): Promise<void> {
  const { port } = smtp.server.address() as AddressInfo;
  const settings = {
    preset: "exchange",
    host: "localhost",
    port,
    caFile: join(folder, "cert.pem"),
    recipient: "archive@contoso.example",
    messagesPerConnection: 1,
    signIn,
  };
  destination = await openJournalDestination(contextOf("smtp-journal", Settings.parse(settings)));
}

async function submit(...numbers: number[]): Promise<Awaited<ReturnType<Destination["submit"]>>> {
  return destination.submit(
    numbers.map((number) => sampleDelivery(number)),
    { signal },
  );
}

test("an application signs in with one token for all connections, and its messages arrive", async () => {
  await open(application());
  const outcomes = await Promise.all([submit(1), submit(2), submit(3, 4)]);
  expect(outcomes.flat().map(({ status }) => status)).toEqual(Array(4).fill("accepted"));
  expect(state.mails).toHaveLength(4);
  expect(state).toMatchObject({ issued: 1, refusals: 0 });
  expect((await destination.check())[0]).toMatchObject({ level: "ok", message: expect.stringContaining(USER) });
});

test.each([{ challenge: false }, { challenge: true }])(
  "a token that ends before its time is replaced by one other, however many are refused with it (challenge: $challenge)",
  async ({ challenge }) => {
    await open(application());
    expect(await submit(1)).toMatchObject([{ status: "accepted" }]);
    Object.assign(state, { valid: "revoked", challenge });
    const outcomes = await Promise.all([submit(2), submit(3), submit(4)]);
    expect(outcomes.flat().map(({ status }) => status)).toEqual(["accepted", "accepted", "accepted"]);
    expect(state.issued).toBe(2);
  },
);

test("an account that the token is not for stops the delivery, and says what to do without showing the token", async () => {
  await open(application({ user: "other@contoso.example" }));
  const [outcome] = await submit(1);
  expect(outcome).toMatchObject({ status: "misconfigured", remedy: expect.stringContaining("signIn") });
  expect(JSON.stringify(outcome)).toContain("5.7.3 Authentication unsuccessful, token was [secret]");
  const [finding] = await destination.check();
  expect(finding).toMatchObject({ level: "error", remedy: expect.stringContaining("signIn") });
  expect(state.refusals).toBeLessThanOrEqual(4);
});

test("a wrong secret is told from an authority that is away", async () => {
  await open(application({ clientSecret: "wrong" }));
  expect(await submit(1)).toMatchObject([
    {
      status: "misconfigured",
      reason: expect.stringContaining("AADSTS7000215"),
      remedy: expect.stringMatching("clientSecret"),
    },
  ]);
  expect((await destination.check())[0]).toMatchObject({
    level: "error",
    message: expect.stringContaining("AADSTS7000215"),
  });
  state.outage = true;
  expect(await submit(1)).toMatchObject([{ status: "retry", reason: expect.stringContaining("503") }]);
  expect(state.mails).toEqual([]);
});

test("a token given by hand is used as it is, and stops the delivery when it has ended", async () => {
  const signIn = { method: "access-token", user: USER, accessToken: "by-hand" };
  state.valid = "by-hand";
  await open(signIn);
  expect(await submit(1)).toMatchObject([{ status: "accepted" }]);
  state.valid = "another";
  expect(await submit(2)).toMatchObject([{ status: "misconfigured" }]);
  expect(state.issued).toBe(0);
});
