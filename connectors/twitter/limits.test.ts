import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  type XServer,
  addMessage,
  addPost,
  addUser,
  createRandom,
  deletePost,
  editPost,
  newId,
  startXServer,
} from "../../tooling/servers/x/index.ts";
import { type Journal, type Run, createJournal, readOnce, runAll, runPartition } from "./harness.test.support.ts";
import { Settings } from "./src/schema.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
let server: XServer;
let journal: Journal;
beforeAll(async () => {
  server = await startXServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.reset(1);
  journal = createJournal();
  for (const [id, username] of [
    ["1", "acme"],
    ["3", "carol"],
  ] as const)
    addUser(server.world, { id, username });
});

function runWith(streams: string[], rest: object = {}): Run {
  const settings = Settings.parse({
    apiUrl: server.url,
    mediaHosts: [new URL(server.url).host],
    clientId: "client",
    bearerToken: server.signIns.bearerToken,
    accounts: [{ id: "1", streams, ...(streams.includes("directMessages") && { refreshToken: server.consent("1") }) }],
    ...rest,
  });
  return { server, settings, journal, random: createRandom(1), crash: 0 };
}

const partition = (id: string) => ({ id, name: id });
const types = () => [...journal.events.values()].map(({ type, version }) => `${type} ${version ?? ""}`.trim());

test("posts beyond the newest 3,200 are a gap with their number", async () => {
  for (let count = 0; count < 3230; count += 1) addPost(server.world, { author: "1", text: `Post ${count}` });
  await readOnce(runWith(["posts"]), partition("posts:1"));

  expect(journal.events.size).toBe(3200);
  expect([...journal.gaps.values()]).toEqual([
    {
      id: "cap:posts:1:first",
      reason: "X gives only the newest 3,200 posts of account 1; 30 older ones were not read.",
      remedy: "Import an account archive that reaches back further, or switch fullArchiveSearch on.",
      events: 30,
    },
  ]);
});

test("full-archive search brings the older posts, but for the reposts among them, which stay a gap", async () => {
  const first = addPost(server.world, { author: "3", text: "Original" });
  addPost(server.world, { author: "1", text: "RT @carol: Orig…", reference: { type: "retweeted", id: first.chain } });
  for (let count = 0; count < 3230; count += 1) addPost(server.world, { author: "1", text: `Post ${count}` });
  await readOnce(runWith(["posts"], { fullArchiveSearch: true }), partition("posts:1"));

  expect(journal.events.size).toBe(3230);
  expect([...journal.gaps.values()].map(({ events }) => events)).toEqual([1]);
});

test("more than 800 mentions since the last read are a gap", async () => {
  const run = runWith(["mentions"]);
  addPost(server.world, { author: "3", text: "First", mentions: ["1"] });
  await readOnce(run, partition("mentions:1"));
  expect(journal.gaps.size).toBe(0);
  server.world.now += 2 * 60 * MINUTE_MS;
  for (let count = 0; count < 830; count += 1)
    addPost(server.world, { author: "3", text: `@acme ${count}`, mentions: ["1"] });
  await readOnce(run, partition("mentions:1"));

  expect(journal.events.size).toBe(801);
  expect([...journal.gaps.values()].map(({ reason }) => reason)).toEqual([
    expect.stringContaining("newest 800 mentions of account 1"),
  ]);
});

test("direct messages that fell over the edge of 30 days are a gap", async () => {
  const run = runWith(["directMessages"]);
  const talk = (text: string) =>
    addMessage(server.world, { type: "MessageCreate", conversation: "1-3", readers: ["1", "3"], sender: "3", text });
  talk("seen");
  await runPartition(run, partition("directMessages:1"));
  server.world.now += DAY_MS;
  talk("lost");
  server.world.now += 40 * DAY_MS;
  talk("new");
  await runPartition(run, partition("directMessages:1"));

  expect([...journal.events.values()].map(({ data }) => (data as { text: string }).text)).toEqual(["seen", "new"]);
  expect([...journal.gaps.values()]).toEqual([
    expect.objectContaining({ events: 1, reason: expect.stringContaining("last 30 days only") }),
  ]);
});

test("a walk through many messages goes on after each 15 requests, and the mark moves only at its end", async () => {
  const run = runWith(["directMessages"]);
  server.faults.shortPages = true;
  for (let count = 0; count < 300; count += 1)
    addMessage(server.world, {
      type: "MessageCreate",
      conversation: "1-3",
      readers: ["1", "3"],
      sender: "3",
      text: `${count}`,
    });
  const stopped = await readOnce(run, partition("directMessages:1")).catch((error: unknown) => error);
  expect(stopped).toMatchObject({ kind: "rate-limited" });
  expect(journal.checkpoints.get("directMessages:1")).not.toHaveProperty("mark");
  expect(journal.checkpoints.get("directMessages:1")).toHaveProperty("walk.newest");
  await runPartition(run, partition("directMessages:1"));

  expect(journal.events.size).toBe(300);
  expect(journal.checkpoints.get("directMessages:1")).not.toHaveProperty("walk");
});

test("each version of an edited post is an event, found after the time of editing though nothing else looks back", async () => {
  const run = runWith(["posts"], { overlapMinutes: 1, rescanDays: 0, deletionDays: 0 });
  const post = addPost(server.world, { author: "1", text: "First" });
  await readOnce(run, partition("posts:1"));
  server.world.now += 10 * MINUTE_MS;
  addPost(server.world, { author: "1", text: "Later" });
  await readOnce(run, partition("posts:1"));
  for (const text of ["Second", "Third"]) {
    server.world.now += 20 * MINUTE_MS;
    editPost(server.world, post, text);
  }
  await readOnce(run, partition("posts:1"));
  expect(journal.events.size).toBe(2);
  server.world.now += 20 * MINUTE_MS;
  await readOnce(run, partition("posts:1"));

  const chain = [...journal.events.values()].filter(({ key }) => key.endsWith(post.chain));
  expect(chain.map(({ type, version, data }) => [type, version, (data as { text: string }).text])).toEqual([
    ["Tweet", post.versions[0]?.id, "First"],
    ["Edit", post.versions[1]?.id, "Second"],
    ["Edit", post.versions[2]?.id, "Third"],
  ]);
  expect([...(journal.followUps.get("posts:1")?.keys() ?? [])].filter((id) => id.endsWith(post.chain))).toEqual([]);
});

test("deleted, protected and suspended are told apart, and only the first is a deletion", async () => {
  for (const [id, username] of [
    ["4", "dave"],
    ["5", "eve"],
  ] as const)
    addUser(server.world, { id, username });
  const run = runWith(["posts", "mentions"]);
  const own = addPost(server.world, { author: "1", text: "Mine" });
  for (const author of ["4", "5"]) addPost(server.world, { author, text: "@acme", mentions: ["1"] });
  await runAll(run);
  deletePost(server.world, own);
  Object.assign(server.world.users.get("4") ?? {}, { protected: true });
  Object.assign(server.world.users.get("5") ?? {}, { suspended: true });
  server.world.now += DAY_MS;
  await runAll(run);
  server.world.now += DAY_MS;
  await runAll(run);

  expect(types().slice(3).toSorted()).toEqual(["Delete deleted", "Withheld protected", "Withheld suspended"]);
});

test("a compliance job tells deletions of posts however old, and no sign-in goes to its storage", async () => {
  const run = runWith(["posts"], { compliance: true, deletionDays: 0 });
  const url = new URL(server.url).host;
  const post = addPost(server.world, { author: "1", text: "Old" });
  await runAll(run);
  server.world.now += 2 * 60 * MINUTE_MS;
  await runAll(run);
  server.world.now += 300 * DAY_MS;
  deletePost(server.world, post);
  const { hosts } = await import("./src/read.ts");
  expect(hosts(run.settings)).toContain(url);
  for (let time = 0; time < 4; time += 1) {
    await runAll(run);
    server.world.now += 60 * MINUTE_MS;
  }

  expect(types().at(-1)).toBe("Delete deleted");
  expect(server.requests.filter((request) => /compliance|upload|download/.test(request))).toEqual([
    "POST /2/compliance/jobs",
    expect.stringMatching(/^PUT \/upload\/\d+$/),
    expect.stringMatching(/^GET \/2\/compliance\/jobs\/\d+$/),
    expect.stringMatching(/^GET \/2\/compliance\/jobs\/\d+$/),
    expect.stringMatching(/^GET \/download\/\d+$/),
  ]);
});

test("looking for deletions may be switched on and off later", async () => {
  const post = addPost(server.world, { author: "1", text: "Mine" });
  await runAll(runWith(["posts"], { compliance: true, deletionDays: 0 }));
  server.world.now += 2 * 60 * MINUTE_MS;
  await runAll(runWith(["posts"]));
  deletePost(server.world, post);
  server.world.now += DAY_MS;
  await runAll(runWith(["posts"]));

  expect(types().at(-1)).toBe("Delete deleted");
  expect([...(journal.followUps.get("recheck")?.keys() ?? [])]).toEqual(["recheck"]);
});

test.each(["tweet", "post"] as const)("where X speaks of %ss only, the same events come", async (spelling) => {
  const quoted = addPost(server.world, { author: "3", text: "Original" });
  const post = addPost(server.world, {
    author: "1",
    text: "long ".repeat(80),
    reference: { type: "quoted", id: quoted.chain },
  });
  editPost(server.world, post, "Edited");
  server.spelling = spelling;
  await readOnce(runWith(["posts"]), partition("posts:1"));

  const known = [...journal.events.values()];
  expect(types()).toEqual([`Quote ${post.chain}`, `Edit ${post.versions[1]?.id}`]);
  expect(Object.keys(known[0]?.context ?? {}).toSorted()).toEqual(["author", `referenced:${quoted.chain}`, "user:3"]);
});

test("a file that failed is a gap at first, and an event of its own when it comes", async () => {
  const run = runWith(["posts"]);
  const key = `3_${newId(server.world)}`;
  addPost(server.world, { author: "1", text: "Look", media: [key] });
  const { media } = server.world;
  media.set(key, { key, type: "photo", bytes: Uint8Array.of(1, 2, 3, 4), down: true });
  await readOnce(run, partition("posts:1"));
  expect([...journal.gaps.keys()]).toHaveLength(1);
  media.set(key, { key, type: "photo", bytes: Uint8Array.of(1, 2, 3, 4) });
  server.world.now += 2 * 60 * MINUTE_MS;
  await readOnce(run, partition("posts:1"));

  expect(types()[1]).toBe("Media");
  expect(journal.gaps.size).toBe(0);
  expect([...journal.blobs.values()].map((bytes) => [...bytes])).toEqual([[1, 2, 3, 4]]);
});
