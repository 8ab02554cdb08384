import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestInstallation } from "../end-to-end/installation.ts";

const [ANN, BOB, GRETA, THIRD] = ["ann", "bob", "greta", "third"].map((name) => `${name}@example.com`);

/**
 * An installation in which what can happen to a message has happened: two destinations that share a third-party data
 * mailbox, messages and transcripts, a person without a mailbox, whose copies are redirected, people who are mapped later,
 * and copies that are withdrawn for that. It is exported whole and in parts.
 */
export async function richExports(): Promise<{ here: TestInstallation; whole: string; parts: string[]; head: string }> {
  const here = new TestInstallation("", {
    "connector-slack": "connectors/slack",
    archive: "packages/archive",
    "destination-files": "packages/destination-files",
  });
  const [whole, ...parts] = ["whole", "first", "two", "none"].map((name) => join(here.folder, name));
  mkdirSync(join(here.folder, "slack"));
  write(here, "users.json", [
    { id: "U1", name: "ann", profile: { email: ANN } },
    { id: "U2", name: "greta", profile: {} },
    { id: "U3", name: "bob", profile: { email: BOB } },
  ]);
  write(here, "channels.json", [
    { id: "C1", name: "general", members: ["U1", "U2", "U3"] },
    { id: "C2", name: "duo", members: ["U1", "U2"] },
  ]);
  say(here, "2026-01-05", "number1");
  configure(here, "domains: [elsewhere.example]", "any");
  await sure(here, "run");
  // From here on the company's people are mapped; Bob has no mailbox.
  configure(here, "domains: [example.com]");
  say(here, "2026-01-06", "number2");
  // It ends with 1, since Bob's copies are parked.
  await here.hansard("run");
  await here.hansard("reroute");
  configure(here, `domains: [example.com], files: [people.csv]`);
  here.write("people.csv", `id,mailbox\nU2,${GRETA}\n`);
  await here.hansard("reroute");
  const { head } = await here.json<{ head: { hash: string } }>("export", whole ?? "");
  await sure(here, "export", parts[0] ?? "", "-q", "number1");
  await sure(here, "export", parts[1] ?? "", "-q", "duo AND number2");
  await sure(here, "export", parts[2] ?? "", "-q", "nowhere");
  return { here, whole: whole ?? "", parts, head: head.hash };
}

function configure(here: TestInstallation, people: string, mailboxes = `[${[ANN, GRETA, THIRD].join(", ")}]`): void {
  here.write(
    "hansard.yaml",
    `sources:
  slack: { settings: { export: slack, downloadFiles: false } }
  days: { connector: slack, settings: { export: slack, downloadFiles: false }, grouping: conversation-day }
destinations:
  archive: { thirdPartyMailbox: ${THIRD}, settings: { mailboxes: ${mailboxes} } }
  files: { thirdPartyMailbox: ${THIRD}, folder: inbox, settings: { folder: mail, format: eml } }
people: { ${people} }
`,
  );
}

function say(here: TestInstallation, day: string, text: string): void {
  for (const [channel, people] of [
    ["general", ["U1", "U2", "U3"]],
    ["duo", ["U1", "U2"]],
  ] as const) {
    const start = Date.parse(day) / 1000 + 3600;
    const said = people.map((user, index) => ({
      type: "message",
      user,
      text: `${text} in ${channel}`,
      ts: `${start + index * 60}.000${channel.length}00`,
    }));
    write(here, `${channel}/${day}.json`, said);
  }
}

function write(here: TestInstallation, name: string, content: unknown): void {
  const path = join(here.folder, "slack", name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, JSON.stringify(content));
}

async function sure(here: TestInstallation, ...words: string[]): Promise<void> {
  const { code, stdout, stderr } = await here.hansard(...words);
  if (code !== 0) throw new Error(`hansard ${words.join(" ")} ended with ${code}: ${stdout} ${stderr}`);
}
