import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { deliveriesOf, sampleArchive, sampleMessage, temporaryFolder } from "./delivery.test.sample.ts";

const MESSAGES = Array.from({ length: 25 }, (_, number) =>
  sampleMessage(number, {
    date: new Date(Date.UTC(2026, 0, 31) + ((number * 7) % 5) * 43_200_000).toISOString(),
    subject: `Émile 👋 שלום ${number}`,
    text: `Text ${number}\n${"lång rad ".repeat(200)}`,
  }),
);

async function exported(order: typeof MESSAGES) {
  const folder = temporaryFolder();
  const archive = await sampleArchive(join(folder, "archive"));
  for (const message of order)
    await archive.submit(deliveriesOf(message, ["alice@contoso.example", "bob@contoso.example"]));
  const result = await archive.export("everything", join(folder, "export"));
  return { archive, folder, result, manifest: readFileSync(result.manifest, "utf8") };
}

test("writes each message as its own bytes, and a manifest that does not depend on the order of arrival", async () => {
  const [one, other] = [await exported(MESSAGES), await exported(MESSAGES.toReversed())];

  expect(one.manifest).toBe(other.manifest);
  const entries = one.manifest
    .trimEnd()
    .split("\n")
    .map((line): Record<string, unknown> => JSON.parse(line));
  expect(entries).toHaveLength(25);
  expect(entries.map(({ date }) => date)).toEqual(MESSAGES.map(({ date }) => date).sort());
  for (const { file, sha256, size, copies } of entries) {
    const mail = readFileSync(join(one.folder, "export", String(file)));
    expect(createHash("sha256").update(mail).digest("hex")).toBe(sha256);
    expect(mail.length).toBe(size);
    expect(copies).toEqual([
      { mailbox: "alice@contoso.example", folder: "Recoverable Items/Purges" },
      { mailbox: "bob@contoso.example", folder: "Recoverable Items/Purges" },
    ]);
  }
  expect(one.result).toMatchObject({ messages: 25, bytes: entries.reduce((sum, { size }) => sum + Number(size), 0) });
  expect(
    readdirSync(join(one.folder, "export"), { recursive: true }).filter((name) => String(name).endsWith(".tmp")),
  ).toEqual([]);
});

test("exports the hits of a query or one mailbox only", async () => {
  const { archive, folder } = await exported(MESSAGES.slice(0, 5));

  expect((await archive.export({ query: "subject:3" }, join(folder, "query"))).messages).toBe(1);
  expect((await archive.export({ mailbox: "bob@contoso.example" }, join(folder, "mailbox"))).messages).toBe(5);
  expect((await archive.export({ mailbox: "nobody@contoso.example" }, join(folder, "none"))).messages).toBe(0);
});

const hasPython = spawnSync("python3", ["--version"]).status === 0;

test.skipIf(!hasPython)("writes mail that Python's email package reads alike", async () => {
  const { folder } = await exported(MESSAGES);
  const script = `
import email, email.policy, json, sys, pathlib
root = pathlib.Path(sys.argv[1])
for line in (root / "manifest.jsonl").read_text("utf8").splitlines():
    entry = json.loads(line)
    mail = email.message_from_bytes((root / entry["file"]).read_bytes(), policy=email.policy.default)
    assert mail["Message-ID"] == entry["id"], (mail["Message-ID"], entry["id"])
    print(json.dumps([mail["Message-ID"], mail["Subject"], mail.get_body().get_content().replace("\\r\\n", "\\n").strip()]))
`;

  const output = execFileSync("python3", ["-c", script, join(folder, "export")], { encoding: "utf8", maxBuffer: 1e8 });

  const read = output
    .trimEnd()
    .split("\n")
    .map((line): string[] => JSON.parse(line))
    .sort();
  expect(read).toEqual(MESSAGES.map(({ id, subject, text }) => [id, subject, text.trim()]).sort());
});

test("describes, lists and gives messages by their Message-ID", async () => {
  const { archive } = await exported(MESSAGES.slice(0, 5).toReversed());
  const { mail } = archive;

  expect(await mail.find("<message-3@sample.invalid>")).toMatchObject({
    subject: MESSAGES[3]?.subject,
    copies: [{}, {}],
  });
  expect(await mail.find("<nobody@sample.invalid>")).toBeUndefined();
  const listed: string[] = [];
  for await (const { messageId } of mail.list()) listed.push(messageId);
  expect(listed).toEqual([4, 3, 2, 1, 0].map((number) => `<message-${number}@sample.invalid>`));
  const chunks: Uint8Array[] = [];
  for await (const chunk of mail.mail("<message-2@sample.invalid>")) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toContain("Message-ID: <message-2@sample.invalid>");
  expect(await mail.count("text")).toBe(5);
  expect(await mail.verify()).toEqual([]);
});
