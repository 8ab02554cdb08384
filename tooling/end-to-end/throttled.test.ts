import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openIngestionServer } from "../../packages/ingestion-server/src/index.ts";
import { TestInstallation } from "./installation.ts";

const ANN = "ann@contoso.example";
const LIMITS = { requests: 40, requestsWindowMs: 6000 };
const WINDOWS = 3;
const MESSAGES = LIMITS.requests * (WINDOWS + 3);
const APPLICATION = {
  clientId: "11111111-2222-3333-4444-555555555555",
  secret: "s3cret-value",
  permissions: ["Mail.ReadWrite", "User.Read.All"],
};

test("a run waits for a mailbox whose allowance is used up, uses at least 95 % of what it gives, and never exceeds it", async () => {
  const here = new TestInstallation("", {
    "connector-slack": "connectors/slack",
    "destination-microsoft365": "packages/destination-microsoft365",
  });
  const server = await openIngestionServer({
    folder: join(here.folder, "server"),
    applications: [APPLICATION],
    mailboxes: [{ address: ANN }],
    limits: LIMITS,
  });
  here.write("secret", APPLICATION.secret);
  writeExport(join(here.folder, "slack"), MESSAGES);
  const settings = {
    tenantId: "contoso.example",
    clientId: APPLICATION.clientId,
    signIn: { method: "client-secret", clientSecret: "${file:./secret}" },
    authorityUrl: server.url,
    graphUrl: server.url,
    readBackShare: 0,
    pace: LIMITS,
    // Far less than the window, as by default: whoever has to wait longer is put off. A busy machine is slower than that.
    patienceMs: LIMITS.requestsWindowMs / 6,
  };
  const configuration = {
    sources: { slack: { settings: { export: "slack", downloadFiles: false } } },
    destinations: { microsoft365: { thirdPartyMailbox: ANN, folder: "inbox", settings } },
    people: { domains: ["contoso.example"] },
  };
  here.write("hansard.yaml", JSON.stringify(configuration));
  const run = here.hansard("run");
  while (server.store.accepted().length < 2 * LIMITS.requests) await sleep(200);
  const before = server.store.accepted().length;
  await sleep(WINDOWS * LIMITS.requestsWindowMs);
  const share = (server.store.accepted().length - before) / (WINDOWS * LIMITS.requests);
  expect(share).toBeGreaterThanOrEqual(0.95);
  expect(share).toBeLessThanOrEqual(1);
  expect(await run).toMatchObject({ code: 0 });
  expect(server.store.accepted()).toHaveLength(MESSAGES);
  expect(server.pace.refused).toEqual({ MailboxConcurrency: 0, RequestsPerMailbox: 0, UploadBytesPerMailbox: 0 });
  await server.close();
  here.remove();
}, 120_000);

function writeExport(folder: string, messages: number): void {
  mkdirSync(join(folder, "general"), { recursive: true });
  writeFileSync(join(folder, "users.json"), JSON.stringify([{ id: "U0", name: "ann", profile: { email: ANN } }]));
  writeFileSync(join(folder, "channels.json"), JSON.stringify([{ id: "C1", name: "general", members: ["U0"] }]));
  const day = Array.from({ length: messages }, (_, index) => ({
    type: "message",
    user: "U0",
    text: `Number ${index}`,
    ts: `${1_767_600_000 + index}.000100`,
  }));
  writeFileSync(join(folder, "general", "2026-01-05.json"), JSON.stringify(day));
}
