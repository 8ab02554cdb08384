import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ArchivedMessage, SourceBooks, SourceStatus } from "@hansard/core/ingestion";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../workspace.ts";
import { TestInstallation } from "./installation.ts";
import { parseThrice } from "./parsers.ts";

// A real workspace's export, 1,385 messages. It is not part of this repository: without it these tests are skipped.
const EXPORT = join(ROOT, "..", "shared", "data", "slack-community-export.zip");
const THIRD_PARTY = "third-party@contoso.example";

interface Found {
  total: number;
  messages: ArchivedMessage[];
}

/** Three people of the export with an address of the company. */
const THREE = ["stefan.ionescu@contoso.example", "farid.jansen@contoso.example", "marta.zeman@contoso.example"];

describe.skipIf(!existsSync(EXPORT))("the community's Slack export (skipped where the file is absent)", () => {
  let here: TestInstallation;

  beforeAll(async () => {
    here = new TestInstallation(configuration("domains: [], files: [people.csv]"));
    // Three people of the 71 have a mailbox at first, so that many messages have no owner.
    here.write("people.csv", "address,mailbox\n" + THREE.map((address) => `${address},${address}\n`).join(""));
    const { code, stderr } = await here.hansard("run");
    expect(
      `${code} ${stderr
        .split("\n")
        .filter((line) => line.startsWith("hansard failed"))
        .join()}`,
    ).toBe("0 ");
  }, 120_000);

  afterAll(() => here.remove());

  test("every message is there, by class as the export's own subtypes count them", async () => {
    const { sources } = await here.json<{ sources: SourceStatus[] }>("status");
    const byEvent = Object.fromEntries(
      Object.entries(sources[0]?.destinations["archive"]?.byClass ?? {}).map(([name, count]) => [
        name.replace("IPM.NOTE.Slack.", ""),
        count,
      ]),
    );
    expect(byEvent).toEqual({
      Message: 964,
      Join: 320,
      FileShare: 61,
      Purpose: 13,
      Archive: 9,
      FileComment: 6,
      Leave: 3,
      Topic: 2,
      Rename: 2,
      Pin: 1,
      BotAdd: 1,
      Integration: 3,
    });
  });

  test("the books balance and every hash holds", async () => {
    const { sources, balanced } = await here.json<{ sources: SourceBooks[]; balanced: boolean }>("reconcile");
    expect(balanced).toBe(true);
    expect(sources[0]).toMatchObject({
      claimed: 1385,
      captured: 1385,
      excluded: 0,
      gaps: 0,
      delivered: 1385,
      quarantined: 0,
      pending: 0,
      unaccounted: 0,
    });
    expect(await here.json("verify")).toMatchObject({ sound: true, journal: { events: 1385, problems: [] } });
  });

  test("a second run captures and delivers nothing", async () => {
    const report = await here.json<{
      sources: { capture: { captured: number }; delivery: { archive: { messages: number } } }[];
    }>("run");
    expect(report.sources[0]).toMatchObject({ capture: { captured: 0 }, delivery: { archive: { messages: 0 } } });
  });

  test("a phrase is found in the Purges of those who could read it, and what nobody claims in the third-party data mailbox", async () => {
    const owned = await here.json<Found>(
      "search",
      `kind:externaldata itemclass:ipm.externaldata.slack.message* mailbox:${THREE[0]}`,
      "-n",
      "3",
    );
    expect(owned.total).toBeGreaterThan(0);
    for (const { copies } of owned.messages)
      expect(copies.find(({ mailbox }) => mailbox === THREE[0])?.folder).toBe("Recoverable Items/Purges");
    const unclaimed = await here.json<Found>(
      "search",
      `itemclass:ipm.externaldata.slack* mailbox:${THIRD_PARTY}`,
      "-n",
      "3",
    );
    expect(unclaimed.total).toBeGreaterThan(0);
    for (const { copies } of unclaimed.messages)
      expect(copies).toMatchObject([{ mailbox: THIRD_PARTY, folder: "Inbox" }]);
    const phrase = await here.json<Found>("search", '"interpolation gradients" OR "good turnout"');
    expect(phrase.total).toBeGreaterThan(0);
  });

  test("messages open alike in three parsers", async () => {
    const { messages } = await here.json<Found>("search", "itemclass:ipm.externaldata.slack*", "-n", "40");
    for (const { messageId, subject } of messages.filter((_, index) => index % 4 === 0)) {
      const { stdout } = await here.hansard("show", messageId, "--mail");
      const { mailparser, postalMime, python } = await parseThrice(Buffer.from(stdout));
      expect(python.subject).toBe(subject);
      expect(postalMime).toEqual(python);
      expect({ ...mailparser, to: mailparser.to }).toEqual(python);
    }
  }, 120_000);

  test("people who gain a mailbox get their messages, and the third-party data mailbox is emptied of them", async () => {
    const before = (await byMailbox())[`${THIRD_PARTY}/Inbox`];
    expect(before).toBeGreaterThan(0);
    here.write("hansard.yaml", configuration("domains: [contoso.example], files: [people.csv]"));
    const rerouted = await here.json<{ copies: number; withdrawn: number }>("reroute");
    expect(rerouted.withdrawn).toBe(before);
    expect(rerouted.copies).toBeGreaterThan(rerouted.withdrawn);
    expect(await byMailbox()).not.toHaveProperty(`${THIRD_PARTY}/Inbox`);
    expect(await here.json("reroute")).toMatchObject({ copies: 0, withdrawn: 0 });
    expect(await here.json("reconcile")).toMatchObject({ balanced: true });
    expect(await here.json("verify")).toMatchObject({ sound: true });
    expect(await here.json<Found>("search", `mailbox:${THIRD_PARTY}`)).toMatchObject({ total: 0 });
  }, 120_000);

  async function byMailbox(): Promise<Record<string, number>> {
    const { sources } = await here.json<{ sources: SourceStatus[] }>("status");
    return sources[0]?.destinations["archive"]?.byMailbox ?? {};
  }
});

function configuration(people: string): string {
  return `sources:
  slack:
    settings: { export: ${JSON.stringify(EXPORT)}, downloadFiles: false }
destinations:
  archive: { thirdPartyMailbox: ${THIRD_PARTY} }
people: { ${people} }
`;
}
