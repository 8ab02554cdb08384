import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { loadConfig } from "./load-config.ts";
import { pluginSettings } from "./plugin-settings.ts";

const Settings = z.strictObject({
  url: z.url(),
  signIn: z.strictObject({ user: z.string(), password: z.string().meta({ secret: true }) }),
});

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hansard-settings-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

test.each([
  ["user: x, password: '${env:HANSARD_NO_SUCH}'", "HANSARD_NO_SUCH, which is not set"],
  ["user: x, password: clear", "signIn.password is a secret"],
  ["usr: x, password: '${file:hansard.yaml}'", 'signIn has no setting "usr"'],
  ["password: '${file:hansard.yaml}'", "signIn.user is missing: string is expected"],
])("{ %s } in a plugin's settings is said with its line", async (signIn, sentence) => {
  const config = loadConfig(
    configuration(`    settings:\n      url: https://x.example\n      signIn: { ${signIn} }\n`),
  );
  const { settings } = config.destinations["mail"] ?? {};
  const refusal = pluginSettings(Settings, settings ?? {}, "destinations.mail.settings", config);
  await expect(refusal).rejects.toThrow("hansard.yaml, line 8: destinations.mail.settings.signIn");
  await expect(refusal).rejects.toThrow(sentence);
});

test("a folder that is none of the choices is said with the choices", () => {
  expect(() => loadConfig(configuration("    folder: { visibel: [Slack] }\n"))).toThrow(
    "line 6: destinations.mail.folder must be purges, inbox, or a visible folder such as { visible: [Slack] }.",
  );
});

function configuration(rest: string): string {
  const file = join(folder, "hansard.yaml");
  writeFileSync(file, `sources:\n  slack: {}\ndestinations:\n  mail:\n    thirdPartyMailbox: third@x.example\n${rest}`);
  return file;
}
