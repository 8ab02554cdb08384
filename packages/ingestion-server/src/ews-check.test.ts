import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Finding } from "@hansard/core";
import type { Folder } from "@hansard/core/ingestion";
import { openExchangeDestination, Settings } from "@hansard/destination-exchange";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EwsOptions } from "./ews.ts";
import { ACCOUNT, openTestEws, recordingLog, settingsFor, type TestEws, THIRD_PARTY } from "./ews.test.support.ts";
import { blobs, BOB, sample } from "./ews-sample.test.support.ts";

import { EWS_LIMITS, ServerPace } from "./server-pace.ts";

const signal = new AbortController().signal;
let ews: TestEws;

beforeEach(async () => {
  ews = await openTestEws({
    mailboxes: [BOB, THIRD_PARTY].map((address) => ({ address })),
    ews: { accounts: [ACCOUNT, { user: "weak", password: "w" }] },
  });
});

afterEach(() => ews.close());

async function checked(settings: object, target?: Folder): Promise<Finding[]> {
  const parsed = Settings.parse(settingsFor(ews, settings));
  const context = { id: "exchange", settings: parsed, blobs, folder: ews.folder, log: recordingLog() };
  const routing = target && { routing: { thirdPartyMailbox: THIRD_PARTY, folder: target } };
  const destination = await openExchangeDestination({ ...context, ...routing });
  try {
    return await destination.check();
  } finally {
    await destination.close();
  }
}

test("finds nothing wrong where nothing is, in the probe mailbox, the third-party data mailbox and the holds", async () => {
  const findings = await checked({ probeMailbox: BOB }, { kind: "purges" });
  expect(findings.filter(({ level }) => level === "error")).toEqual([]);
  expect(findings.filter(({ level }) => level === "ok")).toHaveLength(5);
});

test("says what to type about holds, which it cannot see, where anything goes into Purges", async () => {
  const findings = await checked({ holds: undefined }, { kind: "purges" });
  expect(findings.find(({ message }) => message.includes("on hold"))).toMatchObject({
    level: "error",
    message: expect.stringContaining(`the Inbox of ${THIRD_PARTY}`),
    remedy: expect.stringContaining("-LitigationHoldEnabled $true"),
  });
  const visible = await checked({ holds: undefined }, { kind: "inbox" });
  expect(visible.some(({ message }) => message.includes("on hold"))).toBe(false);
});

test.each([
  ["a mailbox that is not there", { probeMailbox: "nobody@contoso.example" }, "ErrorNonExistentMailbox", "New-Mailbox"],
  [
    "an account that may not impersonate",
    { probeMailbox: BOB, signIn: { method: "basic", user: "weak", password: "w" } },
    "ErrorImpersonateUserDenied",
    "New-ManagementRoleAssignment",
  ],
  [
    "an account without FullAccess",
    { probeMailbox: BOB, impersonate: false, signIn: { method: "basic", user: "weak", password: "w" } },
    "ErrorFolderNotFound",
    "Add-MailboxPermission",
  ],
  [
    "a wrong password",
    { probeMailbox: BOB, signIn: { method: "basic", user: "weak", password: "x" } },
    "401",
    "password",
  ],
])("names %s, and what to do", async (_, settings, reason, remedy) => {
  const error = (await checked(settings)).find(({ level }) => level === "error");
  expect(error?.message).toContain(reason);
  expect(error?.remedy).toContain(remedy);
});

test("names a path that is no EWS", async () => {
  const error = (await checked({ probeMailbox: BOB, url: `${ews.url}/EWS/Wrong.asmx` })).find(
    ({ level }) => level === "error",
  );
  expect(error).toMatchObject({
    message: expect.stringContaining("is no EWS endpoint (404)"),
    remedy: expect.stringContaining("/EWS/Exchange.asmx"),
  });
});

test("says plainly what the partner profile is", async () => {
  const [first] = await checked({ profile: "partner-ingestion" });
  expect(first).toMatchObject({ level: "warning", message: expect.stringContaining("retired it on 2024-12-30") });
});

test("names a certificate that ends soon, and the application's wrong one", async () => {
  const [certificateFile, privateKeyFile] = [join(ews.folder, "cert.pem"), join(ews.folder, "key.pem")];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "9",
      "-subj",
      "/CN=hansard",
      "-keyout",
      privateKeyFile,
      "-out",
      certificateFile,
    ],
    { stdio: "ignore" },
  );
  const signIn = {
    method: "certificate",
    tenantId: "t",
    clientId: "c",
    certificateFile,
    privateKeyFile,
    authorityUrl: ews.url,
  };
  const findings = await checked({ signIn });
  expect(findings[0]).toMatchObject({
    level: "warning",
    message: expect.stringMatching(/ends in [89] days/),
    remedy: expect.stringContaining("new certificate"),
  });
});

test("waits as long as a busy server asks, for that mailbox only, and puts a longer pause off to a later run", async () => {
  const context = (patienceMs: number) => ({
    id: "e",
    settings: Settings.parse(settingsFor(ews, { patienceMs })),
    blobs,
    folder: ews.folder,
    log: recordingLog(),
  });
  const patient = await openExchangeDestination(context(5_000));
  ews.faults.set("throttled", { rate: 1, ms: 2_000, times: 1, mailboxes: [BOB] });
  const started = performance.now();
  const [waited, other] = await Promise.all([
    patient.submit([await sample(1)], { signal }).then((outcomes) => ({ outcomes, ms: performance.now() - started })),
    patient
      .submit([await sample(1, { mailbox: THIRD_PARTY })], { signal })
      .then((outcomes) => ({ outcomes, ms: performance.now() - started })),
  ]);
  expect([waited.outcomes[0]?.status, other.outcomes[0]?.status]).toEqual(["accepted", "accepted"]);
  expect(waited.ms).toBeGreaterThan(1_990);
  expect(other.ms).toBeLessThan(1_990);
  await patient.close();
  const hurried = await openExchangeDestination(context(100));
  ews.faults.set("throttled", { rate: 1, ms: 297_749, mailboxes: [BOB] });
  const [outcome] = await hurried.submit([await sample(2)], { signal });
  expect(outcome).toMatchObject({ status: "retry", reason: expect.stringContaining("ErrorServerBusy") });
  const retryAt = outcome?.status === "retry" ? (outcome.retryAt?.getTime() ?? 0) : 0;
  expect(retryAt - Date.now()).toBeGreaterThan(290_000);
  await hurried.close();
});

test("looks only when the last attempt can no longer appear, however long the first ones were put off", async () => {
  const context = {
    id: "e",
    settings: Settings.parse(settingsFor(ews, { settleMs: 900 })),
    blobs,
    folder: ews.folder,
    log: recordingLog(),
  };
  const destination = await openExchangeDestination(context);
  ews.faults.set("throttled", { rate: 1, ms: 1_000, times: 1 });
  ews.faults.set("late-commit", { rate: 1, ms: 500, times: 1, writesOnly: true });
  const delivery = await sample(1);
  expect(await destination.submit([delivery], { signal })).toMatchObject([{ status: "unknown" }]);
  expect(await destination.find([delivery], { signal })).toMatchObject([{ itemId: expect.any(String) }]);
  await destination.close();
});

test("the allowance of a mailbox is used and never exceeded, and of what is put off for long the time is said", async () => {
  const pace = new ServerPace({ ...EWS_LIMITS, requests: 8, requestsWindowMs: 2_500 });
  await reopen({ pace });
  const destination = await opened({ batchItems: 1, pace: { requests: 8, windowMs: 2_500 } });
  const deliveries = await Promise.all(Array.from({ length: 24 }, (_, number) => sample(number)));
  const started = performance.now();
  const outcomes = await destination.submit(deliveries, { signal });
  const ms = performance.now() - started;
  expect(outcomes.every(({ status }) => status === "accepted")).toBe(true);
  expect(pace.refused).toEqual({ MailboxConcurrency: 0, RequestsPerMailbox: 0, UploadBytesPerMailbox: 0 });
  // Three windows' worth takes the time of two and the work itself.
  expect(ms).toBeGreaterThan(4_999);
  expect(ms).toBeLessThan(5_000 / 0.95 + 2_000);
  await destination.close();
  await reopen({});
  const hurried = await opened({ batchItems: 1, patienceMs: 100, pace: { requests: 1, windowMs: 60_000 } });
  const [first, second] = await hurried.submit([await sample(100), await sample(101)], { signal });
  expect([first?.status, second?.status]).toEqual(["accepted", "retry"]);
  const retryAt = second?.status === "retry" ? (second.retryAt?.getTime() ?? 0) : 0;
  expect(retryAt - Date.now()).toBeGreaterThan(50_000);
  await hurried.close();
});

test("a server that bears fewer connections than are opened is asked with fewer, and takes everything", async () => {
  const pace = new ServerPace({ ...EWS_LIMITS, concurrency: 2 });
  await reopen({ pace, accounts: [{ user: "all", password: "a", fullAccess: "all" }] });
  const signIn = { method: "basic", user: "all", password: "a" };
  const destination = await opened({ batchItems: 1, connections: 8, impersonate: false, signIn });
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, async (_, number) => {
      const mailbox = number % 2 === 0 ? BOB : THIRD_PARTY;
      return destination.submit([await sample(number, { mailbox })], { signal });
    }),
  );
  const untaken = outcomes.flat().filter(({ status }) => status !== "accepted");
  expect(untaken.filter(({ status }) => status !== "retry")).toEqual([]);
  expect(pace.highest).toBe(2);
  expect(pace.refused.MailboxConcurrency).toBeGreaterThan(0);
  expect(untaken).toEqual([]);
  await destination.close();
});

async function reopen(options: EwsOptions): Promise<void> {
  await ews.close();
  ews = await openTestEws({ mailboxes: [BOB, THIRD_PARTY].map((address) => ({ address })), ews: options });
}

function opened(settings: object): ReturnType<typeof openExchangeDestination> {
  const parsed = Settings.parse(settingsFor(ews, settings));
  return openExchangeDestination({ id: "e", settings: parsed, blobs, folder: ews.folder, log: recordingLog() });
}
