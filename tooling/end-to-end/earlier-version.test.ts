import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestInstallation } from "./installation.ts";
import { writeSlackFolder } from "./slack-folder.ts";

const ANN = "ann@contoso.example";
let here: TestInstallation;

beforeEach(() => {
  here = new TestInstallation(
    JSON.stringify({
      sources: { slack: { settings: { export: "slack", downloadFiles: false } } },
      destinations: { archive: { thirdPartyMailbox: "third-party@contoso.example" } },
      people: { domains: ["contoso.example"] },
    }),
  );
  writeSlackFolder(here, { U1: ANN, U2: undefined }, [{ user: "U2", text: "first" }]);
});

afterEach(() => here.remove());

test("a journal of an earlier version is left as it is while a run of that version is under way, and brought up after it", async () => {
  await here.json("run");
  const journal = new DatabaseSync(join(here.folder, "hansard-data", "journal", "journal.db"));
  const version = () => journal.prepare("SELECT value FROM meta WHERE name = 'schema'").get()?.["value"];
  const current = version();
  journal.exec(`
    DROP TABLE parked;
    DROP TABLE unmapped;
    CREATE TABLE unmapped (
      source INTEGER NOT NULL, participant TEXT NOT NULL, name TEXT, address TEXT, messages INTEGER NOT NULL,
      PRIMARY KEY (source, participant)
    ) WITHOUT ROWID;
    INSERT INTO unmapped VALUES (1, 'U2', NULL, NULL, 1);
    UPDATE meta SET value = 1 WHERE name = 'schema';
  `);
  const run = new DatabaseSync(join(here.folder, "hansard-data", "lock.db"));
  run.exec("BEGIN EXCLUSIVE");

  const { code, stderr } = await here.hansard("status");
  expect(stderr).toMatch(/Another hansard is writing to .*\s+It is of an earlier version.* Wait until it has ended/);
  expect(code).toBe(2);
  expect(version()).toBe(1);
  journal.prepare("UPDATE unmapped SET messages = messages + 1 WHERE source = 1 AND participant = 'U2'").run();

  run.close();
  expect(await here.json("people", "unmapped")).toMatchObject({ people: [{ participant: "U2", messages: 2 }] });
  expect(version()).toBe(current);
  expect(await here.hansard("run")).toMatchObject({ code: 0 });
  journal.close();
}, 120_000);
