import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { IngestionServer } from "../../packages/ingestion-server/src/index.ts";
import { APPLICATION, graphSettings, openGraphInstallation } from "./graph-installation.ts";
import type { TestInstallation } from "./installation.ts";

// A command that could not finish says where, why and what to do, and counts nothing as delivered that is not.

const [ANN, THIRD] = ["ann@contoso.example", "third@contoso.example"];
/** Of Ann, and of somebody whom nobody claims. */
const USERS = [
  { id: "U0", name: "ann", profile: { email: ANN } },
  { id: "U1", name: "guest", profile: {} },
];
let here: TestInstallation;
let server: IngestionServer;

beforeEach(async () => {
  ({ here, server } = await openGraphInstallation({ mailboxes: [{ address: ANN }] }));
  const settings = {
    ...graphSettings(server),
    settleMs: 0,
    patienceMs: 1000,
  };
  const configuration = {
    sources: { slack: { settings: { export: "slack", downloadFiles: false } } },
    destinations: { microsoft365: { thirdPartyMailbox: THIRD, folder: "inbox", settings } },
    people: { files: ["people.csv"], domains: ["contoso.example"] },
  };
  here.write("hansard.yaml", JSON.stringify(configuration));
  claim({});
  say("U0", "U1");
});

afterEach(async () => {
  await server.close();
  here.remove();
});

test("a retry counts what has arrived, and says what stopped the rest", async () => {
  expect(await here.json("run")).toMatchObject({ books: [{ delivered: 1, quarantined: 1 }] });

  here.write("secret", "not the secret");
  const refused = await here.hansard("quarantine", "retry");
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain("1 event tried again: 0 delivered, 0 still in quarantine, 1 waiting for the next");
  expect(refused.stdout).toMatch(/^slack → microsoft365: .*AADSTS7000215/m);

  here.write("secret", APPLICATION.secret);
  expect(await here.json("run")).toMatchObject({ books: [{ delivered: 1, quarantined: 1, pending: 0 }] });
  expect(await here.hansard("quarantine", "retry")).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("1 event tried again: 0 delivered, 1 still in quarantine."),
  });

  server.store.setMailbox({ address: THIRD });
  expect(await here.hansard("quarantine", "retry")).toMatchObject({
    code: 0,
    stdout: "1 event tried again: 1 delivered, 0 still in quarantine.\n",
  });
  expect(await here.json("status")).toMatchObject({
    sources: [{ destinations: { microsoft365: { byMailbox: { [`${ANN}/Inbox`]: 1, [`${THIRD}/Inbox`]: 1 } } } }],
  });
});

test("a rerouting that is refused says why, and does all when it is run again", async () => {
  server.store.setMailbox({ address: THIRD });
  await here.hansard("run");
  claim({ U1: ANN });
  here.write("secret", "not the secret");
  const refused = await here.hansard("reroute");
  expect(refused.code).toBe(1);
  expect(refused.stdout).toMatch(/^slack → microsoft365: .*AADSTS7000215/m);
  expect(refused.stdout).toContain("0 copies delivered");

  here.write("secret", APPLICATION.secret);
  await here.hansard("run");
  expect(await here.hansard("reroute")).toMatchObject({ code: 0 });
  expect(await here.json("status")).toMatchObject({
    sources: [{ destinations: { microsoft365: { byMailbox: { [`${ANN}/Inbox`]: 2 } } } }],
  });
});

test("what waits for a later run is told with its reason, by the run that put it off and by the next", async () => {
  server.store.setMailbox({ address: THIRD });
  server.faults.set("throttled", { rate: 1, ms: 600_000_000, mailboxes: [ANN], writesOnly: true });
  for (const _ of ["puts it off", "finds it waiting"])
    expect((await here.hansard("run")).stdout).toMatch(
      /slack → microsoft365: 1 delivery will be tried again\. Graph, for ann@contoso\.example, answered 429/,
    );
});

/** The people file, by Slack's ids. */
function claim(mailboxes: Record<string, string>): void {
  const rows = Object.entries(mailboxes).map(([id, mailbox]) => `slack,${id},${mailbox}`);
  here.write("people.csv", ["source,id,mailbox", ...rows, ""].join("\n"));
}

/** A channel in which each of them says one thing, and nobody else is. */
function say(...users: string[]): void {
  const folder = join(here.folder, "slack");
  for (const user of users) {
    const name = `of-${user.toLowerCase()}`;
    mkdirSync(join(folder, name), { recursive: true });
    const day = [{ type: "message", user, text: `By ${user}`, ts: "1767600000.000100" }];
    writeFileSync(join(folder, name, "2026-01-05.json"), JSON.stringify(day));
  }
  const channels = users.map((user, index) => ({ id: `C${index}`, name: `of-${user.toLowerCase()}`, members: [user] }));
  writeFileSync(join(folder, "channels.json"), JSON.stringify(channels));
  writeFileSync(join(folder, "users.json"), JSON.stringify(USERS));
}
