import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { TestInstallation } from "./installation.ts";

const here = new TestInstallation(`sources:
  slack: { settings: { export: export } }
destinations:
  archive: { thirdPartyMailbox: third@example.com }
people: { domains: [example.com] }
`);
afterAll(() => here.remove());

function writeExport(name: string, content: unknown): void {
  here.write(join("export", name), JSON.stringify(content));
}

test("reconcile --ask-sources names by its id what a source has and the journal lacks", async () => {
  mkdirSync(join(here.folder, "export", "general"), { recursive: true });
  writeExport("users.json", [{ id: "U1", name: "ada", profile: { email: "ada@example.com" } }]);
  writeExport("channels.json", [{ id: "C1", name: "general", members: ["U1"] }]);
  const said = { type: "message", user: "U1", text: "Here." };
  writeExport("general/2026-01-05.json", [{ ...said, ts: "1767607200.000100" }]);
  expect((await here.hansard("run")).code).toBe(0);
  const complete = await here.json("reconcile", "--ask-sources");
  expect(complete).toMatchObject({ balanced: true, compared: [{ source: "slack", listed: 1, missing: 0 }] });

  writeExport("general/2026-01-06.json", [{ ...said, ts: "1767693600.000200" }]);
  const { code, stdout } = await here.hansard("reconcile", "--ask-sources");

  expect(code).toBe(1);
  expect(stdout).toContain("slack lists 2 ids, of which the journal lacks 1: C1:1767693600.000200.");
  expect((await here.hansard("reconcile")).code).toBe(0);
}, 60_000);
