import { expect, test } from "vitest";
import { isHansardError } from "../../errors.ts";
import type { MessageDraft } from "../../message.ts";
import { type ComposeMessageInput, composeMessage } from "./compose-message.ts";

const DRAFT: MessageDraft = {
  from: { id: "U024BE7LH", name: "Alice Example", address: "alice@contoso.example" },
  to: [{ id: "C1", name: "#general", kind: "place" }],
  date: "2026-11-22T10:30:00.1239+01:00",
  subject: "#general: Good morning",
  text: "Good morning",
};

function input(draft: Partial<MessageDraft> = {}, more: Partial<ComposeMessageInput> = {}): ComposeMessageInput {
  return {
    draft: { ...DRAFT, ...draft },
    source: "Slack",
    type: "Message",
    key: "C1:1763.0001",
    version: "",
    messageId: "<v1.a@x.archive.invalid>",
    references: [],
    address: () => undefined,
    ...more,
  };
}

function failure(draft: object, more: Partial<ComposeMessageInput> = {}): Error {
  try {
    composeMessage(input(draft, more));
  } catch (error) {
    if (isHansardError(error, "unmappable-event")) return error;
    throw error;
  }
  throw new Error("It was composed.");
}

test("a message has the draft's fields in their final form", () => {
  expect(
    composeMessage(input({ conversation: { id: "C1", name: "general" } }, { version: "2", references: ["<r@x>"] })),
  ).toEqual({
    id: "<v1.a@x.archive.invalid>",
    messageClass: "IPM.NOTE.Slack.Message",
    date: "2026-11-22T09:30:00.123Z",
    from: { id: "U024BE7LH", name: "Alice Example", address: "alice@contoso.example" },
    to: [{ id: "C1", name: "#general", kind: "place", address: "c1--u@slack.invalid" }],
    subject: "#general: Good morning",
    text: "Good morning",
    attachments: [],
    references: ["<r@x>"],
    headers: [
      ["X-Hansard-Source", "Slack"],
      ["X-Hansard-Event", "C1:1763.0001"],
      ["X-Hansard-Version", "2"],
    ],
    conversation: "general",
  });
});

test("further headers and another class prefix are taken over", () => {
  const message = composeMessage(input({}, { prefix: "IPM.ExternalData", headers: [["X-Hansard-Rule", "file"]] }));
  expect(message.messageClass).toBe("IPM.ExternalData.Slack.Message");
  expect(message.headers.at(-1)).toEqual(["X-Hansard-Rule", "file"]);
});

test.each([
  ["FROM", { from: undefined }],
  ["FROM", { from: { id: "" } }],
  ["TO", { to: [] }],
  ["TO", { to: undefined }],
  ["TO", { to: [{ id: "" }] }],
  ["DATE", { date: "" }],
  ["DATE", { date: undefined }],
  ["DATE", { date: "yesterday" }],
  ["DATE", { date: "2026-02-30T10:00:00Z" }],
  ["DATE", { date: "2026-11-22T10:00:00" }],
  ["DATE", { date: "2026-11-22" }],
  ["DATE", { date: "0001-01-01T00:00:00Z" }],
  ["DATE", { date: "2026-11-22T24:00:00Z" }],
  ["DATE", { date: "2026-11-22T10:00:00+25:00" }],
])("without %s an event is unmappable, and the error names the property: %j", (property, draft) => {
  const error = failure(draft);
  expect(error.message).toMatch(new RegExp(`^The message lacks ${property}\\. \\S`));
  expect(error).toMatchObject({ scope: { event: "C1:1763.0001" }, remedy: expect.stringMatching(/\.$/) });
});

test("without a message class an event is unmappable, and the error names the property", () => {
  expect(failure({}, { type: "" })).toMatchObject({
    message: 'The message lacks MESSAGECLASS. The Event "" is empty, holds a dot or is not ASCII.',
    scope: { event: "C1:1763.0001" },
  });
});

test("the map's address goes before the source's", () => {
  const { from } = composeMessage(
    input({}, { address: ({ id }) => (id === "U024BE7LH" ? "alice.example@fabrikam.example" : undefined) }),
  );
  expect(from.address).toBe("alice.example@fabrikam.example");
});

test("what cannot be written as an address is shown with the name, beside a placeholder", () => {
  const { from } = composeMessage(input({ from: { id: "u1", name: "Zoë", address: "zoë @ home" } }));
  expect(from).toEqual({ id: "u1", name: "Zoë (zoë @ home)", address: "u1@slack.invalid" });
});

test("notes are shown in the text and in the HTML, where what the source left open cannot hide them", () => {
  const { text, html } = composeMessage(input({ html: "<p>Hi<!--", notes: ["The file <a> is gone.", "Line\nbreaks"] }));
  expect(text).toBe("Good morning\n\n-- Notes of the archive --\n- The file <a> is gone.\n- Line breaks\n");
  expect(html).toMatch(/^<div>.*<li>The file &lt;a&gt; is gone\.<\/li><li>Line breaks<\/li>.*<p>Hi<!--$/s);
});

test("control characters are shown as pictures, half surrogate pairs as U+FFFD, and line ends become one kind", () => {
  const { text, subject } = composeMessage(
    input({ text: "a\0b\u001b[1m\r\nc\rd\ud800", subject: "x\r\n\tBcc: y\0\u2028z " }),
  );
  expect(text).toBe("a\u2400b\u241b[1m\nc\nd\ufffd");
  expect(subject).toBe("x Bcc: y\u2400 z");
});

test("ordinary text of any language is left as it is", () => {
  const words = "Grüße, 東京 שלום‏ 👩‍👩‍👧 \u202bنص\u202c\u00a0x";
  expect(composeMessage(input({ text: `${words}\n\t${words}\n\n`, subject: words }))).toMatchObject({
    text: `${words}\n\t${words}\n\n`,
    subject: words,
  });
});

test("HTML refers to an attachment by the id that the mail gives it, however odd the source's is", () => {
  const attachments = ["F1", "a b", "a b&c"].map((id) => ({ id, name: "x.png", content: { text: "" }, inline: true }));
  const message = composeMessage(
    input({ html: '<img src="cid:F1"><img src="cid:a b"><img src="cid:a b&amp;c"><img src="cid:a%20b">', attachments }),
  );
  const [first, second, third] = message.attachments.map(({ id }) => id);
  expect(first).toBe("F1");
  expect(message.html).toBe(
    `<img src="cid:F1"><img src="cid:${second}"><img src="cid:${third}"><img src="cid:${second}">`,
  );
  for (const id of [first, second, third]) expect(id).toMatch(/^[A-Za-z0-9._@$+-]+$/);
});

test("attachment names are labels: no path, no control character, nothing that turns the letters round", () => {
  const names = [
    "../../etc/passwd",
    "..\\x",
    "..",
    "",
    "a\u202egpj.exe",
    "b\0\r\nc",
    "=?utf-8?Q?=2F?=",
    "Bericht März.pdf",
  ];
  const attachments = names.map((name, index) => ({ id: `F${index}`, name, content: { text: "" } }));
  expect(composeMessage(input({ attachments })).attachments.map(({ name }) => name)).toEqual([
    ".._.._etc_passwd",
    ".._x",
    "__",
    "unnamed",
    "a_gpj.exe",
    "b\u2400 c",
    "=_utf-8?Q?=2F?=",
    "Bericht März.pdf",
  ]);
});

test("the same input gives the same message", () => {
  const make = (): string => JSON.stringify(composeMessage(input({ notes: ["n"], from: { id: "Ünïcode" } })));
  expect(make()).toBe(make());
});
