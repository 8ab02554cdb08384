import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ArchivedMessage, SourceStatus, Trace } from "@hansard/core/ingestion";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSample } from "../sample/make-sample.ts";
import { TestInstallation } from "./installation.ts";
import { parseThrice } from "./parsers.ts";

let here: TestInstallation;
let work: string;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), "hansard-sample-"));
  const sample = await makeSample(work);
  here = new TestInstallation(`sources:
  slack: { settings: { export: ${JSON.stringify(sample)} } }
  days: { connector: slack, settings: { export: ${JSON.stringify(sample)} }, grouping: conversation-day }
destinations:
  archive: { thirdPartyMailbox: third@example.com }
people: { domains: [example.com] }
`);
  const { code, stderr } = await here.hansard("run");
  expect(`${code} ${stderr.includes("failed")}`).toBe("0 false");
}, 120_000);

afterAll(() => {
  here.remove();
  rmSync(work, { recursive: true });
});

test("the sample is archived whole, as messages and as transcripts, and the books balance", async () => {
  const { sources } = await here.json<{ sources: SourceStatus[] }>("status");
  const days = sources.find(({ id }) => id === "days");
  expect(Object.keys(days?.destinations["archive"]?.byClass ?? {})).toEqual(["IPM.NOTE.Slack.Transcript"]);
  expect(await here.json("reconcile")).toMatchObject({ balanced: true });
  expect(await here.json("verify")).toMatchObject({ sound: true });
});

test("the 12 MB recording comes back byte for byte within its mail, and the mail opens in three parsers", async () => {
  const { messages } = await here.json<{ messages: ArchivedMessage[] }>(
    "search",
    "attachment:wav itemclass:ipm.note.slack.fileshare",
  );
  const [large] = messages.sort((a, b) => b.size - a.size);
  expect(large?.size).toBeGreaterThan(16_000_000);
  const { stdout } = await here.hansard("show", large?.messageId ?? "", "--mail");
  const { mailparser, postalMime, python } = await parseThrice(Buffer.from(stdout, "latin1"));
  expect(python.attachments).toHaveLength(1);
  expect(postalMime.attachments).toEqual(python.attachments);
  expect(mailparser.attachments).toEqual(python.attachments);
}, 120_000);

test("a message and a transcript are shown with the item and the request of each copy", async () => {
  for (const kind of ["message", "transcript"]) {
    const { messages } = await here.json<{ messages: ArchivedMessage[] }>("search", `itemclass:ipm.note.slack.${kind}`);
    const [first] = messages;
    const shown = await here.json<{ traces: Trace[] }>("show", first?.messageId ?? "");
    expect(shown.traces.map(({ message }) => message.messageId)).toEqual([first?.messageId]);
    const receipts = shown.traces.flatMap(({ results }) => results);
    expect(receipts).toHaveLength(first?.copies.length ?? NaN);
    for (const result of receipts)
      expect(result).toMatchObject({ status: "delivered", receipt: { itemId: expect.stringMatching(/./) } });
  }
});

test("right-to-left text and an emoji name are found and shown", async () => {
  const { messages } = await here.json<{ messages: ArchivedMessage[] }>("search", "kind:externaldata", "-n", "500");
  expect(messages.some(({ subject }) => /[\u0590-\u06ff]/.test(subject))).toBe(true);
  expect(messages.some(({ from, subject }) => /\p{Extended_Pictographic}/u.test(`${from}${subject}`))).toBe(true);
});

test("mapping the recorded events again gives the same bytes, so replay finds no difference", async () => {
  const { messages, different } = await here.json<{ messages: number; different: number }>(
    "replay",
    "--source",
    "slack",
  );
  expect(messages).toBeGreaterThan(100);
  expect(different).toBe(0);
});
