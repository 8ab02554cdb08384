import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { graphSettings, openGraphInstallation } from "./graph-installation.ts";

const ANN = "ann@contoso.example";
const LIMITS = { requests: 40, requestsWindowMs: 6000 };
/** Of several windows. */
const MESSAGES = LIMITS.requests * 2;

// How much of the allowance is used is measured by `npm run bench`: a busy machine would fail a timed test.
test("a run waits for a mailbox whose allowance is used up, delivers all, and never exceeds it", async () => {
  const { here, server } = await openGraphInstallation({ mailboxes: [{ address: ANN }], limits: LIMITS });
  writeExport(join(here.folder, "slack"), MESSAGES);
  const settings = {
    ...graphSettings(server),
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
  const { code, stdout, stderr } = await here.hansard("run");
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  expect(server.store.accepted(), stdout).toHaveLength(MESSAGES);
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
