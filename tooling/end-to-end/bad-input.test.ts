import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GapEntry, SourceBooks } from "@hansard/core/ingestion";
import { afterEach, expect, test } from "vitest";
import { TestInstallation } from "./installation.ts";

// What is bad in an export must not take the good with it, and must be named. The reading itself is tested in connectors/slack.
let here: TestInstallation;

afterEach(() => here.remove());

test("a broken day file, a user without id, a time that is none and a deep element: each is named, the rest is archived, the books balance", async () => {
  here = installation();
  writeExport(here.folder, {
    "2026-01-05.json": JSON.stringify([
      message("first", "1767600000.000100"),
      { type: "message", text: "whose?", ts: "1767600001.000100" },
      message("bad time", "yesterday"),
    ]),
    "2026-01-06.json": `[${JSON.stringify(message("kept", "1767690000.000100"))}, {"type": "message", "ts": "17676`,
    "2026-01-07.json": `[${JSON.stringify(message("also kept", "1767770000.000100"))}, ${"[".repeat(40)}${"]".repeat(40)}]`,
  });
  await here.hansard("run");
  const { sources, balanced } = await here.json<{ sources: SourceBooks[]; balanced: boolean }>("reconcile");
  expect(balanced).toBe(true);
  expect(sources[0]).toMatchObject({ captured: 5, delivered: 5, gaps: 2, quarantined: 0, unaccounted: 0 });
  const { gaps } = await here.json<{ gaps: GapEntry[] }>("gaps");
  const reasons = gaps.map(({ reason }) => reason).join("\n");
  expect(reasons).toContain("2026-01-06.json");
  expect(reasons).toContain("2026-01-07.json");
  expect(await here.json("search", '"also kept"')).toMatchObject({ total: 1 });
  expect(await here.json("verify")).toMatchObject({ sound: true });
}, 60_000);

test("a zip that ends too early and a file that is none end with a sentence and exit code 1, and nothing is captured", async () => {
  here = installation();
  for (const content of [Buffer.from("PK\u0003\u0004 and then nothing"), Buffer.from("not a zip at all")]) {
    writeFileSync(join(here.folder, "export.zip"), content);
    here.write("hansard.yaml", CONFIGURATION.replace("export: slack", "export: export.zip"));
    const { code, stdout } = await here.hansard("run");
    expect(code).toBe(1);
    expect(stdout).toContain("export.zip");
    expect(stdout).toContain("Needs attention");
  }
}, 60_000);

test("a configuration that is wrong is refused with the line, the path and the remedy", async () => {
  here = installation();
  here.write("hansard.yaml", "sources:\n  slack: { settigns: {} }\ndestinations: {}\n");
  const { code, stderr } = await here.hansard("run");
  expect(code).toBe(2);
  expect(stderr).toContain("line 2");
  expect(stderr).toContain("settigns");
  here.write("hansard.yaml", CONFIGURATION.replace("export: slack", "export: slack, maxFileBytes: many"));
  const second = await here.hansard("run");
  expect(second.code).toBe(2);
  expect(second.stderr).toContain("sources.slack.settings.maxFileBytes");
}, 60_000);

const CONFIGURATION = `sources:
  slack: { settings: { export: slack, downloadFiles: false } }
destinations:
  archive: { thirdPartyMailbox: third@example.com }
people: { domains: [example.com] }
`;

function installation(): TestInstallation {
  return new TestInstallation(CONFIGURATION);
}

function message(text: string, ts: string): Record<string, string> {
  return { type: "message", user: "U1", text, ts };
}

function writeExport(folder: string, days: Record<string, string>): void {
  mkdirSync(join(folder, "slack", "general"), { recursive: true });
  writeFileSync(
    join(folder, "slack", "users.json"),
    JSON.stringify([{ id: "U1", name: "ann", profile: { email: "ann@example.com" } }, { name: "nobody, without id" }]),
  );
  writeFileSync(
    join(folder, "slack", "channels.json"),
    JSON.stringify([{ id: "C1", name: "general", members: ["U1"] }]),
  );
  for (const [name, content] of Object.entries(days)) writeFileSync(join(folder, "slack", "general", name), content);
}
