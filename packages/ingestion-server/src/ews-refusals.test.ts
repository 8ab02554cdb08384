import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Finding } from "@hansard/core";
import type { Outcome } from "@hansard/core/ingestion";
import { openExchangeDestination, Settings } from "@hansard/destination-exchange";
import { afterEach, beforeEach, expect, test } from "vitest";
import { heldToday } from "./delivery.test.support.ts";
import { ACCOUNT, APPLICATION, recordingLog, TENANT, THIRD_PARTY } from "./ews.test.support.ts";
import { blobs, BOB, sample } from "./ews-sample.test.support.ts";
import { type IngestionServer, type IngestionServerOptions, openIngestionServer } from "./server.ts";

// Whatever an administrator can have set up wrongly: `check` and the run name it, and say what to do.

const WEAK = { ...APPLICATION, clientId: "22222222-2222-3333-4444-555555555555", permissions: [] };
const UNLICENSED = "unlicensed@contoso.example";
const signal = new AbortController().signal;
let folder: string;
let server: IngestionServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ews-refusals-"));
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

async function open(options: Partial<IngestionServerOptions> = {}): Promise<void> {
  server = await openIngestionServer({
    folder: join(folder, "server"),
    tenant: TENANT,
    applications: [APPLICATION, WEAK],
    mailboxes: [{ address: BOB }, { address: THIRD_PARTY }, { address: UNLICENSED, hasMailbox: false }],
    ...options,
    ews: { accounts: [ACCOUNT], ...options.ews },
  });
}

/** What `check` finds wrong first, and what becomes of one message. */
async function tried(settings: object, mailbox = BOB): Promise<{ error: Finding | undefined; outcome: Outcome }> {
  const { user, password } = ACCOUNT;
  const parsed = Settings.parse({
    url: `${server.url}/EWS/Exchange.asmx`,
    signIn: { method: "basic", user, password },
    probeMailbox: mailbox,
    holds: heldToday(),
    ...settings,
  });
  const context = { id: "exchange", settings: parsed, blobs, folder, log: recordingLog() };
  const destination = await openExchangeDestination(context);
  const findings = await destination.check();
  const [outcome = { status: "unknown", reason: "Nothing was said." }] = await destination.submit(
    [await sample(1, { mailbox })],
    { signal },
  );
  await destination.close();
  return { error: findings.find(({ level }) => level === "error"), outcome };
}

function application(changes: object = {}): object {
  const { clientId, secret: clientSecret } = APPLICATION;
  const signIn = { method: "client-secret", tenantId: TENANT.domain, clientId, clientSecret, authorityUrl: server.url };
  return { signIn: { ...signIn, ...changes } };
}

test.each([
  ["a wrong password", () => ({ signIn: { method: "basic", user: ACCOUNT.user, password: "x" } }), "(401)", "password"],
  [
    "NTLM where the server does not offer it",
    () => ({ signIn: { method: "ntlm", user: ACCOUNT.user, password: ACCOUNT.password } }),
    "It offers Basic, Bearer",
    "`signIn`",
  ],
  ["a wrong secret", () => application({ clientSecret: "x" }), "AADSTS7000215", "`clientSecret`"],
  ["a tenant that nobody knows", () => application({ tenantId: "nobody.example" }), "AADSTS90002", "`tenantId`"],
  ["an application that nobody registered", () => application({ clientId: "x" }), "AADSTS700016", "`clientId`"],
  [
    "an application without the permission",
    () => application({ clientId: WEAK.clientId }),
    "ErrorImpersonateUserDenied",
    "full_access_as_app",
  ],
])("%s is named by `check` and stops the run, each with what to do", async (_, settings, reason, remedy) => {
  await open();
  const { error, outcome } = await tried(settings());
  expect(error?.message).toContain(reason);
  expect(error?.remedy).toContain(remedy);
  expect(outcome).toMatchObject({
    status: "misconfigured",
    reason: expect.stringContaining(reason),
    remedy: expect.stringContaining(remedy),
  });
});

test("a blocked EWS is named, and how to allow it", async () => {
  await open({ ews: { isBlocked: true } });
  const { error, outcome } = await tried({});
  expect(error).toMatchObject({
    message: expect.stringContaining("forbids EWS (403)"),
    remedy: expect.stringContaining("Set-CASMailbox"),
  });
  expect(outcome).toMatchObject({ status: "misconfigured", remedy: expect.stringContaining("-EwsEnabled $true") });
});

test("a mailbox without a licence or none at all is named with both remedies, and its messages go to the third-party data mailbox", async () => {
  await open();
  for (const mailbox of [UNLICENSED, "nobody@contoso.example"]) {
    const { error, outcome } = await tried({}, mailbox);
    expect(error).toMatchObject({
      message: expect.stringContaining(`${mailbox} cannot be reached. ErrorNonExistentMailbox`),
      remedy: expect.stringMatching(/New-Mailbox.*Get-MgUserLicenseDetail/),
    });
    expect(outcome).toMatchObject({ status: "no-mailbox" });
  }
});
