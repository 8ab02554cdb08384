import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type XServer, addEncrypted, addUser, createRandom, startXServer } from "../../tooling/servers/x/index.ts";
import {
  type Journal,
  type Run,
  captureOf,
  createJournal,
  readOnce,
  runAll,
  runPartition,
} from "./harness.test.support.ts";
import { events } from "./src/map.ts";
import { partitions } from "./src/read.ts";
import { Settings } from "./src/schema.ts";

const HOUR_MS = 3_600_000;
const PARTITION = { id: "encryptedChats:1", name: "encrypted chats" };
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

function runWith(rest: object = {}): Run {
  const settings = Settings.parse({
    apiUrl: server.url,
    clientId: "client",
    accounts: [{ id: "1", streams: ["directMessages"], refreshToken: server.consent("1") }],
    ...rest,
  });
  return { server, settings, journal, random: createRandom(1), crash: 0 };
}

function whisper(conversation: string, sender: string) {
  return addEncrypted(server.world, { conversation, readers: ["1", "3"], sender });
}

test("encrypted conversations are a gap each, and their ciphertext is archived with who wrote it and when", async () => {
  const run = runWith();
  for (const sender of ["3", "1"]) whisper("1:3", sender);
  whisper("g77", "3");
  server.world.now += 2 * HOUR_MS;
  await runAll(run);
  server.world.now += 24 * HOUR_MS;
  const later = whisper("1:3", "3");
  server.requests.length = 0;
  await runAll(run);

  expect([...journal.gaps.values()].map(({ id, events }) => `${id} ${events}`).toSorted()).toEqual([
    "encrypted:1:1-3 0",
    "encrypted:1:g77 0",
  ]);
  expect([...journal.events.keys()].map((key) => key.split("\n")[0]).at(-1)).toBe(`encrypted:1:${later.id}`);
  expect(journal.events.size).toBe(4);
  const messages = [...journal.events.values()].map((event) => events.EncryptedMessage(captureOf(journal, event)));
  expect(messages.map(({ from, to }) => `${from.name} to ${to.map(({ name }) => name).join()}`)).toEqual([
    "carol (@carol) to acme (@acme)",
    "acme (@acme) to carol (@carol)",
    "carol (@carol) to acme (@acme)",
    "carol (@carol) to acme (@acme)",
  ]);
  // What has not moved since it was read is not paid for again.
  expect(server.requests.filter((request) => request.endsWith("/events"))).toEqual([
    "GET /2/chat/conversations/1-3/events",
  ]);
});

test("a long encrypted conversation goes on after each 15 requests, and starves none that waits behind it", async () => {
  const run = runWith();
  server.faults.shortPages = true;
  for (const conversation of ["1:3", "g77"]) for (let count = 0; count < 150; count += 1) whisper(conversation, "3");
  const stopped = await readOnce(run, PARTITION).catch((error: unknown) => error);
  expect(stopped).toMatchObject({ kind: "rate-limited" });
  expect(journal.checkpoints.get("encryptedChats:1")).toHaveProperty("walk.token");
  await runPartition(run, PARTITION);

  expect(journal.events.size).toBe(300);
  expect(journal.checkpoints.get("encryptedChats:1")).not.toHaveProperty("walk");
});

test("where X does not tell of encrypted conversations that is a gap, until it does, and one that is gone holds up no other", async () => {
  const run = runWith();
  for (const conversation of ["1:3", "g77"]) whisper(conversation, "3");
  server.closed.add("conversations");
  await runAll(run);
  expect([...journal.gaps.keys()]).toEqual(["encrypted:1"]);
  server.closed.delete("conversations");
  server.closed.add("chat events");
  await runAll(run);

  expect(journal.gaps.size).toBe(0);
  expect(Object.keys(journal.checkpoints.get("encryptedChats:1")?.conversations ?? {}).toSorted()).toEqual([
    "1-3",
    "g77",
  ]);
});

test("encrypted conversations are not looked for where the settings say so", async () => {
  const { settings } = runWith({ encryptedChats: false });
  expect((await partitions({ settings } as never)).map(({ id }) => id)).not.toContain("encryptedChats:1");
});
