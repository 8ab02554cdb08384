import { createHash } from "node:crypto";
import { mkdtemp, rename, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { CapturedEvent, FollowUp, Gap, Json, MessageDraft, Page, ReadContext, SourceEvent } from "@hansard/core";
import { pack } from "tar-stream";
import { beforeEach, describe, expect, test } from "vitest";
import { connector } from "./index.ts";
import { ChatFields } from "./schema.ts";

const NOW = Date.parse("2026-03-20T12:00:00Z");

let folder: string;
let events: Map<string, SourceEvent>;
let contexts: Map<string, Json>;
let gaps: Map<string, Gap>;
let followUps: Map<string, FollowUp>;
let pages: Page<string, Json>[];
let checkpoint: Json | undefined;
let clockMs: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bloomberg-"));
  [events, contexts, gaps, followUps] = [new Map(), new Map(), new Map(), new Map()];
  [pages, checkpoint, clockMs] = [[], undefined, NOW];
  return () => rm(folder, { recursive: true, force: true });
});

async function run(settings: { [name: string]: Json } = {}): Promise<void> {
  const parsed = await connector.settings["~standard"].validate({
    drop: { folder },
    completion: { stableForSeconds: 0, graceHours: 24 },
    ...settings,
  });
  if (parsed.issues) throw new Error(JSON.stringify(parsed.issues));
  const quiet = () => {};
  const refuse = async () => {
    throw new Error("Nothing is fetched by HTTP.");
  };
  const context: ReadContext<unknown, unknown> = {
    settings: parsed.value,
    checkpoint,
    partition: { id: "all", name: "all" },
    followUps: [...followUps.values()],
    startedAt: new Date(clockMs),
    signal: new AbortController().signal,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    http: { request: refuse, json: refuse, download: refuse },
    state: { get: async () => undefined, put: async () => {} },
    blobs: { put: async (content) => put(content) },
    async *captured() {},
  };
  pages = [];
  for await (const page of connector.read(context as ReadContext<never, never>)) keep(JSON.parse(JSON.stringify(page)));
  clockMs += 60_000;
}

async function put(content: AsyncIterable<Uint8Array> | Uint8Array) {
  const chunks: Uint8Array[] = [];
  if (content instanceof Uint8Array) chunks.push(content);
  else for await (const chunk of content) chunks.push(Uint8Array.from(chunk));
  const bytes = Buffer.concat(chunks);
  return { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
}

function keep(page: Page<string, Json>): void {
  pages.push(page);
  for (const event of page.events) if (!events.has(nameOf(event))) events.set(nameOf(event), event);
  for (const [id, json] of Object.entries(page.contexts ?? {})) contexts.set(id, json);
  for (const gap of page.gaps ?? []) gaps.set(gap.id, gap);
  for (const id of page.closed ?? []) gaps.delete(id);
  for (const followUp of page.followUps ?? []) followUps.set(followUp.id, followUp);
  for (const id of page.settled ?? []) followUps.delete(id);
  checkpoint = page.checkpoint ?? checkpoint;
}

function nameOf({ key, version = "" }: SourceEvent): string {
  return `${key} ${version}`;
}

function message(event: SourceEvent): MessageDraft {
  const resolved = Object.entries(event.context ?? {}).map(([name, id]) => [name, contexts.get(id) ?? null]);
  const captured: CapturedEvent = { version: "", attachments: [], ...event, context: Object.fromEntries(resolved) };
  return connector.events[event.type]?.(captured) ?? fail();
}

function fail(): never {
  throw new Error("It is not there.");
}

function messages(): MessageDraft[] {
  return [...events.values()].map(message);
}

function texts(): string[] {
  return messages().map(({ text }) => text);
}

function hours(count: number): void {
  clockMs += count * 3_600_000;
}

const user = (login: string, role = "User") =>
  `<${role}><LoginName>${login}</LoginName><FirstName>${login}</FirstName><LastName>X</LastName><CompanyName>C</CompanyName><EmailAddress>${login}@bloomberg.example</EmailAddress><CorporateEmailAddress/></${role}>`;
const moment = (name: string, login: string, at: number, rest = "") =>
  `<${name} InteractionType="N">${user(login)}<DateTime>03/13/2020 00:00:00</DateTime><DateTimeUTC>${1584057600 + at}</DateTimeUTC>${rest}<ConversationID>CHAT-fs:1</ConversationID></${name}>`;
const says = (login: string, at: number, text: string) => moment("Message", login, at, `<Content>${text}</Content>`);
const room = (inside: string, type = "C") =>
  `<Conversation Perspective=" " RoomType="${type}"><RoomID>CHAT-fs:1</RoomID><StartTimeUTC>1584057600</StartTimeUTC>${inside}<EndTimeUTC>1584143999</EndTimeUTC></Conversation>`;
const chat = (...inside: string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?><FileDump><Version>1.9</Version>${inside.join("")}</FileDump>`;
const person = (name: string) =>
  `<UserInfo><FirstName>${name}</FirstName><LastName>X</LastName><BloombergEmailAddress>${name}@bloomberg.example</BloombergEmailAddress></UserInfo>`;
const letter = (id: string, rest = "", body = `body of ${id}`) =>
  `<Message><MsgID>${id}</MsgID><MsgTime>2020-03-13-15.35.22.000000</MsgTime><MsgTimeUTC>1584128122</MsgTimeUTC><Sender>${person("ada")}</Sender><Recipient DeliveryType="BCC">${person("bob")}</Recipient><Subject>S</Subject>${rest}<MsgBody>${body}</MsgBody></Message>`;
const mail = (...inside: string[]) => `<FileDump><Version>MSGXML 1.6</Version>${inside.join("")}</FileDump>`;
const attachment = (id: string, name = id) =>
  `<Attachment><FileName>${name}</FileName><FileID>${id}</FileID></Attachment>`;

async function write(name: string, content: string | Buffer): Promise<void> {
  await writeFile(join(folder, name), content);
}

async function archive(members: Record<string, string>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(members)) tar.entry({ name }, content);
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return gzipSync(Buffer.concat(chunks));
}

describe("who could read a message", () => {
  test("is who was in the room at that moment", async () => {
    const inside = [
      moment("ParticipantEntered", "ada", 1),
      moment("ParticipantEntered", "bob", 2),
      says("ada", 3, "both"),
      moment("ParticipantEntered", "eve", 4),
      says("ada", 5, "all"),
      moment("ParticipantLeft", "bob", 6),
      says("ada", 7, "without bob"),
    ];
    await write("f1.ib19.200313.xml", chat(room(inside.join(""))));
    await run();
    const to = Object.fromEntries(messages().map(({ text, to }) => [text, to.map(({ name }) => name?.split(" ")[0])]));
    expect(to["both"]).toEqual(["bob"]);
    expect(to["all"]).toEqual(["bob", "eve"]);
    expect(to["without bob"]).toEqual(["eve"]);
    expect(to["bob X left the chat."]).toEqual(["ada", "eve"]);
  });

  test("includes those who were there before the day began", async () => {
    await write(
      "f1.ib19.200313.xml",
      chat(
        room([moment("ParticipantEntered", "ada", 1), says("ada", 2, "hello"), says("bob", 3, "I was here")].join("")),
      ),
    );
    await run();
    expect(
      messages()
        .find(({ text }) => text === "hello")
        ?.to.map(({ id }) => id),
    ).toEqual(["bob@bloomberg.example"]);
  });

  test("is the room itself where nobody else was there, and that is said", async () => {
    await write("f1.ib19.200313.xml", chat(room(says("ada", 2, "alone"))));
    await run();
    const [only] = messages();
    expect(only?.to).toEqual([{ id: "CHAT-fs:1", name: "Chat CHAT-fs:1", kind: "place" }]);
    expect(only?.notes?.join()).toContain("Nobody else");
  });
});

test("the same words in the same second are two messages, and one when the file is read in another form", async () => {
  const xml = chat(room(says("ada", 2, "ok") + says("ada", 2, "ok")));
  await write("f1.ib19.200313.xml", xml);
  await run();
  expect(texts()).toEqual(["ok", "ok"]);
  await write("f1.ib.200313.xml", xml.replace("1.9", "IBXML 1.3"));
  await run();
  expect(events.size).toBe(2);
});

test("of a day's chats in both formats the newer is read", async () => {
  await write("f1.ib.200313.xml", chat(room(says("ada", 2, "old format"))));
  await write("f1.ib19.200313.xml", chat(room(says("ada", 2, "new format"))));
  await run();
  expect(texts()).toEqual(["new format"]);
});

test("elements that are not known are archived as they came", async () => {
  await write(
    "f1.ib19.200313.xml",
    chat(
      room(
        says("ada", 1, "hi") +
          moment("Poll", "ada", 2, "<Option __proto__='x'>yes</Option><constructor>c</constructor>"),
      ),
      "<Surprise><A>1</A></Surprise>",
    ),
  );
  await write(
    "f1.msg.200313.xml",
    mail(
      letter("AA"),
      "<Receipt><MsgTimeUTC>1584128122</MsgTimeUTC></Receipt>",
      letter("BB").replace(/<Sender>.*<\/Sender>/, ""),
    ),
  );
  await run();
  const others = [...events.values()].filter(({ type }) => type === "Other");
  expect(others.map(({ data }) => (data as { "#element": string })["#element"]).sort()).toEqual([
    "Message",
    "Poll",
    "Receipt",
    "Surprise",
  ]);
  expect(JSON.stringify(others)).toContain('"constructor#":"c"');
  expect(others.map(message).every(({ to }) => to.length > 0)).toBe(true);
  expect(({} as { x?: string }).x).toBeUndefined();
});

test("a file that is cut off at any byte gives no event and one gap that names the byte", async () => {
  const xml = Buffer.from(chat(room(says("ada", 1, "é &amp; more"))));
  for (let length = 0; length < xml.length; length++) {
    checkpoint = undefined;
    gaps.clear();
    await write("f1.ib19.200313.xml", xml.subarray(0, length));
    await run();
    expect(events.size, `length ${length}`).toBe(0);
    expect(
      [...gaps.values()].map(({ reason }) => reason),
      `length ${length}`,
    ).toEqual([expect.stringMatching(/f1\.ib19\.200313\.xml is refused at byte \d+/)]);
  }
  await write("f1.ib19.200313.xml", xml);
  await run();
  expect([events.size, gaps.size]).toEqual([1, 0]);
});

test.each([
  ["another root", "<Other><Version>1.9</Version></Other>", /outermost element is Other/],
  ["no version", "<FileDump></FileDump>", /lacks the element Version/],
  ["stray text", "<FileDump><Version>1.9</Version>stray</FileDump>", /Text stands directly/],
  ["a DOCTYPE", "<!DOCTYPE x><FileDump><Version>1.9</Version></FileDump>", /DOCTYPE/],
])("a file with %s is refused", async (_, xml, reason) => {
  await write("f1.ib19.200313.xml", xml);
  await run();
  expect([...gaps.values()][0]?.reason).toMatch(reason);
});

test("claims name each file and count its events, and each event names its claim", async () => {
  await write("f1.ib19.200313.xml", chat(room(says("ada", 1, "a") + says("ada", 2, "b"))));
  await write("f1.msg.200313.xml", mail(letter("AA")));
  await run();
  const claims = pages.flatMap(({ claims = [] }) => claims);
  expect(claims.map(({ events }) => events).sort()).toEqual([1, 2]);
  for (const { id, events: count } of claims)
    expect([...events.values()].filter(({ claim }) => claim === id)).toHaveLength(count);
});

test("what is repeated from the history may be excluded, and is counted", async () => {
  await write("f1.ib19.200313.xml", chat(room(says("ada", 1, "new") + says("ada", 2, "old").replace('"N"', '"H"'))));
  await run({ history: "exclude" });
  expect(texts()).toEqual(["new"]);
  expect(pages.flatMap(({ exclusions = [] }) => exclusions)).toMatchObject([
    { events: 1, claim: expect.stringContaining("ib19") },
  ]);
});

describe("attachments and disclaimers", () => {
  test("a day waits for what its messages refer to, and then says in the message what is missing", async () => {
    await write(
      "f1.msg.200313.xml",
      mail(letter("AA", attachment("X.pdf") + "<DisclaimerReference>7</DisclaimerReference>")),
    );
    await run();
    expect([events.size, gaps.size]).toEqual([0, 0]);
    hours(25);
    await run();
    expect(messages()[0]?.notes?.join("\n")).toMatch(/attachment X\.pdf is missing[^]*disclaimer 7 is not in the drop/);
    expect([...gaps.values()].map(({ events }) => events)).toEqual([0, 0]);
    expect(followUps.size).toBe(1);
  });

  test("what came late is joined to its message as a version, and the gaps are closed", async () => {
    await write(
      "f1.msg.200313.xml",
      mail(letter("AA", attachment("X.pdf") + "<DisclaimerReference>7</DisclaimerReference>"), letter("BB")),
    );
    await run();
    hours(25);
    await run();
    expect(events.size).toBe(2);
    await write("f1.msg.att.200313.tar.gz", await archive({ "X.pdf": "content" }));
    await run();
    expect([events.size, gaps.size, followUps.size]).toEqual([3, 1, 1]);
    await write(
      "f1.dscl.200313.xml",
      mail(
        "<Disclaimer><DisclaimerReference>7</DisclaimerReference><DisclaimerText>No offer</DisclaimerText></Disclaimer>",
      ),
    );
    await run();
    expect([events.size, gaps.size, followUps.size]).toEqual([4, 0, 0]);
    const last = messages().at(-1);
    expect(last?.text).toBe("body of AA\n\nNo offer");
    expect(last?.attachments?.map(({ name }) => name)).toEqual(["X.pdf"]);
    await run();
    expect(events.size).toBe(4);
  });

  test.each([
    ["exactly", "123_a b_0123456789ab.pdf", "123_a b_0123456789ab.pdf"],
    ["percent-encoded in the message", "123_a%20b_0123456789ab.pdf", "123_a b_0123456789ab.pdf"],
    ["percent-encoded in the archive", "123_a b_0123456789ab.pdf", "123_a%20b_0123456789ab.pdf"],
    ["in other case", "ABCDEF.PDF", "folder/abcdef.pdf"],
    ["without the sender", "a b_0123456789ab.pdf", "123_a b_0123456789ab.pdf"],
    ["by its number alone", "0123456789AB", "123_anything_0123456789ab.pdf"],
  ])("a member is found that is named %s", async (_, id, member) => {
    await write("f1.msg.200313.xml", mail(letter("AA", attachment(id, "name.pdf"))));
    await write("f1.msg.att.200313.tar.gz", await archive({ [member]: "content" }));
    await run();
    expect(messages()[0]?.attachments).toEqual([
      { id: `1:${id}`, name: "name.pdf", content: { blob: await put(Buffer.from("content")) } },
    ]);
    expect([events.size, gaps.size]).toEqual([1, 0]);
  });

  test("a member that could be one of two is not guessed", async () => {
    await write("f1.msg.200313.xml", mail(letter("AA", attachment("0123456789AB", "name.pdf"))));
    await write(
      "f1.msg.att.200313.tar.gz",
      await archive({ "1_a_0123456789ab.pdf": "one", "2_b_0123456789ab.pdf": "two" }),
    );
    await run({ completion: { stableForSeconds: 0, graceHours: 0 } });
    expect(messages()[0]?.attachments).toBeUndefined();
    expect(gaps.size).toBe(1);
  });

  test("alt_body.html becomes the message's HTML, and files that nobody refers to are archived for themselves", async () => {
    await write("f1.msg.200313.xml", mail(letter("AA", attachment("B.HTM", "alt_body.html"))));
    await write("f1.msg.att.200313.tar.gz", await archive({ "B.HTM": "<b>é</b>", "stray.bin": "x" }));
    await run();
    const [first, stray] = messages();
    expect(first).toMatchObject({ html: "<b>é</b>" });
    expect(first?.attachments).toBeUndefined();
    expect(stray).toMatchObject({ subject: "File without a message: stray.bin", attachments: [{ name: "stray.bin" }] });
  });

  test("an archive that is cut off is refused whole, and its messages wait for it", async () => {
    const packed = await archive({ "X.pdf": "content" });
    await write("f1.msg.200313.xml", mail(letter("AA", attachment("X.pdf"))));
    await write("f1.msg.att.200313.tar.gz", packed.subarray(0, packed.length - 4));
    await run();
    expect(events.size).toBe(0);
    expect([...gaps.keys()]).toEqual(["file:f1.msg.att.200313.tar.gz"]);
    await write("f1.msg.att.200313.tar.gz", packed);
    await run();
    expect([events.size, gaps.size]).toEqual([1, 0]);
  });
});

test("a part that NextFile names is waited for, and its absence is a gap until it comes", async () => {
  await write("f1.msg.200313.xml", mail(letter("AA"), "<NextFile>f1.msg.200313.xml1</NextFile>"));
  await run();
  expect(events.size).toBe(0);
  hours(25);
  await run();
  expect(events.size).toBe(1);
  expect([...gaps.keys()]).toEqual(["file:f1.msg.200313.xml1"]);
  await write("f1.msg.200313.xml1", mail(letter("BB")));
  await run();
  expect([events.size, gaps.size]).toEqual([2, 0]);
});

test("a file that moves to the archive folder, or is packed, is not read again", async () => {
  await write("f1.msg.200313.xml", mail(letter("AA")));
  await run();
  await rename(join(folder, "f1.msg.200313.xml"), join(folder, "f1.msg.200313.xml.old"));
  await write("f1.msg.200313.xml.gz", gzipSync(mail(letter("AA"))));
  await run({ ignore: ["*.old"] });
  expect(events.size).toBe(1);
  expect(pages.flatMap(({ claims = [] }) => claims)).toEqual([]);
});

test("a file that is delivered again with other bytes is archived as another version of its messages", async () => {
  await write("f1.msg.200313.xml", mail(letter("AA")));
  await run();
  await write("f1.msg.200313.xml", mail(letter("AA", "", "corrected body")));
  await run();
  expect(texts()).toEqual(["body of AA", "corrected body"]);
  expect(new Set([...events.values()].map(({ key }) => key)).size).toBe(1);
});

test("a message id that stands twice in a file loses neither message", async () => {
  await write("f1.msg.200313.xml", mail(letter("AA"), letter("AA", "", "second")));
  await run();
  expect(texts()).toEqual(["body of AA", "second"]);
});

test("a day whose files do not come is a gap, which closes when they do", async () => {
  const expectation = { expect: { since: "2026-03-18", lateAfterHours: 10, files: ["mail"] } };
  await run(expectation);
  expect([...gaps.keys()]).toEqual(["day:2026-03-18:mail", "day:2026-03-19:mail"]);
  await write("f1.msg.260318.xml", mail(letter("AA")));
  await run(expectation);
  expect([...gaps.keys()]).toEqual(["day:2026-03-19:mail"]);
  await unlink(join(folder, "f1.msg.260318.xml"));
  clockMs += 30 * 86_400_000;
  await run({ expect: { ...expectation.expect, days: ["wednesday"] } });
  expect([...gaps.keys()]).not.toContain("day:2026-03-18:mail");
});

test("a file whose name is not known is told of by name", async () => {
  await write("notes.docx", "x");
  await run();
  expect([...gaps.keys()]).toEqual(["file:notes.docx"]);
  await run({ ignore: ["*.docx"] });
  expect(gaps.size).toBe(0);
});

test("stopping after any page and going on loses nothing and doubles nothing", async () => {
  const letters = Array.from({ length: 1200 }, (_, index) => letter(`ID${index}`));
  await write("f1.msg.200313.xml", mail(...letters));
  await run();
  const all = [...events.keys()];
  const count = pages.length;
  for (let stop = 1; stop < count; stop++) {
    const kept = pages.slice(0, stop);
    [events, checkpoint] = [new Map(), undefined];
    for (const page of kept) keep(page);
    await run();
    expect([...events.keys()].sort()).toEqual([...all].sort());
  }
});

test("an event with a field of another shape than the mapping knows is archived as it came", async () => {
  const nested = (name: string) =>
    moment("Message", "ada", 1, `<Content>hi</Content><${name}><Nested>1</Nested></${name}>`);
  const fields = Object.keys(ChatFields.shape).filter(
    (name) => !name.startsWith("@") && name !== "Content" && name !== "DateTimeUTC",
  );
  for (const name of fields) {
    [events, checkpoint] = [new Map(), undefined];
    await write("f1.ib19.200313.xml", chat(room(nested(name))));
    await run();
    expect(
      [...events.values()].map(({ type }) => type),
      name,
    ).toEqual(["Other"]);
    expect(messages()).toHaveLength(1);
  }
});
