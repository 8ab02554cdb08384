import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { makeSample } from "./sample/make-sample.ts";
import { ROOT } from "./workspace.ts";

// Archives the sample Slack export into ./hansard-data, as a newcomer's first run.
const data = join(ROOT, "hansard-data");
const sample = await makeSample(join(ROOT, ".cache", "sample"));
const configuration = join(data, "hansard.yaml");
mkdirSync(data, { recursive: true });
if (!existsSync(configuration)) writeFileSync(configuration, template(relative(data, sample)));
if (!existsSync(join(data, "people.csv"))) writeFileSync(join(data, "people.csv"), "id,mailbox\n");

console.log("Archiving the sample: a week of a small company's Slack.\n");
const { status } = spawnSync(
  "node",
  [join(ROOT, "apps", "runner", "dist", "bin.js"), "--config", configuration, "run"],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;

function template(sampleExport: string): string {
  return `# The configuration of the sample. "hansard init" writes one for your own data.
data: .

sources:
  slack:
    settings:
      export: ${sampleExport}

destinations:
  archive:
    # Messages of which nobody is mapped go to the Inbox of this mailbox.
    thirdPartyMailbox: third-party-data@example.com

people:
  # Addresses of this domain are mailboxes as they are.
  domains: [example.com]
  # Map others here, then run: npm run -s hansard -- reroute
  files: [people.csv]
`;
}
