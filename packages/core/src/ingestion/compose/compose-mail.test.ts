import { createHash, hash } from "node:crypto";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { BlobReference } from "../../event.ts";
import type { BlobReader, Mail, Message } from "../mail.ts";
import { composeMail, mailSize } from "./compose-mail.ts";
import { composeMessage } from "./compose-message.ts";
import { readMail } from "./read-mail.ts";
import { GOLDEN, goldenHashes, SAMPLE } from "./golden.test.support.ts";

const MEBIBYTE = 1024 * 1024;

function textOf(mail: Mail): string {
  return Buffer.concat(mail.segments as Uint8Array[]).toString("latin1");
}

async function allBytes(mail: Mail, blobs: BlobReader): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readMail(mail, blobs)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function header(text: string, name: string): string {
  const [, value = ""] = new RegExp(`^${name}:((?:.|\\r\\n )*)`, "m").exec(text) ?? [];
  return value.trim();
}

test("plain text is a single part that can be read as it stands", () => {
  expect(textOf(composeMail(SAMPLE))).toBe(
    [
      "From: Alice Example <alice@contoso.example>",
      "To: Bob Example <bob@contoso.example>, #general <c1--u@slack.invalid>",
      "Subject: #general: Good morning",
      "Date: Sun, 22 Nov 2026 09:30:00 +0000",
      "Message-ID: <v1.abc@x.archive.invalid>",
      "X-Hansard-Message-Class: IPM.NOTE.Slack.Message",
      "X-Hansard-Source: Slack",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 7bit",
      "",
      "Good morning,",
      "all.",
      "",
    ].join("\r\n"),
  );
});

test("references are folded, and the last is what it answers", () => {
  const text = textOf(composeMail({ ...SAMPLE, references: ["<a@x>", "<b@x>"] }));
  expect(text).toContain("\r\nIn-Reply-To: <b@x>\r\nReferences: <a@x>\r\n <b@x>\r\n");
});

test.each([
  ["non-ASCII", "Grüße"],
  ["a line of 999 characters", "x".repeat(999)],
  ["white space at a line's end", "a \nb"],
  ["a line that begins with From", "a\nFrom b"],
  ["a line that is one dot", "a\n.\nb"],
  ["a control character", "a\u001b[1m"],
  ["what looks like a boundary", "--=_abc"],
])("text with %s is base64", (_, text) => {
  const [head = "", body = ""] = textOf(composeMail({ ...SAMPLE, text })).split("\r\n\r\n");
  expect(head).toContain("Content-Transfer-Encoding: base64");
  expect(Buffer.from(body, "base64").toString()).toBe(text.replaceAll("\n", "\r\n"));
});

test.each(["", "\n", "x".repeat(998), "a\tb", "From", "..", "- -- =_"])("%j stays 7bit", (text) => {
  expect(textOf(composeMail({ ...SAMPLE, text }))).toContain("Content-Transfer-Encoding: 7bit");
});

test("each level of the structure is there only where it has more than one part", () => {
  const shapeOf = (message: Message): string[] =>
    [...textOf(composeMail(message)).matchAll(/^Content-Type: ([a-z/]+)/gm)].map(([, type = ""]) => type);
  const picture = { id: "F1", name: "a.png", contentType: "image/png", content: { text: "x" }, inline: true };
  const file = { id: "F2", name: "a.pdf", contentType: "application/pdf", content: { text: "x" } };
  const html = '<img src="cid:F1">';
  const alternative = ["multipart/alternative", "text/plain", "text/html"];
  expect(shapeOf({ ...SAMPLE, html })).toEqual(alternative);
  expect(shapeOf({ ...SAMPLE, attachments: [file] })).toEqual(["multipart/mixed", "text/plain", "application/pdf"]);
  expect(shapeOf({ ...SAMPLE, html, attachments: [picture] })).toEqual([
    "multipart/related",
    ...alternative,
    "image/png",
  ]);
  expect(shapeOf({ ...SAMPLE, html, attachments: [file, picture] })).toEqual([
    "multipart/mixed",
    "multipart/related",
    ...alternative,
    "image/png",
    "application/pdf",
  ]);
  expect(shapeOf({ ...SAMPLE, attachments: [picture] })).toEqual(["multipart/mixed", "text/plain", "image/png"]);
  expect(shapeOf({ ...SAMPLE, html, attachments: [{ ...picture, contentType: "text/html" }] })).toEqual([
    "multipart/mixed",
    ...alternative,
    "text/html",
  ]);
});

test.each([
  "message/rfc822",
  "multipart/mixed; boundary=x",
  "application/ms-tnef",
  "nonsense",
  "image/png\r\nX-Evil: 1",
])("a file that claims to be %j is carried as a file and not taken apart", (contentType) => {
  const text = textOf(
    composeMail({ ...SAMPLE, attachments: [{ id: "F1", name: "a", contentType, content: { text: "x" } }] }),
  );
  expect(text).toContain("Content-Type: application/octet-stream\r\n");
  expect(text).not.toContain("X-Evil");
});

test("2,000 recipients are folded into lines of at most 78 characters", () => {
  const to = Array.from({ length: 2000 }, (_, index) => ({
    id: `${index}`,
    name: `Person Nr. ${index}, Łódź`,
    address: `person.${index}@contoso.example`,
  }));
  const field = header(textOf(composeMail({ ...SAMPLE, to })), "To");
  const lines = field.split("\r\n");
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(78);
  expect(field.match(/<person\.\d+@contoso\.example>/g)).toHaveLength(2000);
});

test("a header field of the message may not repeat one of the composer's, nor have an odd name", () => {
  for (const name of ["Bcc:", "X Y", "X\r\nY", "To", "content-type", "Message-ID", ""]) {
    expect(() => composeMail({ ...SAMPLE, headers: [[name, "x"]] }), name).toThrow(TypeError);
  }
});

test.each(["", "a@b", "<a@b>\r\nBcc: x", "<a b>", "<a@b> <c@d>"])("%j is no Message-ID", (id) => {
  expect(() => composeMail({ ...SAMPLE, id })).toThrow("is not a Message-ID");
  expect(() => composeMail({ ...SAMPLE, references: [id] })).toThrow("is not a Message-ID");
});

test("a message that was not made by composeMessage can inject nothing either", () => {
  const evil = "x\r\nX-Evil: 1\r\n\r\n\0\ud800";
  const message: Message = {
    ...SAMPLE,
    from: { id: evil, name: evil, address: evil },
    to: [{ id: evil, name: evil, address: evil }],
    subject: evil,
    messageClass: evil,
    headers: [["X-Hansard-Source", evil]],
    html: evil,
    attachments: [{ id: evil, name: evil, contentType: evil, content: { text: evil }, inline: true }],
  };
  const text = textOf(composeMail(message));
  expect(text).not.toMatch(/^X-Evil/m);
  expect(text).toMatch(/^[\t\r\n\x20-\x7e]*$/);
  expect(() => composeMail({ ...message, date: evil })).toThrow(RangeError);
});

test.each([" ", "\n", "x", "ß", "\ud800", "=?", ". ", "\r\n", "a@", "From ", '\\"'])(
  "a megabyte of %j in every field takes time by its length, not by its square",
  (unit) => {
    const long = unit.repeat(MEBIBYTE / unit.length);
    const started = performance.now();
    const message = composeMessage({
      draft: {
        from: { id: long, name: long, address: long },
        to: [{ id: long, name: long, address: long }],
        date: SAMPLE.date,
        subject: long,
        text: long,
        html: long,
        notes: [long],
        attachments: [{ id: long, name: long, contentType: `a/b;${long}`, content: { text: long }, inline: true }],
      },
      source: "Slack",
      type: "Message",
      key: long,
      version: long,
      messageId: SAMPLE.id,
      references: [],
      address: () => undefined,
    });
    expect(composeMail(message).size).toBeGreaterThan(MEBIBYTE);
    // Half a second on an idle machine; the square would take minutes.
    expect(performance.now() - started).toBeLessThan(20_000);
  },
);

test("composing twice gives the same bytes, and size and hash are those of the bytes", () => {
  const once = composeMail(SAMPLE);
  const bytes = Buffer.concat(once.segments as Uint8Array[]);
  expect(composeMail(SAMPLE)).toEqual(once);
  expect(once.size).toBe(bytes.length);
  expect(mailSize(SAMPLE)).toBe(bytes.length);
  expect(once.sha256).toBe(hash("sha256", bytes, "hex"));
});

test("the bytes are those that they have always been", () => {
  expect(goldenHashes()).toEqual(GOLDEN);
});

test.each([
  { TZ: "Pacific/Auckland", LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8" },
  { TZ: "America/St_Johns", LANG: "C", LC_ALL: "C" },
])("they are the same under %j", async (env) => {
  const script = fileURLToPath(new URL("golden.test.support.ts", import.meta.url));
  const code = `const { goldenHashes } = await import(${JSON.stringify(script)}); console.log(JSON.stringify(goldenHashes()));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--conditions=@hansard/source", "-e", code],
    { env: { ...process.env, ...env } },
  );
  expect(JSON.parse(stdout)).toEqual(GOLDEN);
});

/** A store of blobs whose content is made up as it is read. */
function storeOf(contents: Map<string, () => Iterable<Uint8Array>>): BlobReader {
  return {
    async *read({ sha256 }: BlobReference) {
      const content = contents.get(sha256);
      if (content === undefined) throw new Error(`The blob ${sha256} is not in the store.`);
      yield* content();
    },
  };
}

function oddChunks(content: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let start = 0, length = 1; start < content.length; start += length, length = (length * 7) % 9973)
    chunks.push(content.subarray(start, start + length));
  return chunks;
}

test.each([0, 1, 56, 57, 58, 32 * 1024, 32 * 1024 + 1, 200_001])(
  "a blob of %i bytes comes out as it went in",
  async (size) => {
    const content = Buffer.from(Array.from({ length: size }, (_, index) => (index * 7919) >> 3));
    const blob = { sha256: hash("sha256", content, "hex"), size };
    const blobs = storeOf(new Map([[blob.sha256, () => oddChunks(content)]]));
    const message = { ...SAMPLE, attachments: [{ id: "F1", name: "a.bin", content: { blob } }] };
    const mail = await composeMail(message, { blobs });
    const bytes = await allBytes(mail, blobs);
    expect(mail.segments.some((segment) => "blob" in segment)).toBe(size > 32 * 1024);
    expect(mail.size).toBe(bytes.length);
    expect(mailSize(message)).toBe(bytes.length);
    expect(mail.sha256).toBe(hash("sha256", bytes, "hex"));
    const [, encoded = ""] = bytes.toString("latin1").split(/filename="a\.bin"\r\n\r\n/);
    expect(encoded.split("\r\n").every((line) => line.length <= 76)).toBe(true);
    expect(Buffer.from(encoded.split("--=_")[0] ?? "", "base64").equals(content)).toBe(true);
    // What the caller has at hand gives the same bytes at once.
    if (size <= 32 * 1024) expect(composeMail(message, { content: () => content })).toEqual(mail);
  },
);

test("without a reader of the store, content that is not at hand is an error and not an empty file", () => {
  const blob = { sha256: "ab".repeat(32), size: 5 };
  const message = { ...SAMPLE, attachments: [{ id: "F1", name: "a", content: { blob } }] };
  expect(() => composeMail(message)).toThrow("has content in the journal's store");
  expect(() => composeMail(message, { content: () => Buffer.from("four") })).toThrow("has 4 bytes and should have 5");
});

test.each([10, 100_000])(
  "a blob of another size than it should have, or none, is an error that names it: %i bytes",
  async (size) => {
    const blob = { sha256: "ab".repeat(32), size };
    const message = { ...SAMPLE, attachments: [{ id: "F1", name: "a", content: { blob } }] };
    for (const actual of [size - 1, size + 1]) {
      const blobs = storeOf(new Map([[blob.sha256, () => [Buffer.alloc(actual)]]]));
      await expect(composeMail(message, { blobs })).rejects.toThrow(blob.sha256);
    }
    await expect(composeMail(message, { blobs: storeOf(new Map()) })).rejects.toThrow(blob.sha256);
  },
);

test("a gigabyte goes through 256 MB of memory", { timeout: 180_000 }, async () => {
  const script = fileURLToPath(new URL("large-blob.test.support.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--max-old-space-size=256",
    "--conditions=@hansard/source",
    script,
  ]);
  const { size, sha256, read, readSha256, residentMegabytes } = JSON.parse(stdout);
  expect(size).toBeGreaterThan((1024 * MEBIBYTE * 4) / 3);
  expect(read).toBe(size);
  expect(readSha256).toBe(sha256);
  expect(residentMegabytes).toBeLessThan(256);
});

test("base64 lines are those of the platform's own encoder", async () => {
  const { base64Lines, base64LinesLength } = await import("./base64-lines.ts");
  const random = createHash("shake256", { outputLength: 400 }).update("seed").digest();
  for (let length = 0; length <= random.length; length += 1) {
    // A view at an odd offset, as chunks of a pool are.
    const content = random.subarray(random.length - length);
    const expected = content.toString("base64").replace(/.{1,76}/g, "$&\r\n");
    expect(base64Lines(content).toString("latin1")).toBe(expected);
    expect(base64LinesLength(length)).toBe(expected.length);
  }
});
