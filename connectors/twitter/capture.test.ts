import { afterAll, beforeAll, expect, test } from "vitest";
import {
  ALL_FAULTS,
  type Random,
  type World,
  type WorldPost,
  type XServer,
  addEncrypted,
  addMessage,
  addPost,
  addUser,
  createRandom,
  deletePost,
  editPost,
  findPost,
  isShown,
  newId,
  setLike,
  startXServer,
} from "../../tooling/servers/x/index.ts";
import { type Journal, type Run, captureOf, createJournal, runAll } from "./harness.test.support.ts";
import { connector } from "./src/index.ts";
import { events as mappings } from "./src/map.ts";
import { parsePost } from "./src/schema/post.ts";
import { Settings } from "./src/schema.ts";

const SEEDS = Number(process.env["HANSARD_SEEDS"] ?? 200);
/** To look at one seed again, or to go on where a long run ended. */
const FIRST_SEED = Number(process.env["HANSARD_FIRST_SEED"] ?? 1);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** An hour of editing, X's settling time and a minute. */
const SETTLED_MS = 66 * MINUTE_MS;
const WATCHED = ["1", "2"];

let server: XServer;
beforeAll(async () => {
  server = await startXServer();
});
afterAll(() => server.close());

test(
  `what is archived equals what happened at X, event for event, whatever fails on the way (${SEEDS} seeds)`,
  async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
      const differences = await differencesOf(seed);
      expect(differences, `seed ${seed}`).toEqual([]);
    }
  },
  Math.max(60_000, SEEDS * 1000),
);

async function differencesOf(seed: number): Promise<string[]> {
  const random = createRandom(seed * 7919);
  server.reset(seed);
  populate(server.world);
  server.faults = { ...ALL_FAULTS, files: random.chance(0.5) };
  server.spelling = random.pick(["tweet", "post", "both"]);
  if (random.chance(0.3)) server.limits = { messages: 4, timeline: 6, lookup: 8 };
  const journal = createJournal();
  const settled = new Set<string>();
  // Without the daily second looks, what is found at once must be whole by itself.
  const bare = random.chance(0.4);
  const run: Run = {
    server,
    settings: settingsOf(server, bare),
    journal,
    random,
    crash: 0.03,
    between: () => random.chance(0.2) && act(server.world, random, settled),
  };
  for (let cycle = random.between(2, 5); cycle > 0; cycle -= 1) {
    for (let action = random.between(2, 14); action > 0; action -= 1) act(server.world, random, settled);
    const started = server.world.now;
    await runAll(run);
    for (const post of server.world.posts.values()) if (isSettled(server.world, post, started)) settled.add(post.chain);
  }
  await finish(run);
  return compare(server.world, journal, settled, bare);
}

/** The owed looks come due: after editing, over night, and for files that failed. */
async function finish(run: Run): Promise<void> {
  const quiet: Run = { ...run, between: () => undefined };
  run.server.world.now += 2 * 60 * MINUTE_MS;
  await runAll(quiet);
  run.server.faults = { ...run.server.faults, files: false };
  run.server.world.now = (Math.floor(run.server.world.now / DAY_MS) + 1) * DAY_MS + 30 * MINUTE_MS;
  await runAll(quiet);
  for (let tries = 0; tries < 5 && owesFiles(run.journal); tries += 1) {
    run.server.world.now += 6 * 60 * MINUTE_MS;
    await runAll(quiet);
  }
}

function owesFiles({ followUps }: Journal): boolean {
  return [...followUps.values()].some((owed) => [...owed.keys()].some((id) => id.startsWith("media:")));
}

function settingsOf({ url, signIns, consent }: XServer, bare: boolean): Settings {
  return Settings.parse({
    apiUrl: url,
    mediaHosts: [new URL(url).host],
    bearerToken: signIns.bearerToken,
    clientId: signIns.clientId,
    ...(bare && { rescanDays: 0, deletionDays: 0, overlapMinutes: 45 }),
    accounts: [
      { id: "1", streams: ["posts", "mentions", "likes", "directMessages"], refreshToken: consent.call(server, "1") },
      { id: "2", streams: ["posts"] },
    ],
  });
}

function populate(world: World): void {
  for (const [id, username] of [
    ["1", "acme"],
    ["2", "beta"],
    ["3", "carol"],
    ["4", "dave"],
  ] as const)
    addUser(world, { id, username });
}

/** Shown when the run began, and no more to be edited. */
function isSettled(world: World, post: WorldPost, started: number): boolean {
  const first = post.versions[0]?.createdAt ?? 0;
  return isShown(world, post) && post.shownAt <= started && first + SETTLED_MS <= started;
}

function act(world: World, random: Random, settled: Set<string>): void {
  world.now += random.between(1, 25) * MINUTE_MS;
  const shown = [...world.posts.values()].filter((post) => isShown(world, post));
  const kind = random.between(0, 11);
  if (kind <= 4 || shown.length === 0) return write(world, random, shown);
  const post = random.pick(shown);
  if (kind <= 6) return void editPost(world, random.pick(shown.slice(-4)), `Edited ${random.between(1, 1e6)}`);
  if (kind === 7) return random.chance(0.7) && !settled.has(post.chain) ? undefined : deletePost(world, post);
  if (kind <= 9) return chat(world, random);
  setLike(world, "1", post.chain, !(world.likes.get("1") ?? []).includes(post.chain));
}

function write(world: World, random: Random, shown: WorldPost[]): void {
  const author = random.pick(["1", "1", "2", "3", "4"]);
  const kind = random.pick(["retweeted", "quoted", "replied_to", undefined, undefined] as const);
  const target = kind && shown.length > 0 ? random.pick(shown) : undefined;
  const mentions = author === "3" || author === "4" || random.chance(0.2) ? ["1"] : [];
  const media = random.chance(0.2) ? [addMedia(world, random)] : [];
  const long = random.chance(0.1) ? "long ".repeat(70) : "";
  const lateMs = random.chance(0.15) ? random.between(1, 40) * MINUTE_MS : 0;
  addPost(world, {
    author,
    text: `${long}Post ${random.between(1, 1e9)} <b> & ü 🎉`,
    mentions,
    media,
    lateMs,
    ...(kind && target && { reference: { type: kind, id: target.chain } }),
  });
}

function addMedia(world: World, random: Random, message?: string): string {
  const key = `3_${newId(world)}`;
  const bytes = Uint8Array.from({ length: random.between(10, 500) }, () => random.between(0, 255));
  world.media.set(key, {
    key,
    type: message === undefined && random.chance(0.3) ? "video" : "photo",
    bytes,
    ...(message !== undefined && { message }),
  });
  return key;
}

function chat(world: World, random: Random): void {
  for (let count = random.between(1, 5); count > 0; count -= 1) {
    if (random.chance(0.3)) whisper(world, random);
    else talk(world, random);
    world.now += random.between(1, 30) * MINUTE_MS;
  }
}

function whisper(world: World, random: Random): void {
  const conversation = random.pick(["1:3", "1:4", "g7000"]);
  const readers = conversation === "g7000" ? ["1", "3", "4"] : conversation.split(":");
  addEncrypted(world, { conversation, readers, sender: random.pick(readers) });
}

function talk(world: World, random: Random): void {
  const group = random.chance(0.4);
  const sender = random.pick(["1", "3"]);
  const type =
    group && random.chance(0.3) ? random.pick(["ParticipantsJoin", "ParticipantsLeave"] as const) : "MessageCreate";
  const message = addMessage(world, {
    type,
    conversation: group ? "9000" : "1-3",
    readers: ["1", "3"],
    sender,
    text: type === "MessageCreate" ? `Message ${random.between(1, 1e9)}` : "",
    participants: type === "MessageCreate" ? [] : ["4"],
  });
  if (type === "MessageCreate" && random.chance(0.2)) message.media.push(addMedia(world, random, message.id));
}

function compare(world: World, journal: Journal, settled: Set<string>, bare: boolean): string[] {
  return [
    ...comparePosts(world, journal, settled, bare),
    ...compareMessages(world, journal),
    ...compareEncrypted(world, journal),
    ...(bare ? [] : compareLikes(world, journal)),
    ...compareFiles(world, journal),
    ...[...journal.gaps.values()].flatMap(({ id, reason }) => (id.startsWith("encrypted:") ? [] : [`gap: ${reason}`])),
    ...[...journal.events.values()].flatMap((event) => unmappable(journal, event)),
  ];
}

function comparePosts(world: World, journal: Journal, settled: Set<string>, bare: boolean): string[] {
  const found = [...journal.events.values()].filter(
    ({ key, type }) => /^(post|mention):/.test(key) && !["Delete", "Withheld", "Media"].includes(type),
  );
  const archived = new Map(found.map(({ version, data }) => [version, parsePost(data).text]));
  const deletes = new Set([...journal.events.values()].filter(({ type }) => type === "Delete").map(({ key }) => key));
  const wrong: string[] = [];
  for (const { id, chain, text, author } of world.truth.flatMap((truth) => (truth.what === "post" ? [truth] : []))) {
    const post = findPost(world, chain);
    const concerned = WATCHED.includes(author) || post?.mentions.includes("1");
    const due = concerned && post && (settled.has(chain) || isShown(world, post));
    if (due && archived.get(id) !== text)
      wrong.push(`version ${id} of ${chain} by ${author}: "${text}" is archived as "${archived.get(id)}"`);
    if (!concerned && archived.has(id)) wrong.push(`version ${id} concerns nobody and is archived`);
    const key = `${WATCHED.includes(author) ? `post:${author}` : "mention"}:${chain.padStart(19, "0")}`;
    if (archived.has(id) && post && post.deleted !== deletes.has(key) && !(bare && post.deleted))
      wrong.push(`${key}: deleted ${post.deleted}, tombstone ${deletes.has(key)}`);
    archived.delete(id);
  }
  return [...wrong, ...[...archived.keys()].map((id) => `version ${id} never was`)];
}

function compareMessages(world: World, journal: Journal): string[] {
  const archived = [...journal.events.values()].filter(({ key }) => key.startsWith("dm:") && !key.includes(":media:"));
  const types = {
    MessageCreate: "DirectMessage",
    ParticipantsJoin: "DirectMessageJoin",
    ParticipantsLeave: "DirectMessageLeave",
  };
  const expected = world.messages.map(({ id, type, conversation, text }) => {
    const key = conversation === "1-3" ? `dm:1-3:${id.padStart(19, "0")}` : `dm:9000:1:${id.padStart(19, "0")}`;
    return `${types[type]} ${key} ${text}`;
  });
  const actual = archived.map(({ type, key, data }) => `${type} ${key} ${textIn(data)}`);
  return difference("message", expected, actual);
}

function compareEncrypted({ encrypted }: World, journal: Journal): string[] {
  const archived = [...journal.events.values()].filter(({ type }) => type === "EncryptedMessage");
  const expected = encrypted.map(({ id, createdAt }) => `${id.padStart(19, "0")} ${new Date(createdAt).toISOString()}`);
  const conversations = encrypted.map(({ conversation }) => `encrypted:1:${conversation.replace(":", "-")}`);
  const gaps = [...journal.gaps.keys()].filter((id) => id.startsWith("encrypted:"));
  return [
    ...difference(
      "encrypted message",
      expected,
      archived.map(({ key, occurredAt }) => `${key.slice("encrypted:1:".length)} ${occurredAt}`),
    ),
    ...difference("gap of an encrypted conversation", [...new Set(conversations)], gaps),
  ];
}

function textIn(data: unknown): string {
  return typeof data === "object" && data !== null && "text" in data && typeof data.text === "string" ? data.text : "";
}

function compareLikes(world: World, journal: Journal): string[] {
  const liked = new Set<string>();
  for (const [key, events] of journal.byKey) {
    if (!key.startsWith("like:1:")) continue;
    const unlikes = events.filter(({ type }) => type === "Unlike").length;
    if (events.length - unlikes > unlikes) liked.add(key);
  }
  const expected = (world.likes.get("1") ?? [])
    .filter((id) => isShown(world, findPost(world, id) ?? never(id)))
    .map((id) => `like:1:${id.padStart(19, "0")}`);
  return difference("like", expected, [...liked]);
}

function compareFiles(world: World, journal: Journal): string[] {
  const files = [...journal.events.values()].flatMap(({ attachments = [] }) => attachments);
  return files.flatMap((file) => {
    const stored = "blob" in file ? journal.blobs.get(file.blob.sha256) : lateFile(journal, files, file.id);
    const original = world.media.get(file.id)?.bytes;
    return stored && original && Buffer.from(stored).equals(original)
      ? []
      : [`the file ${file.id} is not what it was: ${JSON.stringify(file)}`];
  });
}

function lateFile({ blobs }: Journal, files: { id: string }[], id: string): Uint8Array | undefined {
  const late = files.find((file) => file.id === id && "blob" in file);
  return late && "blob" in late ? blobs.get((late.blob as { sha256: string }).sha256) : undefined;
}

function unmappable(journal: Journal, event: Parameters<typeof captureOf>[1]): string[] {
  const mapping = mappings[event.type as keyof typeof mappings];
  const draft = mapping(captureOf(journal, event));
  const complete =
    draft.from.id !== "" && draft.to.length > 0 && draft.subject !== "" && draft.date === event.occurredAt;
  return complete ? [] : [`${event.type} ${event.key} makes no complete message`];
}

function difference(kind: string, expected: string[], actual: string[]): string[] {
  const missing = expected.filter((item) => !actual.includes(item)).map((item) => `missing ${kind}: ${item}`);
  const surplus = actual.filter((item) => !expected.includes(item)).map((item) => `surplus ${kind}: ${item}`);
  return [...missing, ...surplus];
}

function never(id: string): never {
  throw new Error(`There is no post ${id}.`);
}

test("the definition is one of this contract", () => {
  expect(connector).toMatchObject({ contractVersion: 1, id: "twitter", source: "Twitter" });
});
