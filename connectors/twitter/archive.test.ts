import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ZipFile } from "yazl";
import { type XServer, addPost, addUser, createRandom, editPost, startXServer } from "../../tooling/servers/x/index.ts";
import { type Journal, type Run, captureOf, createJournal, readOnce, runPartition } from "./harness.test.support.ts";
import { events as mappings } from "./src/map.ts";
import { check, partitions } from "./src/read.ts";
import { contextOf } from "./harness.test.support.ts";
import { Settings } from "./src/schema.ts";

let server: XServer;
let folder: string;
let journal: Journal;
beforeAll(async () => {
  server = await startXServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.reset(1);
  folder = mkdtempSync(join(tmpdir(), "hansard-twitter-"));
  journal = createJournal();
});
afterEach(() => rmSync(folder, { recursive: true }));

interface File {
  kind: string;
  name: string;
  items: unknown[];
  count?: number;
}

const CREATED = "Fri Mar 06 13:02:05 +0000 2026";
const post = (id: string, rest: object = {}) => ({
  tweet: { id_str: id, full_text: `Post ${id} &amp; more`, created_at: CREATED, ...rest },
});
const FILES: File[] = [
  {
    kind: "tweets",
    name: "tweets",
    items: [
      post("1900000000000000001"),
      post("1900000000000000002", { in_reply_to_status_id_str: "1800000000000000000", in_reply_to_user_id_str: "3" }),
      post("1900000000000000004", {
        edit_info: {
          edit: {
            editTweetIds: ["1900000000000000003", "1900000000000000004"],
            editableUntil: "2026-03-06T14:02:05.000Z",
            editsRemaining: "4",
          },
        },
      }),
      post("1900000000000000005", { full_text: "RT @carol: Rates will ri…" }),
    ],
  },
  {
    kind: "deletedTweets",
    name: "deleted-tweets",
    items: [post("1900000000000000006", { deleted_at: "2026-03-07T10:00:00.000Z" })],
  },
  {
    kind: "noteTweet",
    name: "note-tweet",
    items: [
      {
        noteTweet: {
          noteTweetId: "1900000000000000007",
          createdAt: "2026-03-06T13:02:05.000Z",
          core: { text: "Long" },
        },
      },
    ],
  },
  { kind: "like", name: "like", items: [{ like: { tweetId: "1900000000000000008", fullText: "Liked" } }] },
  {
    kind: "directMessages",
    name: "direct-messages",
    items: [
      {
        dmConversation: {
          conversationId: "1-3",
          messages: [
            {
              messageCreate: {
                id: "1900000000000000010",
                senderId: "3",
                recipientId: "1",
                text: "Yes",
                createdAt: "2026-03-06T13:05:00.000Z",
              },
            },
            {
              messageCreate: {
                id: "1900000000000000009",
                senderId: "1",
                recipientId: "3",
                text: "Lunch?",
                createdAt: "2026-03-06T13:04:00.000Z",
                reactions: [
                  {
                    senderId: "3",
                    reactionKey: "like",
                    eventId: "1900000000000000011",
                    createdAt: "2026-03-06T13:06:00.000Z",
                  },
                ],
              },
            },
          ],
        },
      },
    ],
  },
  {
    kind: "directMessagesGroup",
    name: "direct-messages-group",
    items: [
      {
        dmConversation: {
          conversationId: "900",
          messages: [
            { participantsJoin: { initiatingUserId: "3", userIds: ["4"], createdAt: "2026-03-06T13:07:00.000Z" } },
            { somethingNew: { createdAt: "2026-03-06T13:08:00.000Z" } },
          ],
        },
      },
    ],
  },
  {
    kind: "messageEvent",
    name: "message-event",
    items: [
      {
        messageEvent: {
          id: "1900000000000000012",
          senderId: "3",
          contents: "qg==",
          createdAt: "2026-03-06T13:09:00.000Z",
        },
      },
    ],
  },
  { kind: "adImpressions", name: "ad-impressions", items: [{ ad: {} }] },
];

async function zipOf(
  files: File[],
  change: { owner?: string; partial?: boolean; script?: (name: string, text: string) => string } = {},
): Promise<string> {
  const path = join(folder, "archive.zip");
  const zip = new ZipFile();
  const { owner = "1", partial = false, script = (_, text) => text } = change;
  const dataTypes = Object.fromEntries(
    files.map(({ kind, name, items, count = items.length }) => [
      kind,
      {
        mediaDirectory: `data/${name.replaceAll("-", "_")}_media`,
        files: [{ fileName: `data/${name}.js`, globalName: `YTD.${kind}.part0`, count: String(count) }],
      },
    ]),
  );
  const manifest = {
    userInfo: { accountId: owner, userName: "acme", displayName: "Acme" },
    archiveInfo: { sizeBytes: "1", generationDate: "2026-03-08T00:00:00.000Z", isPartialArchive: partial },
    dataTypes,
  };
  zip.addBuffer(Buffer.from(`window.__THAR_CONFIG = ${JSON.stringify(manifest, null, 2)}`), "data/manifest.js");
  for (const { kind, name, items } of files)
    zip.addBuffer(
      Buffer.from(script(name, `window.YTD.${kind}.part0 = ${JSON.stringify(items, null, 2)}`)),
      `data/${name}.js`,
    );
  zip.addBuffer(Buffer.from("picture"), "data/tweets_media/1900000000000000001-abc.jpg");
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

function runWith(path: string, rest: object = {}): Run {
  const settings = Settings.parse({
    apiUrl: server.url,
    mediaHosts: [new URL(server.url).host],
    archives: [{ accountId: "1", path }],
    ...rest,
  });
  return { server, settings, journal, random: createRandom(3), crash: 0 };
}

const partitionOf = (path: string) => ({ id: `archive:1:${path}`, name: "Archive" });
const found = () =>
  [...journal.events.values()].map(({ type, key, version = "" }) => `${type} ${key} ${version}`.trim());

test("an archive gives its posts, deletions, notes, likes, messages and reactions under the keys of the API", async () => {
  const path = await zipOf(FILES);
  await readOnce(runWith(path), partitionOf(path));

  expect(found()).toEqual([
    "Tweet post:1:1900000000000000001 1900000000000000001",
    "Reply post:1:1900000000000000002 1900000000000000002",
    "Edit post:1:1900000000000000003 1900000000000000004",
    "Retweet post:1:1900000000000000005 1900000000000000005",
    "Tweet post:1:1900000000000000006 1900000000000000006",
    "Delete post:1:1900000000000000006 deleted",
    "Note note:1:1900000000000000007",
    "Like like:1:1900000000000000008 0",
    "DirectMessage dm:1-3:1900000000000000010",
    "DirectMessage dm:1-3:1900000000000000009",
    "Reaction dm:1-3:1900000000000000009:reaction:1900000000000000011",
    "DirectMessageJoin dm:900:1:0000001772802420000:participantsJoin:4",
    "Other dm:900:1:0000001772802480000:somethingNew",
    "EncryptedMessage encrypted:1:1900000000000000012",
  ]);
  const picture = [...journal.events.values()][0]?.attachments?.[0];
  expect(picture).toMatchObject({ name: "1900000000000000001-abc.jpg", contentType: "image/jpeg", blob: { size: 7 } });
  expect(journal.gaps.size).toBe(0);
  for (const event of journal.events.values())
    expect(mappings[event.type as keyof typeof mappings](captureOf(journal, event)).to.length).toBeGreaterThan(0);
});

test("what an archive claims is what it brought, file by file", async () => {
  const path = await zipOf(FILES);
  await readOnce(runWith(path), partitionOf(path));

  const counted = new Map<string, number>();
  for (const { claim = "" } of journal.events.values()) counted.set(claim, (counted.get(claim) ?? 0) + 1);
  expect(counted).toEqual(journal.claims);
});

test("reading goes on where a crash ended it, and an archive that is read is not read again", async () => {
  const path = await zipOf([
    {
      kind: "tweets",
      name: "tweets",
      items: Array.from({ length: 1500 }, (_, index) => post(String(1900000000000000000n + BigInt(index)))),
    },
  ]);
  const run = { ...runWith(path), crash: 0.3 };
  await runPartition(run, partitionOf(path));
  const again = { ...run, journal: { ...createJournal(), checkpoints: journal.checkpoints } };
  await readOnce({ ...again, crash: 0 }, partitionOf(path));

  expect(journal.events.size).toBe(1500);
  expect(again.journal.events.size).toBe(0);
});

test("the same post out of the archive and over the API is one event", async () => {
  addUser(server.world, { id: "1", username: "acme" });
  const live = addPost(server.world, { author: "1", text: "Same" });
  editPost(server.world, live, "Same, edited");
  const [first = "", second = ""] = live.versions.map(({ id }) => id);
  const edit_info = (kind: string) => ({ [kind]: { editTweetIds: [first, second] } });
  const path = await zipOf([
    {
      kind: "tweets",
      name: "tweets",
      items: [post(first, { edit_info: edit_info("initial") }), post(second, { edit_info: edit_info("edit") })],
    },
  ]);
  const run = runWith(path, { bearerToken: server.signIns.bearerToken, accounts: [{ id: "1", streams: ["posts"] }] });
  await readOnce(run, { id: "posts:1", name: "posts" });
  await readOnce(run, partitionOf(path));

  expect(found()).toEqual([`Tweet post:1:${first} ${first}`, `Edit post:1:${first} ${second}`]);
});

test("an archive fills the gap that X's cap leaves", async () => {
  addUser(server.world, { id: "1", username: "acme" });
  const posts = Array.from({ length: 3210 }, (_, index) => addPost(server.world, { author: "1", text: `${index}` }));
  const path = await zipOf([
    { kind: "tweets", name: "tweets", items: posts.slice(0, 100).map(({ chain }) => post(chain)) },
  ]);
  const run = runWith(path, { bearerToken: server.signIns.bearerToken, accounts: [{ id: "1", streams: ["posts"] }] });
  await readOnce(run, partitionOf(path));
  await readOnce(run, { id: "posts:1", name: "posts" });

  expect(journal.events.size).toBe(3210);
  expect(journal.gaps.size).toBe(0);
});

test("fewer items than the manifest counts are a gap with their number, and so is a partial archive", async () => {
  const path = await zipOf([{ kind: "tweets", name: "tweets", items: [post("1900000000000000001")], count: 3 }], {
    partial: true,
  });
  await readOnce(runWith(path), partitionOf(path));

  expect([...journal.gaps.values()].map(({ reason, events }) => [reason, events])).toEqual([
    [`The manifest of ${path} counts 3 items in data/tweets.js, which holds 1.`, 2],
    [`The archive ${path} says that it is only a part of the account's data.`, 1],
  ]);
  expect([...journal.claims.values()]).toEqual([3]);
});

test("an item of an unknown form is a gap, and what stands behind it is read", async () => {
  const items = [
    { messageEvent: { contents: "no id" } },
    { messageEvent: { id: "1900000000000000012", createdAt: "2026-03-06T13:09:00.000Z" } },
  ];
  const path = await zipOf([{ kind: "messageEvent", name: "message-event", items }]);
  await readOnce(runWith(path), partitionOf(path));

  expect(found()).toEqual(["EncryptedMessage encrypted:1:1900000000000000012"]);
  expect([...journal.gaps.values()].map(({ reason, events }) => [reason, events])).toEqual([
    [`The item 1 of data/message-event.js in ${path} is not of the known form.`, 1],
  ]);
  expect([...journal.claims.values()]).toEqual([2]);
});

test.each([
  ["a file that breaks off", (name: string, text: string) => (name === "tweets" ? text.slice(0, -20) : text)],
  [
    "another file's content",
    (name: string, text: string) => (name === "tweets" ? text.replace("YTD.tweets", "YTD.like") : text),
  ],
])("%s is refused, with none of it believed", async (_, script) => {
  const path = await zipOf(FILES, { script });

  await expect(readOnce(runWith(path), partitionOf(path))).rejects.toMatchObject({
    kind: "unexpected-response",
    remedy: "Download the archive from X again.",
  });
  expect(journal.events.size).toBe(0);
});

test("a changed byte is noticed by the checksum", async () => {
  const path = join(folder, "stored.zip");
  const zip = new ZipFile();
  const manifest = {
    userInfo: { accountId: "1", userName: "acme" },
    archiveInfo: { generationDate: "2026-03-08T00:00:00.000Z" },
    dataTypes: { tweets: { files: [{ fileName: "data/tweets.js", globalName: "YTD.tweets.part0", count: "1" }] } },
  };
  zip.addBuffer(Buffer.from(`window.__THAR_CONFIG = ${JSON.stringify(manifest)}`), "data/manifest.js", {
    compress: false,
  });
  zip.addBuffer(
    Buffer.from(`window.YTD.tweets.part0 = ${JSON.stringify([post("1900000000000000001")])}`),
    "data/tweets.js",
    { compress: false },
  );
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  const bytes = readFileSync(path);
  bytes[bytes.indexOf("&amp; more")] = 0x2b;
  writeFileSync(path, bytes);

  await expect(readOnce(runWith(path), partitionOf(path))).rejects.toMatchObject({
    message: expect.stringContaining("checksum"),
  });
});

test("an archive of another account is refused, and check says so beforehand", async () => {
  const path = await zipOf(FILES, { owner: "2" });
  const run = runWith(path);

  expect(await check(contextOf(run, partitionOf(path)))).toEqual([
    {
      level: "error",
      message: expect.stringContaining("belongs to account 2 and not to 1"),
      remedy: expect.anything(),
    },
  ]);
  expect((await partitions(contextOf(run, partitionOf(path)))).map(({ id }) => id)).toEqual([`archive:1:${path}`]);
  await expect(readOnce(run, partitionOf(path))).rejects.toMatchObject({ kind: "unexpected-response" });
});

test("a path that leads nowhere is a fault of the settings", async () => {
  await expect(
    readOnce(runWith(join(folder, "none.zip")), partitionOf(join(folder, "none.zip"))),
  ).rejects.toMatchObject({ kind: "settings" });
});
