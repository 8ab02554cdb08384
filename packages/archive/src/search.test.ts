import { afterAll, beforeAll, expect, test } from "vitest";
import {
  deliveriesOf,
  deliveryOf,
  INBOX,
  sampleArchive,
  sampleMessage,
  temporaryFolder,
} from "./delivery.test.sample.ts";
import { type Archive, openArchive } from "./open-archive.ts";

const [ALICE, BOB, CAROL] = ["alice@contoso.example", "bob@contoso.example", "carol.c@partner.example"];

let archive: Archive;
const cleaning: (() => void | Promise<void>)[] = [];

/** Five messages that differ in all that can be asked for. */
beforeAll(async () => {
  archive = await openArchive(temporaryFolder((clean) => void cleaning.push(clean)));
  const carol = { id: "U3", name: "Carol Ceder", address: CAROL };
  const attachments = [{ id: "a", name: "Quarterly report.xlsx", contentType: "text/plain", content: { text: "1" } }];
  await archive.submit([
    ...deliveriesOf(
      sampleMessage(1, { subject: "Lunch", text: "Shall we meet at noon?", date: "2026-01-05T10:00:00.000Z" }),
      [ALICE, BOB],
    ),
    ...deliveriesOf(
      sampleMessage(2, {
        subject: "Quarterly report",
        text: "The numbers are in.",
        date: "2026-01-31T23:59:59.999Z",
        attachments,
      }),
      [BOB],
    ),
    deliveryOf(
      sampleMessage(3, {
        from: carol,
        subject: "Re: lunch",
        text: "Noon it is; the report can wait.",
        date: "2026-02-01T00:00:00.000Z",
        messageClass: "IPM.ExternalData.Twitter.Tweet",
      }),
      "thirdparty@contoso.example",
      INBOX,
    ),
    deliveryOf(
      sampleMessage(4, {
        to: [carol],
        subject: "Meeting",
        text: "We meet at the noon report.",
        date: "2026-02-15T12:00:00.000Z",
      }),
      ALICE,
      { kind: "visible", path: ["Slack", "general"] },
    ),
    deliveryOf(
      sampleMessage(5, {
        subject: "Plain",
        text: "A note of no source",
        date: "2025-12-31T08:00:00.000Z",
        messageClass: "IPM.NOTE",
      }),
      BOB,
    ),
  ]);
});

afterAll(async () => {
  await archive.close();
  for (const clean of cleaning) await clean();
});

test.each<[query: string, found: number[]]>([
  ["", [4, 3, 2, 1, 5]],
  ["noon", [4, 3, 1]],
  ["NOON", [4, 3, 1]],
  ["meet noon", [4, 1]],
  ["meet AND noon", [4, 1]],
  ['"meet at noon"', [1]],
  ['"meet at no"*', [1]],
  ["meet*", [4, 1]],
  ["lunch OR numbers", [3, 2, 1]],
  ["noon -meet", [3]],
  ["noon NOT meet", [3]],
  ["noon AND NOT (meet OR wait)", []],
  ["NOT noon", [2, 5]],
  ["-noon -plain", [2]],
  ["(lunch OR plain) (noon OR source)", [3, 1, 5]],
  ["subject:report", [2]],
  ['subject:"quarterly report"', [2]],
  ["subject:quart*", [2]],
  ["body:report", [4, 3]],
  ["attachment:report", [2]],
  ["attachment:xlsx", [2]],
  ["xlsx", [2]],
  ["from:carol", [3]],
  ['from:"Carol Ceder"', [3]],
  [`from:${CAROL}`, [3]],
  ["from:CAROL.C@PARTNER.EXAMPLE", [3]],
  ["from:carol.c@partner.exampl", []],
  ["from:carol.c@par*", [3]],
  ["from:partner.example", [3]],
  ["from:@partner.example", [3]],
  ["to:carol", [4]],
  ["to:partner.example", [4]],
  ["participants:carol", [4, 3]],
  [`participants:${CAROL}`, [4, 3]],
  [`participants:${BOB} noon`, [3, 1]],
  [CAROL, [4, 3]],
  ["ceder", [4, 3]],
  ["kind:externaldata", [4, 3, 2, 1]],
  ["kind:ExternalData noon", [4, 3, 1]],
  ["-kind:externaldata", [5]],
  ["itemclass:ipm.externaldata.slack*", [4, 2, 1]],
  ["itemclass:IPM.NOTE.Twitter.Tweet", [3]],
  ["itemclass:ipm.note", [5]],
  ["itemclass:ipm.externaldata.chatter*", []],
  ["-itemclass:ipm.externaldata.slack* noon", [3]],
  [`mailbox:${ALICE}`, [4, 1]],
  ["mailbox:ALICE@contoso.example", [4, 1]],
  ["mailbox:alice*", [4, 1]],
  [`mailbox:${ALICE} report`, [4]],
  [`-mailbox:${ALICE}`, [3, 2, 5]],
  ["folder:inbox", [3]],
  ["folder:purges", [2, 1, 5]],
  ['folder:"Recoverable Items/Purges" noon', [1]],
  ["folder:slack", [4]],
  ["folder:slack/general", [4]],
  ["folder:gen*", [4]],
  [`mailbox:${ALICE} folder:inbox`, []],
  [`(mailbox:${ALICE} folder:purges) OR plain`, [1, 5]],
  ["sent>=2026-02-01", [4, 3]],
  ["sent<2026-02-01", [2, 1, 5]],
  ["sent<=2026-01", [2, 1, 5]],
  ["sent>2026-01", [4, 3]],
  ["sent>2026-01-31T23:59:59.998Z", [4, 3, 2]],
  ["sent<2026-01-31T23:59:59.999Z", [1, 5]],
  ["sent=2025", [5]],
  ["date:2026-01-01..2026-01-31", [2, 1]],
  ["date:2026-02..", [4, 3]],
  ["date:..2025", [5]],
  ["date:2026-01-05T11:00+01:00", [1]],
  ["noon sent>=2026-02-01", [4, 3]],
  ["noon OR sent<2026-01-01", [4, 3, 1, 5]],
  ["noon -sent>=2026-02-01", [1]],
])("answers %s", async (query, found) => {
  const { hits } = await archive.search(query);

  expect(hits.map(({ messageId }) => Number(messageId.match(/\d+/)?.[0]))).toEqual(found);
  expect(await archive.count(query)).toBe(found.length);
});

test.each([
  ['noon "never closed', "quotation mark at character 6"],
  ["(noon", "bracket at character 1"],
  ["noon)", "bracket at character 5"],
  ["noon OR", "ends where a word was expected"],
  ["noon OR OR meet", "character 9"],
  ["colour:red", '"colour" at character 1'],
  ["noon sent>=yesterday", '"yesterday" at character 6'],
  ["sent:2026-02-30", "is no date"],
  ["subject>5", "cannot be compared"],
  ["from: carol", "needs a value"],
  ["!!! noon", '"!!!" at character 1'],
  ["kind:email", "externaldata"],
  ["from:(a OR b)", "inside the brackets"],
  ["x*", "too short"],
])("says what is wrong with the query %s, and where", async (query, reason) => {
  await expect(archive.search(query)).rejects.toThrow(reason);
});

test("describes a hit fully", async () => {
  const { hits } = await archive.search("wait");

  expect(hits).toEqual([
    {
      messageId: "<message-3@sample.invalid>",
      date: "2026-02-01T00:00:00.000Z",
      messageClass: "IPM.ExternalData.Twitter.Tweet",
      subject: "Re: lunch",
      from: "Carol Ceder <carol.c@partner.example>",
      size: expect.any(Number),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      copies: [{ mailbox: "thirdparty@contoso.example", folder: "Inbox", hidden: false, itemId: expect.any(String) }],
    },
  ]);
});

test("confines a search to mailboxes, and shows no copies of others", async () => {
  const { hits } = await archive.search("noon", { mailboxes: [BOB] });

  expect(hits.map(({ copies }) => copies.map(({ mailbox }) => mailbox))).toEqual([[BOB]]);
  expect(await archive.count("noon", { mailboxes: [BOB, ALICE] })).toBe(2);
});

test.each([
  ["a Latin letter's accent", "Café in Århus", "cafe arhus"],
  ["Hebrew points", "שָׁלוֹם עולם", "שלום"],
  ["Hebrew without them", "שלום עולם", '"שלום עולם"'],
  ["Arabic vowels and lengthening", "مُحَمَّد في العـــالم", "محمد العالم"],
  ["a pictograph that touches a word", "thanks🙏 all", "thanks"],
  ["a pictograph itself", "thanks🙏 all", "🙏"],
  ["a pictograph in another skin", "well done 👍🏽", "👍"],
  ["a flag", "from 🇸🇪 with love", "🇸🇪"],
  ["a heart with its selector", "love ❤️", "❤"],
  ["a word within Chinese", "今天下午的会议取消了", "会议"],
  ["a word within Japanese", "明日の会議はキャンセルです", "キャンセル"],
  ["Hindi vowels", "हिन्दी में", "हिन्दी"],
  ["Cyrillic in capitals", "Привет, МИР", "мир"],
  ["wide letters", "ＡＢＣ１２３", "abc123"],
  ["a trademark", "Hansard™ archive", "hansard"],
  ["an address in a text", "write to dan@example.org soon", "dan@example.org"],
  ["a web address", "see https://example.org/a/b?c=d", "https://example.org/a/b"],
])("finds %s", async (name, text, query) => {
  const id = `<${encodeURIComponent(name)}@unicode.invalid>`;
  const subject = `Case ${Buffer.from(name).toString("hex")}`;
  await archive.submit([
    deliveryOf(sampleMessage(0, { id, text, date: "2000-01-01T00:00:00.000Z", subject }), "unicode@contoso.example"),
  ]);

  const { hits } = await archive.search(`(${query}) subject:"${subject}"`);

  expect(hits.map(({ messageId }) => messageId)).toEqual([id]);
});

test("gives the newest first to the millisecond, page by page, in whatever order they were stored", async () => {
  const archive = await sampleArchive();
  const dates = Array.from({ length: 200 }, (_, index) => Date.UTC(2026, 0, 1) + ((index * 7919) % 1000) * 37);
  const messages = dates.map((date, number) => sampleMessage(number, { date: new Date(date).toISOString() }));
  for (let start = 0; start < 200; start += 30)
    await archive.submit(messages.slice(start, start + 30).map((message) => deliveryOf(message)));

  const found: string[] = [];
  let before: string | undefined;
  do {
    const page = await archive.search("text", { limit: 7, ...(before !== undefined && { before }) });
    found.push(...page.hits.map(({ date }) => date));
    before = page.next;
  } while (before !== undefined);

  expect(found).toEqual([...dates].sort((one, other) => other - one).map((date) => new Date(date).toISOString()));
});
