import type { SourceStatus, UnmappedAt } from "@hansard/core/ingestion";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, TestInstallation } from "./installation.ts";
import { writeSlackFolder } from "./slack-folder.ts";

// A source that feeds two destinations: each is counted by itself, so that no number is larger than what was said.

const ANN = "ann@contoso.example";
const [ARCHIVE_THIRD, FILES_THIRD] = ["third@contoso.example", "elsewhere@contoso.example"];
const PURGES = "Recoverable Items/Purges";
let here: TestInstallation;
let first: Answer;

beforeAll(async () => {
  here = new TestInstallation(
    JSON.stringify({
      sources: { slack: { settings: { export: "slack", downloadFiles: false } } },
      destinations: {
        archive: { thirdPartyMailbox: ARCHIVE_THIRD },
        files: { thirdPartyMailbox: FILES_THIRD, settings: { folder: "mail", format: "eml" } },
      },
      people: { domains: ["contoso.example"] },
    }),
    {
      "connector-slack": "connectors/slack",
      archive: "packages/archive",
      "destination-files": "packages/destination-files",
    },
  );
  const said = ["one", "two", "three"].map((text, index) => ({ user: index === 0 ? "U1" : "U2", text }));
  writeSlackFolder(here, { U1: ANN, U2: undefined }, said);
  first = await here.hansard("run");
}, 120_000);

afterAll(() => here.remove());

test("status counts messages and copies at each destination", async () => {
  const { sources } = await here.json<{ sources: SourceStatus[] }>("status");
  const counted = { byClass: { "IPM.NOTE.Slack.Message": 3 }, byMailbox: { [`${ANN}/${PURGES}`]: 3 } };
  expect(sources).toMatchObject([{ id: "slack", captured: 3, destinations: { archive: counted, files: counted } }]);
  const { stdout } = await here.hansard("status");
  expect(stdout).toMatch(/at archive\n +IPM\.NOTE\.Slack\.Message +3\n/);
  expect(stdout).toMatch(/at files\n +IPM\.NOTE\.Slack\.Message +3\n/);
});

test("who nobody claims is listed for each destination with the number of messages there", async () => {
  const { people } = await here.json<{ people: UnmappedAt[] }>("people", "unmapped");
  expect(people).toMatchObject([
    { destination: "archive", participant: "U2", messages: 3 },
    { destination: "files", participant: "U2", messages: 3 },
  ]);
  const { stdout } = await here.hansard("people", "unmapped");
  expect(stdout).toMatch(/slack +archive +U2 .* 3\n/);
  expect(stdout).toMatch(/slack +files +U2 .* 3\n/);
});

test("a run's summary counts each message once for each destination, and each person once", () => {
  const { code, stdout } = first;
  expect(code).toBe(0);
  expect(stdout).toContain("3 messages delivered to archive, 3 messages delivered to files");
  expect(stdout).toMatch(/Messages in all at archive, by class\n +IPM\.NOTE\.Slack\.Message +3\n/);
  expect(stdout).toMatch(/Messages in all at files, by class\n +IPM\.NOTE\.Slack\.Message +3\n/);
  expect(stdout).toContain("Nobody claims 1 person;");
  expect(stdout).toMatch(/U2 .*3 messages/);
});
