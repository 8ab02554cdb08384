import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { composeMail, type Message } from "@hansard/core/ingestion";
import { afterAll, expect, test } from "vitest";
import { mailFields } from "./mail-fields.ts";

const folder = mkdtempSync(join(tmpdir(), "hansard-fields-"));
const file = join(folder, "mail.eml");

afterAll(() => rmSync(folder, { recursive: true }));

/** Long ones are folded; with two spaces, a leading one or no letters that a mail can show they are encoded. */
const CLASSES = [
  "IPM.NOTE.Slack.Message",
  `IPM.NOTE.${"Long Source ".repeat(12)}.Message`,
  `IPM.NOTE.${"Longer".repeat(30)}.Message`,
  "IPM.NOTE.Two  spaces.=?utf-8?B?",
  "IPM.ExternalData.Source.ends with one ",
];

test.each(CLASSES)("a mail's class is read as it was written: %s", async (messageClass) => {
  write({ messageClass });
  expect(await mailFields(file)).toEqual({ messageClass, date: "2026-11-22T09:30:01Z" });
});

test("a header is found however many recipients it names, and only there", async () => {
  const to = Array.from({ length: 5000 }, (_, index) => ({ id: String(index), address: `p${index}@contoso.example` }));
  write({ to, text: "Date: Sun, 22 Nov 2020 09:30:00 +0000" });
  expect(await mailFields(file)).toEqual({ messageClass: "IPM.NOTE.Slack.Message", date: "2026-11-22T09:30:01Z" });
});

test("what a mail does not say, or says twice, it does not say", async () => {
  writeFileSync(file, "Date: yesterday\r\nX-Hansard-Message-Class: A\r\nX-Hansard-Message-Class: B\r\n\r\n");
  expect(await mailFields(file)).toEqual({ messageClass: undefined, date: undefined });
});

function write(changes: Partial<Message>): void {
  const message: Message = {
    id: "<a@b.example>",
    messageClass: "IPM.NOTE.Slack.Message",
    date: "2026-11-22T09:30:01.999Z",
    from: { id: "1", address: "a@contoso.example" },
    to: [],
    subject: "",
    references: [],
    headers: [],
    text: "text",
    attachments: [],
    ...changes,
  };
  const { segments } = composeMail(message);
  writeFileSync(file, Buffer.concat(segments.filter((segment) => segment instanceof Uint8Array)));
}
