import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, copyFileSync, cpSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { deliveriesOf, deliveryOf, sampleArchive, sampleMessage, temporaryFolder } from "./delivery.test.sample.ts";

const MAILBOXES = ["alice@contoso.example", "bob@contoso.example", "carol@contoso.example"];

function batch(from: number, messages: number) {
  return Array.from({ length: messages }, (_, index) => deliveriesOf(sampleMessage(from + index), MAILBOXES)).flat();
}

test("makes the index anew when it was deleted", async () => {
  const folder = temporaryFolder();
  const first = await sampleArchive(folder);
  for (let start = 0; start < 300; start += 50) await first.submit(batch(start, 50));
  await first.submit([deliveryOf(sampleMessage(7), "late@contoso.example")]);
  await first.close();
  rmSync(join(folder, "index.db"));

  const second = await sampleArchive(folder);

  expect(await second.count("text")).toBe(300);
  expect(await second.count("mailbox:late@contoso.example")).toBe(1);
  expect((await second.verify()).problems).toEqual([]);
});

test.each([
  ["overwritten", (file: string) => writeFileSync(file, "This is no database.".repeat(500))],
  ["cut", (file: string) => truncateSync(file, 5000)],
  ["empty", (file: string) => truncateSync(file, 0)],
])("makes the index anew when it was %s", async (_, damage) => {
  const folder = temporaryFolder();
  const first = await sampleArchive(folder);
  await first.submit(batch(0, 100));
  await first.close();
  damage(join(folder, "index.db"));

  const second = await sampleArchive(folder);

  expect(await second.count("text")).toBe(100);
  expect((await second.verify()).problems).toEqual([]);
});

test("catches up with what an index of yesterday does not know", async () => {
  const folder = temporaryFolder();
  const first = await sampleArchive(folder);
  await first.submit(batch(0, 50));
  await first.close();
  copyFileSync(join(folder, "index.db"), join(folder, "yesterday.db"));
  const second = await sampleArchive(folder);
  await second.submit(batch(50, 50));
  await second.submit([deliveryOf(sampleMessage(3), "late@contoso.example")]);
  await second.close();
  copyFileSync(join(folder, "yesterday.db"), join(folder, "index.db"));

  const third = await sampleArchive(folder);

  expect(await third.count("text")).toBe(100);
  expect(await third.count("mailbox:late@contoso.example")).toBe(1);
  expect((await third.verify()).problems).toEqual([]);
});

test("makes the index anew when the archive was put back to an earlier state", async () => {
  const folder = temporaryFolder();
  const first = await sampleArchive(folder);
  await first.submit(batch(0, 20));
  await first.close();
  cpSync(join(folder, "archive.db"), join(folder, "backup.db"));
  const second = await sampleArchive(folder);
  await second.submit(batch(20, 20));
  await second.close();
  cpSync(join(folder, "backup.db"), join(folder, "archive.db"));

  const third = await sampleArchive(folder);

  expect(await third.count("text")).toBe(20);
  expect((await third.verify()).problems).toEqual([]);
});

test("two processes' worth of archives in one folder see each other's messages", async () => {
  const folder = temporaryFolder();
  const [one, other] = [await sampleArchive(folder), await sampleArchive(folder)];

  for (let start = 0; start < 40; start += 20) {
    await one.submit(batch(start, 10));
    await other.submit(batch(start + 10, 10));
    await other.submit(batch(start, 10));
  }

  expect(await one.count("text")).toBe(40);
  expect(await other.count("mailbox:alice@contoso.example")).toBe(40);
  expect((await one.verify()).problems).toEqual([]);
});

test("merges small blocks without a message or a hit changing", async () => {
  const folder = temporaryFolder();
  const archive = await sampleArchive(folder);
  const deliveries = batch(0, 60);
  for (const delivery of deliveries) await archive.submit([delivery]);
  const receipts = await archive.find(deliveries);

  const { blocksBefore, blocksAfter, bytesBefore, bytesAfter } = await archive.compact();

  expect([blocksBefore, blocksAfter]).toEqual([180, 1]);
  expect(bytesAfter).toBeLessThan(bytesBefore / 3);
  expect((await archive.verify()).problems).toEqual([]);
  expect(await archive.find(deliveries)).toEqual(receipts);
  await archive.submit(batch(60, 5));
  await archive.reindex();
  expect(await archive.count("text")).toBe(65);
  expect(await archive.count("mailbox:carol@contoso.example")).toBe(65);
  expect((await archive.verify()).problems).toEqual([]);
});

test("loses nothing and doubles nothing when the process is killed at any moment", { timeout: 120_000 }, async () => {
  const folder = temporaryFolder();
  const script = join(folder, "submit-for-ever.mjs");
  const opening = new URL("./open-archive.ts", import.meta.url).href;
  writeFileSync(
    script,
    `import { openArchive } from ${JSON.stringify(opening)};
     import { composeMail } from "@hansard/core/ingestion";
     const archive = await openArchive(process.argv[2]);
     for (let round = Number(process.argv[3]); ; round += 1) {
       const deliveries = [];
       for (let number = round * 20; number < round * 20 + 40; number += 1) {
         const message = { id: "<k" + number + "@sample.invalid>", messageClass: "IPM.NOTE.Slack.Message", date: new Date(1.7e12 + number * 977).toISOString(),
           from: { id: "1", address: "alice@contoso.example" }, to: [{ id: "2", address: "bob@contoso.example" }], subject: "Kill " + number, text: "text of " + number, attachments: [], references: [], headers: [] };
         const mail = composeMail(message);
         for (const mailbox of ["alice@contoso.example", "bob@contoso.example"]) deliveries.push({ id: message.id + mailbox, message, mail, mailbox, folder: { kind: "purges" } });
       }
       await archive.submit(deliveries);
       process.stdout.write(round + "\\n");
     }`.replace('"@hansard/core/ingestion"', JSON.stringify(import.meta.resolve("@hansard/core/ingestion"))),
  );
  let acknowledged = -1;
  for (let life = 0; life < 12; life += 1) {
    const child = spawn(process.execPath, [
      "--conditions=@hansard/source",
      script,
      join(folder, "archive"),
      String(acknowledged + 1),
    ]);
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    await once(child.stdout, "data");
    setTimeout(() => child.kill("SIGKILL"), (life * 37) % 120);
    await once(child, "close");
    acknowledged = Math.max(acknowledged, ...output.split("\n").filter(Boolean).map(Number));

    const archive = await sampleArchive(join(folder, "archive"));
    const { problems, messages } = await archive.verify();
    expect(problems).toEqual([]);
    expect(messages).toBeGreaterThanOrEqual(acknowledged * 20 + 40);
    expect(await archive.count("text")).toBe(messages);
    expect((await archive.stats()).items).toBe(2 * messages);
    await archive.close();
  }
});

test("is out of use after an error of the disk, and says so", async () => {
  const folder = temporaryFolder();
  const archive = await sampleArchive(folder);
  await archive.submit(batch(0, 5));
  const other = new DatabaseSync(join(folder, "archive.db"));
  other.exec("DROP TABLE item");
  other.close();

  await expect(archive.submit(batch(5, 5))).rejects.toThrow("item");
  await expect(archive.submit(batch(10, 5))).rejects.toThrow(/out of use after a failure: .*item.* open it again/);
});

test("names a message of which a byte was flipped", async () => {
  const folder = temporaryFolder();
  const archive = await sampleArchive(folder);
  await archive.submit(batch(0, 3));
  await archive.submit([deliveryOf(sampleMessage(50))]);
  await archive.settle();
  const other = new DatabaseSync(join(folder, "archive.db"));
  const row = other.prepare("SELECT id, data FROM block ORDER BY id DESC LIMIT 1").get();
  const data = Buffer.from(row?.["data"] as Uint8Array);
  const middle = Math.floor(data.length / 2);
  data[middle] = (data[middle] ?? 0) ^ 1;
  other.prepare("UPDATE block SET data = ? WHERE id = ?").run(data, row?.["id"] ?? 0);
  other.exec("UPDATE message SET subject = 'Another' WHERE local = '<message-1'");
  other.exec("UPDATE message SET sha256 = zeroblob(32) WHERE local = '<message-2'");
  other.exec("UPDATE message SET date = date + 86400000 WHERE local = '<message-0'");
  other.close();

  const { problems } = await archive.verify();

  expect(problems).toHaveLength(4);
  expect(problems.join("\n")).toMatch(/message-0@sample.invalid> has another date/);
  expect(problems.join("\n")).toMatch(/message-1@sample.invalid> has another subject/);
  expect(problems.join("\n")).toMatch(/message-2@sample.invalid> was altered/);
  expect(problems.join("\n")).toMatch(/Block 2 is damaged.*message-50@sample.invalid/);
  await archive.reindex();
  expect(await archive.count("text")).toBe(3);
});

test("survives what a crash leaves in its folders", async () => {
  const folder = temporaryFolder();
  const first = await sampleArchive(folder);
  await first.submit(batch(0, 1));
  await first.close();
  appendFileSync(join(folder, "blobs", "incoming", "half"), "half a file");

  const second = await sampleArchive(folder);

  expect((await second.verify()).problems).toEqual([]);
});
