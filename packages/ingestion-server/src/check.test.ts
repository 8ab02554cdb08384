import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Finding } from "@hansard/core";
import type { Folder, Outcome } from "@hansard/core/ingestion";
import { type Microsoft365Destination, openMicrosoft365, Settings } from "@hansard/destination-microsoft365";
import { afterEach, beforeEach, expect, test } from "vitest";
import { certificateFor } from "./certificate.test.support.ts";
import { APPLICATION, SampleBlobs, sampleDelivery } from "./delivery.test.sample.ts";
import { type IngestionServer, openIngestionServer } from "./server.ts";
import type { Application } from "./server-token.ts";

// What an administrator can set up wrongly: `check` and the run say which it is, and what to do.

const BOB = "bob@contoso.example";
const THIRD_PARTY = "third-party@contoso.example";
const signal = new AbortController().signal;
const TODAY = new Date().toISOString().slice(0, 10);
let folder: string;
let server: IngestionServer;
let destination: Microsoft365Destination | undefined;
let thirdParty: string;
let warnings: string[];
let usualFolder: Folder;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "check-"));
  thirdParty = THIRD_PARTY;
  warnings = [];
  usualFolder = { kind: "purges" };
});

afterEach(async () => {
  await destination?.close();
  destination = undefined;
  await server.close();
  await rm(folder, { recursive: true });
});

test("a right set-up has no errors, and the probe reads back its class", async () => {
  await open({ probeMailbox: BOB });
  const findings = await check();
  expect(findings.filter(({ level }) => level !== "ok")).toEqual([]);
  expect(findings.at(-1)?.message).toContain("had the class, the date and the flags");
  const inbox = server.store.wellKnownFolder(server.store.mailbox(BOB)!.id, "inbox");
  expect(server.store.findItems({ mailbox: inbox.mailbox, folder: inbox.id }).total).toBe(0);
});

test.each([
  [
    "a wrong secret",
    { signIn: { method: "client-secret", clientSecret: "wrong" } },
    "The client secret is wrong.",
    "Add-MgApplicationPassword",
  ],
  ["an unknown tenant", { tenantId: "fabrikam.example" }, "The tenant is unknown.", "Get-MgOrganization"],
  [
    "an unknown application",
    { clientId: "99999999-2222-3333-4444-555555555555" },
    "does not know the application",
    "Get-MgServicePrincipal",
  ],
  ["an unreachable address", { authorityUrl: "http://127.0.0.1:9" }, "Entra ID", "proxyUrl"],
])("%s is said, with its remedy, and stops the run", async (_, settings, message, remedy) => {
  await open(settings);
  expectError(await check(), message, remedy);
  const [outcome] = await submit();
  if (message === "Entra ID")
    expect(outcome).toMatchObject({ status: "retry", reason: expect.stringContaining("at 127.0.0.1:9: connect") });
  else
    expect(outcome).toMatchObject({
      status: "misconfigured",
      reason: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    });
  expect(JSON.stringify(outcome)).not.toContain('wrong"');
});

test("a missing permission and a scope that leaves the mailbox out are told apart; neither is a missing mailbox", async () => {
  await open({}, { permissions: ["User.Read.All"] });
  expectError(await check(), "no Mail.ReadWrite in its token", "Application Mail.ReadWrite");
  expect((await submit())[0]).toMatchObject({
    status: "misconfigured",
    reason: expect.stringContaining("ErrorAccessDenied"),
    remedy: expect.stringContaining(`Give the application Mail.ReadWrite for ${BOB}`),
  });
  await reopen({}, { mailboxes: ["alice@contoso.example"] });
  expectError(await check(), "its scope leaves third-party@contoso.example out", "Test-ServicePrincipalAuthorization");
  expect((await submit())[0]?.status).toBe("misconfigured");
  await reopen({}, { permissions: ["Mail.ReadWrite"] });
  expectError(await check(), "The directory cannot be read", "df021288-bdef-4463-88db-98f22de89214");
  await expect(destination?.resolve?.(BOB)).rejects.toMatchObject({ kind: "authentication" });
});

test("a mailbox without a licence and one that does not exist are told apart, and both fall through", async () => {
  thirdParty = "nobody@contoso.example";
  await open({ probeMailbox: BOB });
  server.store.setMailbox({ address: BOB, hasMailbox: false });
  const findings = await check();
  expectError(findings, "There is no user nobody@contoso.example", "New-Mailbox -Shared");
  expectError(findings, "lacks a licence", "Set-MgUserLicense");
  expect((await submit())[0]).toMatchObject({ status: "no-mailbox" });
});

test("without an administrator's word, or with one that is old or ahead of time, nothing goes into Purges", async () => {
  await open({ holds: undefined });
  expectError(await check(), "No administrator has confirmed", "LitigationHoldEnabled");
  expect((await submit("purges"))[0]).toMatchObject({
    status: "no-hold",
    reason: expect.stringContaining("is on hold"),
  });
  for (const on of ["2020-01-01", "2120-01-01"]) {
    await reopen({ holds: { confirmed: [{ mailboxes: "*", on, by: "Anna" }] } });
    expectError(await check(), `confirmed to be on hold by Anna on ${on}`, "Set-Mailbox");
    expect((await submit("purges"))[0]?.status).toBe("no-hold");
  }
  expect(server.store.accepted()).toEqual([]);
});

test("where nothing is configured for Purges, nobody is asked about holds", async () => {
  usualFolder = { kind: "visible", path: ["Slack"] };
  await open({ holds: undefined });
  expect((await check()).filter(({ level }) => level !== "ok")).toEqual([]);
});

test("a hold that was removed is noticed by the run at once, and by check later", async () => {
  await open({});
  server.store.setRetention(0);
  expect((await submit("purges"))[0]?.status).toBe("accepted");
  expect((await check()).some(({ level }) => level === "error")).toBe(false);
  server.store.setMailbox({ address: BOB, onHold: false });
  expectError(await check(), `${BOB} did not keep what was sent into its Purges`, "LitigationHoldEnabled $true");
  await reopenDestination({});
  expect((await submit("purges", 2))[0]).toMatchObject({
    status: "no-hold",
    reason: expect.stringContaining("hold was removed"),
  });
  // The mailbox is believed again when an administrator has looked at it since.
  server.store.setMailbox({ address: BOB, onHold: true });
  const confirmed = [{ mailboxes: [BOB], on: new Date().toISOString(), by: "Anna" }];
  await reopenDestination({ holds: { confirmed } });
  expect((await submit("purges", 3))[0]?.status).toBe("accepted");
  expect((await check()).filter(({ level }) => level === "error")).toEqual([]);
});

test("what left Purges after two weeks proves nothing, since a retention policy moves it into the archive mailbox", async () => {
  await open({});
  const kept = (days: number) => ({ mailbox: BOB, itemId: "gone", at: Date.now() - days * 24 * 60 * 60 * 1000 });
  await writeFile(join(folder, "kept.jsonl"), `${JSON.stringify(kept(15))}\n`);
  expect((await check()).some(({ level }) => level === "error")).toBe(false);
  await writeFile(join(folder, "kept.jsonl"), `${JSON.stringify(kept(12))}\n`);
  expectError(await check(), `${BOB} did not keep what was sent into its Purges`, "LitigationHoldEnabled $true");
});

test("a hold that is not there is noticed with the first message, and no other of the same moment counts as kept", async () => {
  await open({ readBackShare: 0 });
  server.store.setRetention(0);
  server.store.setMailbox({ address: BOB, onHold: false });
  const deliveries = await Promise.all(
    Array.from({ length: 6 }, (_, number) => sampleDelivery(number, { folder: { kind: "purges" } })),
  );
  const outcomes = await Promise.all(
    [deliveries.slice(0, 3), deliveries.slice(3)].map((chunk) => destination!.submit(chunk, { signal })),
  );
  expect(new Set(outcomes.flat().map(({ status }) => status))).toEqual(new Set(["no-hold"]));
  expect(destination?.holdDoubt?.(BOB)?.reason).toContain("did not keep");
  expect(destination?.holdDoubt?.(THIRD_PARTY)).toBeUndefined();
});

test("Purges is refused in clouds that have no permanentDelete", async () => {
  await open({ cloud: "gcc-high" });
  expectError(await check(), "cannot be reached in this cloud", "visible folder");
  expect((await submit("purges"))[0]).toMatchObject({
    status: "misconfigured",
    reason: expect.stringContaining("global one only"),
  });
  expect((await submit())[0]?.status).toBe("accepted");
});

test("a certificate signs in, is warned of before it ends, and a foreign one is refused", async () => {
  const [mine, foreign] = [await certificate("mine", 10), await certificate("foreign", 400)];
  await open(
    { signIn: { method: "certificate", certificateFile: mine.certificateFile, privateKeyFile: mine.privateKeyFile } },
    { certificate: mine.pem },
  );
  const findings = await check();
  expect(findings[0]).toMatchObject({
    level: "warning",
    message: expect.stringMatching(/ends in \d+ days/),
    remedy: expect.stringContaining("KeyCredentials"),
  });
  expect((await submit())[0]?.status).toBe("accepted");
  // A run says it too, whenever it opens the destination.
  expect(warnings).toEqual([expect.stringMatching(/The sign-in certificate ends in \d+ days.*KeyCredentials/)]);
  const ended = await certificate("ended", -3);
  await reopen(
    { signIn: { method: "certificate", certificateFile: ended.certificateFile, privateKeyFile: ended.privateKeyFile } },
    { certificate: ended.pem },
  );
  expectError(await check(), "The sign-in certificate ended on", "KeyCredentials");
  expect((await submit())[0]).toMatchObject({
    status: "misconfigured",
    reason: expect.stringContaining("The certificate is not accepted."),
    remedy: expect.stringContaining("has not expired"),
  });
  expect(warnings.at(-1)).toContain("The sign-in certificate ended on");
  await reopen(
    {
      signIn: {
        method: "certificate",
        certificateFile: foreign.certificateFile,
        privateKeyFile: foreign.privateKeyFile,
      },
    },
    { certificate: mine.pem },
  );
  expectError(await check(), "The certificate is not accepted.", "KeyCredentials");
  await expect(
    openWith({
      signIn: { method: "certificate", certificateFile: mine.certificateFile, privateKeyFile: foreign.privateKeyFile },
    }),
  ).rejects.toThrow("it is another certificate's");
});

test("a federated token signs in, and one of another subject does not", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const assertionFile = join(folder, "token");
  const federation = {
    issuer: "https://issuer.example",
    subject: "system:hansard",
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
  function assertion(sub: string): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const content = `${part({ alg: "RS256", typ: "JWT" })}.${part({ iss: federation.issuer, sub, aud: "api://AzureADTokenExchange", exp: Date.now() / 1000 + 600 })}`;
    return `${content}.${sign("sha256", Buffer.from(content), privateKey).toString("base64url")}`;
  }
  await writeFile(assertionFile, `${assertion("system:hansard")}\n`);
  await open({ signIn: { method: "federated", assertionFile } }, { federation });
  expect((await submit())[0]?.status).toBe("accepted");
  await writeFile(assertionFile, assertion("system:other"));
  await reopen({ signIn: { method: "federated", assertionFile } }, { federation });
  expect((await check())[0]?.level).toBe("error");
});

test("the limits of a mailbox are used and never exceeded", async () => {
  const pace = { requests: 60, requestsWindowMs: 3000, concurrency: 4 };
  await open({ pace, patienceMs: 20_000, readBackShare: 0 }, {}, { requests: 60, requestsWindowMs: 3000 });
  const deliveries = await Promise.all(Array.from({ length: 300 }, (_, number) => sampleDelivery(number)));
  const stop = new AbortController();
  const work = destination!.submit(deliveries, { signal: stop.signal });
  await new Promise((resolve) => setTimeout(resolve, 3 * pace.requestsWindowMs));
  // Nothing but the limit holds the work up: of what three windows allow, at least 95 % is used.
  const accepted = server.store.accepted().length;
  expect(accepted).toBeGreaterThanOrEqual(0.95 * 3 * pace.requests);
  expect(accepted).toBeLessThanOrEqual(3 * pace.requests);
  stop.abort();
  await work;
  expect(server.pace.refused).toEqual({ MailboxConcurrency: 0, RequestsPerMailbox: 0, UploadBytesPerMailbox: 0 });
  expect(server.pace.highest).toBeLessThanOrEqual(4);
});

test("the third-party data mailbox rolls over to a dated folder before its inbox is full", async () => {
  await open({ folderItems: 5 });
  server.store.setMailbox({ address: THIRD_PARTY, folderItems: 6 });
  const deliveries = await Promise.all(
    Array.from({ length: 12 }, (_, number) => sampleDelivery(number, { mailbox: THIRD_PARTY })),
  );
  for (const delivery of deliveries)
    expect((await destination!.submit([delivery], { signal }))[0]?.status).toBe("accepted");
  const { id } = server.store.mailbox(THIRD_PARTY)!;
  const folders = server.store.childFolders(id, server.store.wellKnownFolder(id, "inbox").id);
  expect(folders.map(({ name, items }) => [name, items])).toEqual([
    [`Hansard ${TODAY}`, 5],
    [`Hansard ${TODAY} (2)`, 2],
  ]);
  const receipts = await destination!.find(deliveries, { signal });
  expect(receipts.every((receipt) => receipt !== undefined)).toBe(true);
});

async function open(settings: object, application: Partial<Application> = {}, limits = {}): Promise<void> {
  server = await openIngestionServer({
    folder: join(folder, "server"),
    applications: [{ ...APPLICATION, ...application }],
    mailboxes: [{ address: BOB }, { address: THIRD_PARTY }, { address: "alice@contoso.example" }],
    limits,
  });
  destination = await openWith(settings);
}

async function reopen(settings: object, application: Partial<Application> = {}): Promise<void> {
  await destination?.close();
  await server.close();
  await open(settings, application);
}

async function reopenDestination(settings: object): Promise<void> {
  await destination?.close();
  destination = await openWith(settings);
}

function openWith(settings: object): Promise<Microsoft365Destination> {
  const parsed = Settings.parse({
    tenantId: "contoso.example",
    clientId: APPLICATION.clientId,
    signIn: { method: "client-secret", clientSecret: APPLICATION.secret },
    authorityUrl: server.url,
    graphUrl: server.url,
    holds: { confirmed: [{ mailboxes: "*", on: TODAY, by: "an administrator" }] },
    settleMs: 100,
    patienceMs: 1000,
    ...settings,
  });
  return openMicrosoft365({
    id: "m365",
    settings: parsed,
    blobs: new SampleBlobs(),
    folder,
    routing: { thirdPartyMailbox: thirdParty, folder: usualFolder },
    log: {
      debug() {},
      info() {},
      warn: (message, { remedy = "" } = {}) => void warnings.push(`${message} ${String(remedy)}`),
      error() {},
    },
  });
}

async function check(): Promise<Finding[]> {
  return destination!.check();
}

async function submit(kind: "inbox" | "purges" = "inbox", number = 1): Promise<Outcome[]> {
  return destination!.submit([await sampleDelivery(number, { folder: { kind } })], { signal });
}

function expectError(findings: Finding[], message: string, remedy: string): void {
  const found = findings.find((finding) => finding.level === "error" && finding.message.includes(message));
  expect(found, JSON.stringify(findings, undefined, 1)).toBeDefined();
  expect(found?.remedy).toContain(remedy);
}

/** One that began long ago, in files as the settings name them. */
async function certificate(
  name: string,
  days: number,
): Promise<{ certificateFile: string; privateKeyFile: string; pem: string }> {
  const [certificateFile, privateKeyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const { key, cert } = await certificateFor(name, { from: -2000, until: days });
  await Promise.all([writeFile(certificateFile, cert), writeFile(privateKeyFile, key)]);
  return { certificateFile, privateKeyFile, pem: cert };
}
