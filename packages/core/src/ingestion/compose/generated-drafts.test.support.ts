import * as fc from "fast-check";
import type { MessageAttachment, MessageDraft, Participant } from "../../message.ts";
import type { ComposeMessageInput } from "./compose-message.ts";

/** What has broken mail software before. */
const NASTY = [
  "x\r\nBcc: evil@evil.example",
  "x\nX-Evil: 1",
  "x\rX-Evil: 1",
  "x\r\n\r\nThe body begins here",
  "x\r\n X-Evil: folded",
  "x\u2028X-Evil: 1\u0085X-Evil: 2",
  "=?utf-8?Q?x=0D=0AX-Evil:_1?=",
  "=?utf-8?B?WC1FdmlsOiAx?= =?utf-8?B?WC1FdmlsOiAx?=",
  "\0\u0001\u0007\u001b[31m\u007f",
  '"Quoted \\" name" <evil@evil.example>',
  "Last, First; group: a@b.example, c@d.example;",
  "(comment) back\\slash 'single' <angle>",
  "\u202egpj.exe\u202c and \u2066isolated\u2069",
  "\ud800 half \udfff pairs \udc00\ud800",
  "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 é ｆｕｌｌ",
  "../../etc/passwd\\..\\x",
  "..",
  "a".repeat(120),
  "ß".repeat(70),
  "word ".repeat(30).trim(),
  "two  spaces   and more",
  "a;b=c\"d'e%20f*0*=g",
  "ﬁ İstanbul ıI ŁÓDŹ ﷽",
];
const NASTY_LINES = [
  "From the start of a line",
  ".",
  "..",
  "--=_0123456789abcdef0123456789abcdefm",
  "--=_0123456789abcdef0123456789abcdefm--",
  "trailing space ",
  "trailing tab\t",
  "x".repeat(998),
  "x".repeat(999),
  "Content-Type: text/html",
  "",
  "> quoted",
  "=20=3D=",
];
const TYPES = [
  "image/png",
  "application/pdf",
  "text/plain; charset=utf-16",
  'text/html; charset="utf-8"',
  "TEXT/CSV",
  "message/rfc822",
  "multipart/mixed; boundary=x",
  "application/ms-tnef",
  "application/json",
  "",
  "nonsense",
  "image/png\r\nX-Evil: 1",
  'a/b; name="evil.exe"',
  "text/calendar; method=REQUEST",
  "image/svg+xml",
];
const ADDRESSES = [
  "alice@contoso.example",
  "Bob.O'Neil+slack@contoso.example",
  "a..b.@docomo.example",
  "user@münchen.example",
  "jösé@contoso.example",
  "not an address",
  "a@b@c",
  "evil@evil.example>\r\nBcc: x@evil.example",
  "a@contoso.example, b@contoso.example",
  '"quoted local"@contoso.example',
  "user@[192.0.2.1]",
  "=?utf-8?Q?x?=@contoso.example",
  "X".repeat(80) + "@contoso.example",
  "@",
  "",
];

const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 })
  .map((units) => String.fromCharCode(...units));
const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: "grapheme-ascii", maxLength: 60 }) },
  { weight: 2, arbitrary: fc.string({ unit: "grapheme", maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  { weight: 1, arbitrary: anyUnits },
  { weight: 2, arbitrary: fc.constantFrom(...NASTY) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...NASTY), fc.constantFrom(...NASTY)).map((pair) => pair.join(" ")),
  },
);
const anyBody = fc
  .array(fc.oneof(anyText, fc.constantFrom(...NASTY_LINES), fc.lorem({ maxCount: 3, mode: "sentences" })), {
    maxLength: 6,
  })
  .chain((lines) => fc.constantFrom("\n", "\r\n", "\r").map((end) => lines.join(end)));

const participant: fc.Arbitrary<Participant> = fc.record(
  {
    id: fc.oneof(
      fc.stringMatching(/^[A-Z0-9]{1,11}$/),
      anyText.filter((id) => id !== ""),
    ),
    name: anyText,
    address: fc.oneof(fc.constantFrom(...ADDRESSES), anyText),
    kind: fc.constantFrom("person", "bot", "place"),
  },
  { requiredKeys: ["id"] },
);

const recipients = fc.oneof(
  { weight: 1000, arbitrary: fc.array(participant, { minLength: 1, maxLength: 3 }) },
  { weight: 5, arbitrary: crowd(20, 200) },
  { weight: 1, arbitrary: crowd(200, 2000) },
);

const attachment = fc.record(
  {
    id: fc.oneof(fc.stringMatching(/^F[A-Z0-9]{1,8}$/), anyText),
    name: anyText,
    contentType: fc.oneof(fc.constantFrom(...TYPES), anyText),
    content: fc
      .oneof(anyBody, fc.constant(""), fc.constant("x".repeat(57)), fc.constant("é".repeat(200)))
      .map((text) => ({ text })),
    inline: fc.boolean(),
  },
  { requiredKeys: ["id", "name", "content"] },
);
const attachments: fc.Arbitrary<MessageAttachment[]> = fc.uniqueArray(attachment, {
  maxLength: 3,
  selector: ({ id }) => id.toWellFormed(),
});

const draft: fc.Arbitrary<MessageDraft> = fc.record(
  {
    from: participant,
    to: recipients,
    date: fc
      .date({ min: new Date("1900-01-02T00:00:00Z"), max: new Date("2199-12-31T00:00:00Z"), noInvalidDate: true })
      .map((date) => date.toISOString()),
    subject: anyText,
    text: anyBody,
    html: anyBody,
    attachments,
    notes: fc.array(anyText, { maxLength: 2 }),
    conversation: fc.record({ id: anyText, name: anyText }),
  },
  { requiredKeys: ["from", "to", "date", "subject", "text"] },
);

/** What may come to the composer: anything that a source may say, in every place. */
export const anyInput: fc.Arbitrary<ComposeMessageInput> = fc.record({
  draft,
  source: fc.constantFrom("Slack", "Yahoo!", "InstantBloomberg"),
  type: fc.constantFrom("Message", "Edit", "Other"),
  key: anyText,
  version: fc.oneof(fc.constant(""), anyText),
  messageId: fc.stringMatching(/^<v1\.[a-z2-7]{40}@[a-z]{3,8}\.archive\.invalid>$/),
  references: fc.array(fc.stringMatching(/^<v1\.[a-z2-7]{40}@x\.archive\.invalid>$/), { maxLength: 3 }),
  address: fc.oneof(
    { weight: 4, arbitrary: fc.constant(() => undefined) },
    { weight: 1, arbitrary: fc.constant(() => "mapped@contoso.example") },
  ),
});

/** Many people, made of few: generating each by itself would cost more than all the parsing. */
function crowd(minLength: number, maxLength: number): fc.Arbitrary<Participant[]> {
  const people = fc.array(participant, { minLength: 1, maxLength: 8 });
  return fc.tuple(people, fc.integer({ min: minLength, max: maxLength })).map(([few, length]) =>
    Array.from({ length }, (_, index): Participant => {
      const { id, ...rest } = few[index % few.length] ?? { id: "nobody" };
      return { ...rest, id: `${id}${index}` };
    }),
  );
}
