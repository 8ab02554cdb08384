import { appendFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestInstallation } from "./installation.ts";

let here: TestInstallation;

beforeEach(() => {
  here = new TestInstallation(
    JSON.stringify({
      sources: { slack: { settings: { export: "slack", downloadFiles: false } } },
      destinations: {
        files: { thirdPartyMailbox: "third@contoso.example", settings: { folder: "mail", format: "eml" } },
      },
      people: { domains: ["contoso.example"] },
    }),
    { "connector-slack": "connectors/slack", "destination-files": "packages/destination-files" },
  );
  const folder = join(here.folder, "slack", "general");
  mkdirSync(folder, { recursive: true });
  const users = [{ id: "U1", name: "ann", profile: { email: "ann@contoso.example" } }];
  writeFileSync(join(here.folder, "slack", "users.json"), JSON.stringify(users));
  const channels = [{ id: "C1", name: "general", members: ["U1"] }];
  writeFileSync(join(here.folder, "slack", "channels.json"), JSON.stringify(channels));
  const messages = [{ type: "message", user: "U1", text: "Hello", ts: "1767571200.000100" }];
  writeFileSync(join(folder, "2026-01-05.json"), JSON.stringify(messages));
});

afterEach(() => here.remove());

test("verify finds a changed file of a files destination", async () => {
  await here.hansard("run");
  expect(await here.json("verify")).toMatchObject({ sound: true, destinations: { files: [] } });
  const mail = join(here.folder, "mail");
  const [file = ""] = readdirSync(mail, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".eml"));
  appendFileSync(join(mail, file), "x");
  const { code, stdout } = await here.hansard("verify");
  expect(code).toBe(1);
  expect(stdout).toContain(file.split("/").at(-1));
}, 60_000);
