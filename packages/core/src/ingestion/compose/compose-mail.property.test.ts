import * as fc from "fast-check";
import { decodeWords } from "postal-mime";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Mail, MailAttachment, Message } from "../mail.ts";
import { composeMail } from "./compose-mail.ts";
import { composeMessage } from "./compose-message.ts";
import { anyInput } from "./generated-drafts.test.support.ts";
import {
  type FileReading,
  PythonParser,
  type Reading,
  readWithMailparser,
  readWithPostalMime,
  sha256,
} from "./three-parsers.test.support.ts";

/** A slice; all of them are generated for docs/reliability.md. */
const MESSAGES = Number(process.env["HANSARD_GENERATED_MAILS"] ?? 4000);
/** Fixed, so that a failure is found again. fast-check prints it with the path to the smallest failing message. */
const SEED = 20261122;

let python: PythonParser;
beforeAll(() => {
  python = new PythonParser();
});
afterAll(() => python.close());

test(
  `${MESSAGES} generated messages are read by three parsers as they were written`,
  { timeout: 600_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(anyInput, async (input) => {
        const message = composeMessage(input);
        const mail = composeMail(message);
        const bytes = bytesOf(mail);
        expectSoundBytes(bytes, mail);
        const [mailparser, postalMime, { defects, ...fromPython }] = await Promise.all([
          readWithMailparser(bytes),
          readWithPostalMime(bytes),
          python.read(bytes),
        ]);
        const expected = expectedReading(message);
        expect(normalised(mailparser, "mailparser", expected), "mailparser").toEqual(
          normalised(expected, "mailparser", expected),
        );
        expect(normalised(postalMime, "postal-mime", expected), "postal-mime").toEqual(
          normalised(expected, "postal-mime", expected),
        );
        expect(normalised(fromPython, "python", expected), "python").toEqual(normalised(expected, "python", expected));
        expect(defects.filter((defect) => !isOddAddress(defect, message))).toEqual([]);
      }),
      { numRuns: MESSAGES, seed: SEED, endOnFailure: process.env["HANSARD_SHRINK"] === "no" },
    );
  },
);

function bytesOf({ segments }: Mail): Buffer {
  return Buffer.concat(segments.map((segment) => (segment instanceof Uint8Array ? segment : Buffer.alloc(0))));
}

function expectSoundBytes(bytes: Buffer, mail: Mail): void {
  expect(mail.size).toBe(bytes.length);
  expect(mail.sha256).toBe(sha256(bytes));
  const text = bytes.toString("latin1");
  expect(/[^\t\r\n\x20-\x7e]/.exec(text)).toBeNull();
  expect(/[^\r]\n|\r[^\n]/.exec(text)).toBeNull();
  const lines = text.split("\r\n");
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(998);
  const header = lines.slice(0, lines.indexOf(""));
  // An address is the one thing that cannot be folded.
  expect(
    header.filter((line) => line.length > 78 && !/^ <\S+>,?$|^ ?\S+@\S+,?$/.test(line.replace(/^\S+: /, ""))),
  ).toEqual([]);
}

function expectedReading(message: Message): Reading {
  const { from, to, subject, date, text, html, headers, references, messageClass } = message;
  const shown =
    html === undefined ? [] : message.attachments.filter((attachment) => attachment.inline && !isText(attachment));
  const files = [...shown, ...message.attachments.filter((attachment) => !shown.includes(attachment))];
  const isMultipart = html !== undefined || files.length > 0;
  const answers = references.length > 0 ? ["in-reply-to", "references"] : [];
  return {
    headerNames: [
      "from",
      "to",
      "subject",
      "date",
      "message-id",
      ...answers,
      "x-hansard-message-class",
      ...headers.map(([name]) => name.toLowerCase()),
      "mime-version",
      "content-type",
      ...(isMultipart ? [] : ["content-transfer-encoding"]),
    ],
    from: [[from.name ?? "", from.address]],
    to: to.map(({ name = "", address }) => [name, address]),
    subject,
    date: new Date(Math.floor(Date.parse(date) / 1000) * 1000).toISOString(),
    text,
    html,
    files: files.map((attachment) => expectedFile(attachment, shown.includes(attachment))),
    headers: new Map([
      ["x-hansard-message-class", messageClass],
      ...headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]),
    ]),
  };
}

function isText({ contentType = "" }: MailAttachment): boolean {
  return /^\s*text\//i.test(contentType) && typeOf(contentType) !== undefined;
}

function typeOf(contentType: string): string | undefined {
  return /^\s*([a-z0-9][\w!#$&^.+-]*\/[a-z0-9][\w!#$&^.+-]*)\s*(;.*)?$/is.exec(contentType)?.[1]?.toLowerCase();
}

function expectedFile({ id, name, contentType = "", content }: MailAttachment, inline: boolean): FileReading {
  const bytes = Buffer.from("text" in content ? content.text : "");
  const type = typeOf(contentType);
  const isTakenApart = type === undefined || /^(message|multipart)\/|ms-tnef/.test(type);
  return {
    name,
    type: isTakenApart ? "application/octet-stream" : type,
    size: bytes.length,
    sha256: sha256(bytes),
    inline,
    contentId: inline ? id : undefined,
  };
}

/** Some providers gave out addresses with dots that no grammar allows. They are read well, and Python remarks upon them. */
function isOddAddress(defect: string, { from, to }: Message): boolean {
  if (!/^(From|To): /.test(defect)) return false;
  return [from, ...to].some(({ address }) => /^\.|\.[.@]/.test(address));
}

type Parser = "mailparser" | "postal-mime" | "python";

/** Evens out what a parser is known to do to any mail, and no more than that. */
function normalised(reading: Reading, parser: Parser, expected: Reading): Reading {
  const { from, to, text, html, files } = reading;
  const headers = [...expected.headers.keys()].map((name): [string, string] => [name, reading.headers.get(name) ?? ""]);
  // Both JavaScript parsers give the fields that they do not know as they stand.
  const isEncoded = parser !== "python" && reading !== expected;
  // A mail ends with a line end, which text that stands alone gets too. postal-mime gives one to every text, mailparser to
  // an empty part.
  const standsAlone = expected.headerNames.includes("content-transfer-encoding");
  const mayGetLineEnd = standsAlone || parser === "postal-mime" || (parser === "mailparser" && expected.text === "");
  // mailparser gives an empty part as none.
  const found = parser === "mailparser" && expected.html !== undefined ? (html ?? "") : html;
  return {
    ...reading,
    from: parser === "python" ? withPythonSpaces(from, expected.from) : from,
    to: parser === "python" ? withPythonSpaces(to, expected.to) : to,
    headers: new Map(headers.map(([name, value]) => [name, isEncoded ? decodeWords(value) : value])),
    text: asWritten(text, expected.text, mayGetLineEnd),
    html: found === undefined ? undefined : asWritten(found, expected.html ?? "", mayGetLineEnd),
    files: files.map((file, index) => normalisedFile(file, parser, expected.files[index])),
  };
}

function asWritten(found: string, expected: string, mayGetLineEnd: boolean): string {
  const text = found.replaceAll("\r\n", "\n");
  return mayGetLineEnd && text === `${expected}\n` ? expected : text;
}

/**
 * Python joins the encoded words of a long name with spaces, and makes one space of several
 * (github.com/python/cpython/issues/128110). White space of such names is left out of the comparison.
 */
function withPythonSpaces(found: [string, string][], expected: [string, string][]): [string, string][] {
  return found.map(([name, address], index) => {
    const written = expected[index]?.[0] ?? "";
    const isAffected = written.length > 12 || written.includes("  ");
    return [isAffected ? name.replace(/\s+/gu, "") : name, address];
  });
}

function normalisedFile(file: FileReading, parser: Parser, expected: FileReading | undefined): FileReading {
  // Python takes quotation marks and angle brackets around a file's name for its own, decoded or not.
  if (parser === "python") return { ...file, name: file.name.replace(/^"(.*)"$|^<(.*)>$/s, "$1$2").trim() };
  // mailparser guesses a type from the name where the mail says application/octet-stream.
  if (parser === "mailparser" && expected?.type === "application/octet-stream") return { ...file, type: expected.type };
  // postal-mime decodes a calendar as text and evens out its line ends.
  const isCalendar = ["text/calendar", "application/ics"].includes(file.type);
  return parser === "postal-mime" && isCalendar ? { ...file, sha256: "", size: 0 } : file;
}
