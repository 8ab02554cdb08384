import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Destination, Folder } from "@hansard/core/ingestion";
import { simpleParser } from "mailparser";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LARGE_CONTENT, contextOf, hashOf, sampleDelivery } from "@hansard/testkit/deliveries";
import { openFilesDestination } from "./destination.ts";
import { verify } from "./verify.ts";
import { Settings } from "./settings.ts";

const signal = new AbortController().signal;
const SLACK: Folder = { kind: "visible", path: ["Slack", "general.é/&"] };
const NOBODY = 65_534;
let root: string;
let destination: Destination;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "hansard-maildir-"));
  destination = await openFilesDestination(contextOf("files", Settings.parse({ folder: root, format: "maildir" })));
});

afterEach(async () => {
  await destination.close();
  await rm(root, { recursive: true, force: true });
});

function has(program: string): boolean {
  try {
    execFileSync("which", [program]);
    return true;
  } catch {
    return false;
  }
}

if (!has("doveadm") || !has("notmuch"))
  console.warn("Partly skipped: install Debian's dovecot-imapd and notmuch to run all of these tests.");

test("a message lies in cur under a name that says its time, identity and size, with the message's date", async () => {
  await destination.submit([sampleDelivery(1, { folder: { kind: "inbox" } })], { signal });
  const [name] = await readdir(join(root, "alice@contoso.example", "cur"));
  expect(name).toMatch(new RegExp(`^1767323041\\.H[0-9a-f]{40}\\.hansard,S=${sampleDelivery(1).mail.size}:2,S$`));
  const { mtime } = await stat(join(root, "alice@contoso.example", "cur", name!));
  expect(mtime.toISOString()).toBe("2026-01-02T03:04:01.000Z");
  expect(await readdir(join(root, "alice@contoso.example", "tmp"))).toEqual([]);
});

test("a message that a reader has flagged is recognised when its delivery is submitted again", async () => {
  const [first] = await destination.submit([sampleDelivery(1)], { signal });
  const folder = join(root, "alice@contoso.example", ".Slack", "cur");
  const [name] = await readdir(folder);
  await rename(join(folder, name!), join(folder, name!.replace(":2,S", ":2,FRS")));
  await destination.close();
  destination = await openFilesDestination(contextOf("files", Settings.parse({ folder: root, format: "maildir" })));

  expect(await destination.submit([sampleDelivery(1)], { signal })).toEqual([first]);
  expect(await readdir(folder)).toHaveLength(1);
  expect(await verify(root)).toMatchObject({ lines: 1, files: 1, problems: [] });
  const [found] = await destination.find([sampleDelivery(1)], { signal });
  const chunks: Uint8Array[] = [];
  for await (const chunk of destination.read!("alice@contoso.example", found!)) chunks.push(chunk);
  expect(hashOf(Buffer.concat(chunks))).toBe(sampleDelivery(1).mail.sha256);
});

test("unread messages arrive in new", async () => {
  await destination.close();
  destination = await openFilesDestination(
    contextOf("files", Settings.parse({ folder: root, format: "maildir", markAsRead: false })),
  );
  await destination.submit([sampleDelivery(1), sampleDelivery(2)], { signal });
  expect(await readdir(join(root, "alice@contoso.example", ".Slack", "new"))).toHaveLength(2);
});

test.skipIf(!has("doveadm"))(
  "Dovecot reads every message, folder, date, flag and byte (needs Debian's dovecot-imapd)",
  async () => {
    const deliveries = Array.from({ length: 20 }, (_, index) =>
      sampleDelivery(index, { folder: SLACK, large: index === 7 }),
    );
    deliveries.push(
      sampleDelivery(50, { folder: { kind: "inbox" } }),
      sampleDelivery(51, { folder: { kind: "purges" } }),
    );
    await destination.submit(deliveries, { signal });
    const doveadm = await doveadmOver(join(root, "alice@contoso.example"));

    expect(doveadm("mailbox", "list").split("\n")).toEqual(
      expect.arrayContaining(["INBOX", "Recoverable Items.Purges", "Slack.general=2Eé%2F&"]),
    );
    const fields = "hdr.message-id date.received.unixtime size.physical flags";
    const fetched = doveadm("-f", "flow", "fetch", fields, "mailbox", "Slack.*");
    for (const { message, mail } of deliveries.slice(0, 20)) {
      const seconds = Date.parse(message.date) / 1000;
      expect(fetched).toContain(
        `hdr.message-id=${message.id} date.received.unixtime=${seconds} size.physical=${mail.size} flags=\\Seen`,
      );
    }
    const text = doveadm("fetch", "text", "mailbox", "Slack.*", "header", "message-id", deliveries[7]!.message.id);
    const { attachments } = await simpleParser(text.slice(text.indexOf("\n") + 1));
    expect(hashOf(attachments[0]!.content)).toBe(hashOf(LARGE_CONTENT));
    expect(doveadm("fetch", "text", "mailbox", "INBOX")).toContain("<m50.9f2c@hansard.invalid>");
  },
);

test.skipIf(!has("notmuch"))("notmuch indexes every message and finds its words (needs Debian's notmuch)", async () => {
  const words = ["merger", "earnings", "lunch"];
  const deliveries = words.map((word, index) =>
    sampleDelivery(index, { folder: SLACK, text: `About the ${word}.\r\n` }),
  );
  await destination.submit(deliveries, { signal });
  const configuration = join(root, ".notmuch-config");
  await writeFile(
    configuration,
    `[database]\npath=${root}\n[user]\nname=a\nprimary_email=a@b.example\n[new]\nignore=.hansard;maildirfolder;.notmuch-config\n`,
  );
  const notmuch = (...command: string[]): string =>
    execFileSync("notmuch", command, { env: { ...process.env, NOTMUCH_CONFIG: configuration }, encoding: "utf8" });
  notmuch("new");
  expect(notmuch("count", "*").trim()).toBe("3");
  expect(notmuch("search", "--output=messages", "earnings").trim()).toBe("id:m1.9f2c@hansard.invalid");
  expect(
    notmuch("search", "--output=messages", "to:alice", "date:2026-01-02..2026-01-02").trim().split("\n"),
  ).toHaveLength(3);
});

/** Dovecot's own tool over a Maildir: it needs no daemon and no account, but refuses to read mail as root. */
async function doveadmOver(maildir: string): Promise<(...command: string[]) => string> {
  const reader = process.getuid?.() === 0 ? NOBODY : process.getuid?.();
  if (reader === NOBODY) execFileSync("chown", ["-R", `${NOBODY}:${NOBODY}`, root]);
  const configuration = join(root, "dovecot.conf");
  const lines = [`mail_location = maildir:${maildir}`, "first_valid_uid = 1", "first_valid_gid = 1", "ssl = no"];
  if (reader === NOBODY) lines.push(`mail_uid = ${NOBODY}`, `mail_gid = ${NOBODY}`);
  await writeFile(configuration, `${lines.join("\n")}\n`);
  const env = { ...process.env, HOME: root, USER: "alice" };
  return (...command) =>
    execFileSync("doveadm", ["-c", configuration, ...command], { encoding: "utf8", maxBuffer: 2 ** 26, env });
}
