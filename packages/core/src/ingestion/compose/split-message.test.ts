import { hash } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { BlobReader, MailAttachment, Message } from "../mail.ts";
import { composeMail, mailSize } from "./compose-mail.ts";
import { SAMPLE } from "./golden.test.support.ts";
import { splitMessage } from "./split-message.ts";
import { readWithMailparser, readWithPostalMime } from "./three-parsers.test.support.ts";
import { readMail } from "./read-mail.ts";

const MEBIBYTE = 1024 * 1024;
const TEXT_BEGINS = "-- The text of the message begins below this line --\n";

function partId(number: number, total: number): string {
  return `<v1.abc.${number}.${total}@x.archive.invalid>`;
}

/** What a reader does by the instructions in the parts. */
function rejoinedText(texts: string[]): string {
  return texts.map((text) => text.slice(text.indexOf(TEXT_BEGINS) + TEXT_BEGINS.length)).join("");
}

function rejoinedFiles(files: { name: string; content: Buffer }[]): Map<string, Buffer> {
  const joined = new Map<string, Buffer>();
  for (const { name, content } of files) {
    const whole = name.replace(/\.part-\d+-of-\d+$/, "");
    joined.set(whole, Buffer.concat([joined.get(whole) ?? Buffer.alloc(0), content]));
  }
  return joined;
}

function contentOf({ content }: MailAttachment, store: Map<string, Buffer>): Buffer {
  if ("text" in content) return Buffer.from(content.text);
  return (
    store.get(content.blob.sha256)?.subarray(content.start ?? 0, content.end ?? content.blob.size) ?? Buffer.alloc(0)
  );
}

test("a message that fits is left as it is", () => {
  expect(splitMessage(SAMPLE, mailSize(SAMPLE), partId)).toEqual([SAMPLE]);
});

test("a series is numbered, the first part keeps the Message-ID, and the others refer to it", () => {
  const parts = splitMessage(
    { ...SAMPLE, text: "Good morning.\n".repeat(2000), references: ["<r@x>"] },
    14_000,
    partId,
  );
  expect(parts.length).toBeGreaterThan(2);
  expect(parts.map(({ id }) => id)).toEqual([
    SAMPLE.id,
    ...parts.slice(1).map((_, index) => partId(index + 2, parts.length)),
  ]);
  for (const [index, part] of parts.entries()) {
    expect(part.subject).toBe(`${SAMPLE.subject} (part ${index + 1} of ${parts.length})`);
    expect(part.text).toContain(`part ${index + 1} of ${parts.length}`);
    expect(part.references).toEqual(index === 0 ? ["<r@x>"] : ["<r@x>", SAMPLE.id]);
    expect(part.headers).toContainEqual(["X-Hansard-Part", `${index + 1} of ${parts.length}`]);
    expect(part).toMatchObject({
      from: SAMPLE.from,
      to: SAMPLE.to,
      date: SAMPLE.date,
      messageClass: SAMPLE.messageClass,
    });
  }
  expect(parts.slice(0, -1).every(({ text }) => text.endsWith("\n"))).toBe(true);
});

test("what has more attachments than a mail may have is split, however small it is, and none is lost or out of order", () => {
  const attachments = Array.from({ length: 301 }, (_, number) => ({
    id: `F${number}`,
    name: `${number}.txt`,
    content: { text: `file ${number}` },
    inline: number % 100 === 0,
  }));
  const parts = splitMessage({ ...SAMPLE, html: "<p>Pictures</p>", attachments }, 10_000_000, partId, 150);
  expect(parts.map((part) => part.attachments.length)).toEqual([150, 150, 1]);
  expect(parts[0]?.attachments.slice(0, 4).map(({ id }) => id)).toEqual(["F0", "F100", "F200", "F300"]);
  expect(new Set(parts.flatMap((part) => part.attachments.map(({ id }) => id))).size).toBe(301);
  expect(parts[1]?.text).toContain("had more attachments than its destination takes");
  expect(splitMessage({ ...SAMPLE, attachments }, 10_000_000, partId)).toHaveLength(1);
});

test("HTML and what it shows stay together; other files follow in their order", () => {
  const picture = {
    id: "P",
    name: "p.png",
    contentType: "image/png",
    content: { text: "p".repeat(2000) },
    inline: true,
  };
  const files = [1, 2, 3].map((number) => ({
    id: `F${number}`,
    name: `${number}.txt`,
    content: { text: "f".repeat(9000) },
  }));
  const parts = splitMessage(
    { ...SAMPLE, html: "<img src='cid:P'>", attachments: [...files, picture] },
    24_000,
    partId,
  );
  expect(parts.map(({ attachments }) => attachments.map(({ name }) => name))).toEqual([
    ["p.png", "1.txt"],
    ["2.txt"],
    ["3.txt"],
  ]);
  expect(parts.map(({ html }) => html !== undefined)).toEqual([true, false, false]);
  expect(parts[0]?.html).toContain("part 1 of 3");
});

test("HTML that is too large for its place becomes a file, and the part says so", () => {
  const html = `<p>${"Grüße ".repeat(5000)}</p>`;
  const parts = splitMessage({ ...SAMPLE, html }, 20_000, partId);
  const files = parts.flatMap(({ attachments }) =>
    attachments.map((file) => ({ name: file.name, content: contentOf(file, new Map()) })),
  );
  expect(rejoinedFiles(files).get("message.html")?.toString()).toBe(html);
  expect(parts[0]?.text).toContain("as message.html");
});

test("a file larger than a part is cut into numbered pieces of the blob, and each part says how they are joined", () => {
  const blob = { sha256: "ef".repeat(32), size: 80 * MEBIBYTE };
  const parts = splitMessage(
    { ...SAMPLE, attachments: [{ id: "F1", name: "film.mp4", content: { blob } }] },
    35 * MEBIBYTE,
    partId,
  );
  const pieces = parts.flatMap(({ attachments }) => attachments);
  expect(pieces.map(({ name }) => name)).toEqual(
    [1, 2, 3, 4].slice(0, pieces.length).map((number) => `film.mp4.part-00${number}-of-00${pieces.length}`),
  );
  let end = 0;
  for (const { content } of pieces) {
    if (!("blob" in content)) throw new Error("A piece of a blob is a range of it.");
    expect(content.start).toBe(end);
    end = content.end ?? 0;
  }
  expect(end).toBe(blob.size);
  for (const part of parts.filter(({ attachments }) => attachments.length > 0))
    expect(part.text).toContain(`${blob.size} bytes with the SHA-256 ${blob.sha256}`);
});

test("the parts of a series are read by mail software and put together again byte for byte", async () => {
  const content = Buffer.from(Array.from({ length: 150_000 }, (_, index) => (index * 7919) >> 5));
  const blob = { sha256: hash("sha256", content, "hex"), size: content.length };
  const blobs: BlobReader = {
    async *read() {
      for (let start = 0; start < content.length; start += 10_007) yield content.subarray(start, start + 10_007);
    },
  };
  const text = "Grüße, 東京 👩‍👩‍👧.\nNext line \n".repeat(2500);
  const message = {
    ...SAMPLE,
    text,
    attachments: [
      { id: "F1", name: "Bericht März.bin", content: { blob } },
      { id: "F2", name: "b.txt", content: { text: "b" } },
    ],
  };
  for (const read of [readWithMailparser, readWithPostalMime]) {
    const texts: string[] = [];
    const names: string[] = [];
    const files: { name: string; content: Buffer }[] = [];
    for (const part of splitMessage(message, 40_000, partId)) {
      const mail = await composeMail(part, { blobs });
      expect(mail.size).toBeLessThanOrEqual(40_000);
      const chunks: Uint8Array[] = [];
      for await (const chunk of readMail(mail, blobs)) chunks.push(chunk);
      const reading = await read(Buffer.concat(chunks));
      const text = reading.text.replaceAll("\r\n", "\n");
      // A mail's own line end, and the one that postal-mime gives to every text.
      texts.push(text === `${part.text}\n` ? part.text : text);
      names.push(...reading.files.map(({ name }) => name));
      for (const [index, file] of part.attachments.entries()) {
        const piece = contentOf(file, new Map([[blob.sha256, content]]));
        expect(reading.files[index]).toMatchObject({
          name: file.name,
          size: piece.length,
          sha256: hash("sha256", piece, "hex"),
        });
        files.push({ name: file.name, content: piece });
      }
    }
    expect(rejoinedText(texts)).toBe(text);
    expect(rejoinedFiles(files).get("Bericht März.bin")?.equals(content)).toBe(true);
    expect(names.at(-1)).toBe("b.txt");
  }
});

test("a limit that leaves no room beside the header is an error that says so", () => {
  const to = Array.from({ length: 2000 }, (_, index) => ({
    id: `${index}`,
    address: `person.${index}@contoso.example`,
  }));
  expect(() => splitMessage({ ...SAMPLE, to }, 20_000, partId)).toThrow(
    /cannot be split into parts of 20000 bytes.*Raise the destination's limit\./,
  );
});

test("whatever a message holds, no part is too large and nothing is lost", () => {
  const text = fc.oneof(
    fc.lorem({ maxCount: 800 }),
    fc.string({ unit: "grapheme", maxLength: 3000 }),
    fc.constantFrom("", "\n".repeat(9000), "x".repeat(20_000), "👩‍👩‍👧".repeat(2000)),
  );
  const attachment = fc.record({
    name: fc.string({ unit: "grapheme", maxLength: 60 }),
    size: fc.oneof(fc.nat(200), fc.nat(60_000)),
    isText: fc.boolean(),
    inline: fc.boolean(),
  });
  const message = fc.record({
    text,
    html: fc.option(text, { nil: undefined }),
    attachments: fc.array(attachment, { maxLength: 6 }),
    limit: fc.integer({ min: 9000, max: 40_000 }),
  });
  fc.assert(
    fc.property(message, ({ text, html, attachments, limit }) => {
      const store = new Map<string, Buffer>();
      const whole: Message = {
        ...SAMPLE,
        text: text.replaceAll("\r", ""),
        ...(html !== undefined && { html }),
        attachments: attachments.map(({ name, size, isText, inline }, index) => {
          const content = Buffer.alloc(size, `${index}é`);
          const sha256 = `${index}`.padStart(64, "0");
          store.set(sha256, content);
          return {
            id: `F${index}`,
            name: `${index}${name.replaceAll(".", "")}`,
            inline,
            content: isText ? { text: "é".repeat(size) } : { blob: { sha256, size } },
          };
        }),
      };
      const parts = splitMessage(whole, limit, partId);
      for (const part of parts) expect(mailSize(part)).toBeLessThanOrEqual(limit);
      if (parts.length === 1) return;
      expect(rejoinedText(parts.map((part) => part.text))).toBe(whole.text);
      const files = parts.flatMap((part) =>
        part.attachments.map((file) => ({ name: file.id, content: contentOf(file, store) })),
      );
      const joined = rejoinedFiles(files);
      for (const file of whole.attachments)
        expect(joined.get(file.id)?.equals(contentOf(file, store)), file.name).toBe(true);
      const shown = parts[0]?.html?.endsWith(html ?? "") ? html : joined.get("message-html")?.toString();
      expect(shown).toBe(html?.toWellFormed());
    }),
    { numRuns: 300, seed: 1 },
  );
});
