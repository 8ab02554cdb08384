import { createHash } from "node:crypto";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BlobReader, type Message, composeMail } from "@hansard/core/ingestion";
import { expect, test } from "vitest";
import { bytesOf, deliveryOf, sampleArchive, sampleMessage, temporaryFolder } from "./delivery.test.sample.ts";

const CONTENT = Buffer.alloc(3_000_017, "some content that repeats, ");
const BLOB = { sha256: createHash("sha256").update(CONTENT).digest("hex"), size: CONTENT.length };

const inMemory: BlobReader = {
  async *read({ sha256 }) {
    if (sha256 !== BLOB.sha256) throw new Error(`The content ${sha256} is absent.`);
    for (let start = 0; start < CONTENT.length; start += 65_536) yield CONTENT.subarray(start, start + 65_536);
  },
};

function messageWithFile(number: number, range: { start?: number; end?: number } = {}): Message {
  const attachments = [
    { id: "f", name: "large.bin", contentType: "application/octet-stream", content: { blob: BLOB, ...range } },
  ];
  return sampleMessage(number, { attachments });
}

async function deliveryWithFile(message: Message, mailbox = "bob@contoso.example") {
  return {
    id: message.id,
    message,
    mail: await composeMail(message, { blobs: inMemory }),
    mailbox,
    folder: { kind: "purges" as const },
  };
}

test.each([
  ["whole", {}],
  ["in part", { start: 1_000_001, end: 2_000_003 }],
])("gives a mail with an attachment of the journal's, %s, back byte for byte", async (_, range) => {
  const folder = temporaryFolder();
  const archive = await sampleArchive(folder, { blobs: inMemory });
  const delivery = await deliveryWithFile(messageWithFile(1, range));
  expect(delivery.mail.segments.length).toBeGreaterThan(1);

  await archive.submit([deliveryOf(sampleMessage(0)), delivery]);

  const [receipt] = await archive.find([delivery]);
  const mail = await bytesOf(archive.read("bob@contoso.example", receipt?.itemId ?? ""));
  expect(mail.length).toBe(delivery.mail.size);
  expect(createHash("sha256").update(mail).digest("hex")).toBe(delivery.mail.sha256);
  expect((await archive.verify()).problems).toEqual([]);
});

test("keeps the content of one file once, and none of it in the database", async () => {
  const folder = temporaryFolder();
  const archive = await sampleArchive(folder, { blobs: inMemory });

  await archive.submit([await deliveryWithFile(messageWithFile(1)), await deliveryWithFile(messageWithFile(2))]);

  expect(statSync(join(folder, "blobs", BLOB.sha256.slice(0, 2), BLOB.sha256.slice(2))).size).toBe(CONTENT.length);
  expect(readdirSync(join(folder, "blobs", "incoming"))).toEqual([]);
  expect(await archive.stats()).toMatchObject({ attachments: 1, attachmentBytes: CONTENT.length });
});

test("shares the journal's file where both lie on one file system", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "journal-blob");
  writeFileSync(path, CONTENT);
  const archive = await sampleArchive(join(folder, "archive"), { blobs: { ...inMemory, path: () => path } });

  await archive.submit([await deliveryWithFile(messageWithFile(1))]);

  expect(statSync(path).nlink).toBe(2);
  expect((await archive.verify()).problems).toEqual([]);
});

test("refuses a message whose attachment cannot be read or is not what its hash says, and takes the others", async () => {
  const archive = await sampleArchive(undefined, {
    blobs: {
      async *read() {
        yield Buffer.alloc(BLOB.size);
      },
    },
  });

  const outcomes = await archive.submit([await deliveryWithFile(messageWithFile(1)), deliveryOf(sampleMessage(2))]);

  expect(outcomes[0]).toMatchObject({ status: "refused", reason: expect.stringContaining(BLOB.sha256) });
  expect(outcomes[1]).toMatchObject({ status: "accepted" });
});

test("names an attachment that was changed, and one that is gone", async () => {
  const folder = temporaryFolder();
  const archive = await sampleArchive(folder, { blobs: inMemory });
  await archive.submit([await deliveryWithFile(messageWithFile(1))]);
  const file = join(folder, "blobs", BLOB.sha256.slice(0, 2), BLOB.sha256.slice(2));
  const changed = Buffer.from(CONTENT);
  changed[1_234_567] = 0;
  writeFileSync(file, changed);

  const { problems } = await archive.verify();
  writeFileSync(file, "short");
  const { problems: worse } = await archive.verify();

  expect(problems).toEqual([expect.stringMatching(/^The message <message-1@sample.invalid> was altered/)]);
  expect(worse).toContainEqual(expect.stringContaining(`attachment ${BLOB.sha256}`));
});
