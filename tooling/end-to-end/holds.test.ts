import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "@hansard/core";
import type { IngestionServer } from "../../packages/ingestion-server/src/index.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { graphSettings, openGraphInstallation } from "./graph-installation.ts";
import type { TestInstallation } from "./installation.ts";

// Purges keeps a message only while a hold is there. From the configuration to the mailbox: what no hold keeps is parked
// where it is safe, the operator is told, and rerouting brings it home.

const [ANN, BOB, THIRD] = ["ann@contoso.example", "bob@contoso.example", "third@contoso.example"];
let here: TestInstallation;
let server: IngestionServer;

beforeEach(async () => {
  ({ here, server } = await openGraphInstallation({ mailboxes: [ANN, BOB, THIRD].map((address) => ({ address })) }));
  write("2026-01-05.json", ["first", "second"]);
});

afterEach(async () => {
  await server.close();
  here.remove();
});

test("without a confirmed hold everything waits in the third-party data mailbox; each confirmation brings its share home", async () => {
  configure([]);
  const { findings } = await here.json<{ findings: Finding[] }>("check");
  expect(findings.find(({ message }) => message.includes("No administrator has confirmed"))).toMatchObject({
    level: "error",
    message: expect.stringContaining(THIRD),
    remedy: expect.stringContaining("LitigationHoldEnabled"),
  });
  const { code, stdout } = await here.hansard("run");
  expect(code).toBe(1);
  expect(stdout).toContain(
    `what is for Purges of ${ANN} and 1 more is in the Inbox of ${THIRD}, since no hold is proven (2 copies for 2 people in this run)`,
  );
  expect(stdout).toContain(`Set-Mailbox -Identity ${ANN} -LitigationHoldEnabled $true`);
  expect(everywhere()).toEqual({ ann: [], bob: [], third: ["first", "second"] });

  configure([{ mailboxes: [ANN], on: today(), by: "Ada" }]);
  expect(await here.json("reroute")).toMatchObject({ copies: 2, withdrawn: 0 });
  expect(everywhere()).toEqual({ ann: ["first", "second"], bob: [], third: ["first", "second"] });

  configure([{ mailboxes: "*", on: today(), by: "Ada" }]);
  expect(await here.json("reroute")).toMatchObject({ copies: 2, withdrawn: 2 });
  expect(everywhere()).toEqual({ ann: ["first", "second"], bob: ["first", "second"], third: [] });
  expect(await here.json("reroute")).toMatchObject({ copies: 0, withdrawn: 0 });
  expect(await here.hansard("run")).toMatchObject({ code: 0 });
  expect(await here.json("reconcile")).toMatchObject({ balanced: true });
}, 120_000);

test("a hold that is removed is noticed by the run, and only what was for that mailbox goes elsewhere until it is back", async () => {
  server.store.setRetention(0);
  configure([{ mailboxes: "*", on: today(), by: "Ada" }]);
  expect(await here.hansard("run")).toMatchObject({ code: 0 });
  server.store.setMailbox({ address: BOB, onHold: false });
  write("2026-01-06.json", ["third", "fourth"]);
  const { code, stdout } = await here.hansard("run");
  expect(stdout).toContain(`${BOB} did not keep what was sent into its Purges`);
  expect(code).toBe(1);
  expect(everywhere()).toEqual({ ann: ["first", "fourth", "second", "third"], bob: [], third: ["fourth", "third"] });
  const { findings } = await here.json<{ findings: Finding[] }>("check");
  expect(findings.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual([
    expect.stringContaining(`${BOB} did not keep what was sent into its Purges`),
  ]);

  server.store.setMailbox({ address: BOB, onHold: true });
  configure([
    { mailboxes: "*", on: today(), by: "Ada" },
    { mailboxes: [BOB], on: new Date().toISOString(), by: "Ada" },
  ]);
  expect(await here.json("reroute")).toMatchObject({ copies: 2, withdrawn: 2 });
  expect(everywhere()).toMatchObject({ bob: ["fourth", "third"], third: [] });
}, 120_000);

test("a person without a mailbox is named by check and by the run; rerouting does not double what waits, and brings it home once there is one", async () => {
  server.store.setMailbox({ address: BOB, hasMailbox: false });
  configure([{ mailboxes: "*", on: today(), by: "Ada" }], { probeMailbox: BOB });
  const { findings } = await here.json<{ findings: Finding[] }>("check");
  expect(findings.find(({ level }) => level === "error")).toMatchObject({
    message: expect.stringContaining(`${BOB} has no active mailbox in Exchange Online: it lacks a licence`),
    remedy: expect.stringContaining("Set-MgUserLicense"),
  });
  const { code, stdout, stderr } = await here.hansard("run");
  expect(code).toBe(1);
  const summary = `microsoft365: 2 copies for ${BOB} went to the Inbox of ${THIRD}, since there are no such mailboxes.`;
  expect(stdout).toContain(summary);
  expect(stdout).toMatch(/map them to others in the people file; then run ".*hansard.* reroute"/);
  expect(stdout).toContain("The books balance");
  expect(stderr).toContain(`What is for ${BOB} goes to ${THIRD}.`);
  expect(stderr).toContain("in Exchange Online: a licence");
  expect(await here.hansard("run")).toMatchObject({ code: 0 });
  for (const _ of [1, 2]) expect(await here.json("reroute")).toMatchObject({ copies: 0, withdrawn: 0 });
  expect(everywhere()).toEqual({ ann: ["first", "second"], bob: [], third: ["first", "second"] });
  server.store.setMailbox({ address: BOB, hasMailbox: true });
  expect(await here.json("reroute")).toMatchObject({ copies: 2, withdrawn: 2 });
  expect(everywhere()).toEqual({ ann: ["first", "second"], bob: ["first", "second"], third: [] });
}, 120_000);

function configure(confirmed: object[], more: object = {}): void {
  const settings = {
    ...graphSettings(server),
    holds: { confirmed },
    settleMs: 100,
    ...more,
  };
  const configuration = {
    sources: { slack: { settings: { export: "slack", downloadFiles: false } } },
    destinations: { microsoft365: { thirdPartyMailbox: THIRD, folder: "purges", settings } },
    people: { domains: ["contoso.example"] },
  };
  here.write("hansard.yaml", JSON.stringify(configuration));
}

/** One day of a channel that both people are in. */
function write(day: string, texts: string[]): void {
  const folder = join(here.folder, "slack");
  mkdirSync(join(folder, "general"), { recursive: true });
  const users = [ANN, BOB].map((email, index) => ({ id: `U${index}`, name: `user${index}`, profile: { email } }));
  writeFileSync(join(folder, "users.json"), JSON.stringify(users));
  writeFileSync(
    join(folder, "channels.json"),
    JSON.stringify([{ id: "C1", name: "general", members: users.map(({ id }) => id) }]),
  );
  const start = Date.parse(day.slice(0, 10)) / 1000 + 3600;
  const messages = texts.map((text, index) => ({ type: "message", user: "U0", text, ts: `${start + index}.000100` }));
  writeFileSync(join(folder, "general", day), JSON.stringify(messages));
}

function everywhere(): Record<string, string[]> {
  return {
    ann: texts(ANN, "recoverableitemspurges"),
    bob: texts(BOB, "recoverableitemspurges"),
    third: texts(THIRD, "inbox"),
  };
}

function texts(address: string, folder: "recoverableitemspurges" | "inbox"): string[] {
  const mailbox = server.store.mailbox(address)?.id ?? 0;
  const { items } = server.store.findItems({ mailbox, folder: server.store.wellKnownFolder(mailbox, folder).id });
  return items.map(({ subject }) => /first|second|third|fourth/.exec(subject)?.[0] ?? subject).sort();
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}
