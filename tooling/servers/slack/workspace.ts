import { createHash } from "node:crypto";
import type { Random } from "../../random.ts";

export type JsonObject = Record<string, unknown>;

/** A message as it stands, whatever it was before. */
export interface WorldMessage {
  ts: string;
  user: string;
  text: string;
  thread?: string;
  subtype?: string;
  edited?: { user: string; ts: string };
  /** Emoji → who reacted with it. */
  reactions: Map<string, Set<string>>;
  files: WorldFile[];
  more: JsonObject;
}

export interface WorldFile {
  id: string;
  name: string;
  bytes: Buffer;
  isDeleted: boolean;
  /** Listed, and for now not to be had: its link answers 404, or the workspace is over the limit of its plan. */
  absence?: "late" | "hidden";
}

export interface Membership {
  joined: number;
  left?: number;
}

export interface WorldChannel {
  id: string;
  name: string;
  kind: "channel" | "private" | "mpim" | "im";
  team: string;
  created: number;
  /** Person → when they were in it, in seconds. */
  members: Map<string, Membership[]>;
  messages: Map<string, WorldMessage>;
  /** What the compliance log recorded of edits and deletions, with when that was. */
  records: { at: string; of: string; record: JsonObject }[];
  renames: { ts: string; new_name: string; channel: string }[];
  updated: string;
}

export interface WorldPerson {
  id: string;
  name: string;
  email: string;
  isDeleted: boolean;
  isBot: boolean;
}

/** How an organisation's Slack behaves where its makers leave it open. */
export interface Variant {
  /** Whether the history of a channel holds the replies of its threads, or only their roots list them. */
  repliesInHistory: boolean;
  /** Whether a window of edits goes by when the edit was, or by when the message was. */
  editsByEditTime: boolean;
  /** Whether a record of an edit holds the message as it was before. */
  recordsBefore: boolean;
  /** Whether edits and reactions make a conversation one that changed. */
  editsAreRecent: boolean;
  /** Whether `latest` takes in the message of that very time. */
  latestIsInclusive: boolean;
  /** How many of those who reacted a message of the Web API names. Absent: all. */
  namesAtMost?: number;
  /** The share of edits and deletions of which there is no record. */
  silent: number;
}

/** What somebody said and did, independent of what any interface shows of it. */
export interface World {
  random: Random;
  variant: Variant;
  now: number;
  people: Map<string, WorldPerson>;
  channels: Map<string, WorldChannel>;
  teams: string[];
  /** Everything that ever was: the facts that an archive may hold. */
  happened: Set<string>;
  /** Called with each event as the Events API tells it. */
  listeners: Set<(event: JsonObject, channel: WorldChannel) => void>;
  lastTs: string;
  /** Where files are fetched from. */
  filesUrl: string;
}

export const STRICT: Variant = {
  repliesInHistory: true,
  editsByEditTime: false,
  recordsBefore: true,
  editsAreRecent: true,
  latestIsInclusive: false,
  silent: 0,
};

export function createWorld(random: Random, variant: Variant, now: number): World {
  const world: World = {
    random,
    variant,
    now,
    people: new Map(),
    channels: new Map(),
    teams: ["T0000001", "T0000002"],
    happened: new Set(),
    listeners: new Set(),
    lastTs: "",
    filesUrl: "",
  };
  for (let index = 0; index < 6; index += 1) addPerson(world, index);
  return world;
}

function addPerson(world: World, index: number): void {
  const id = `U000000${index}${index}`;
  const name = ["Ada", "Ben", "Cora", "Dev", "Eli", "Fay"][index] ?? id;
  const email = `${name.toLowerCase()}@example.com`;
  world.people.set(id, { id, name, email, isDeleted: index === 5, isBot: index === 4 });
}

export function addChannel(world: World, kind: WorldChannel["kind"], members: string[]): WorldChannel {
  const number = String(world.channels.size + 1).padStart(7, "0");
  const letter = { channel: "C", private: "G", mpim: "G", im: "D" }[kind];
  const joined = Math.floor(world.now / 1000);
  const channel: WorldChannel = {
    id: `${letter}${number}${letter}`,
    name: kind === "im" ? "" : kind === "mpim" ? `mpdm-${number}-1` : `room-${number}`,
    kind,
    team: world.random.pick(world.teams),
    created: joined,
    members: new Map(members.map((id) => [id, [{ joined }]])),
    messages: new Map(),
    records: [],
    renames: [],
    updated: "",
  };
  world.channels.set(channel.id, channel);
  // What is said in it comes after it was made.
  world.now += 1000;
  return channel;
}

/** A time that no other message of the workspace has; several fall into one second. */
export function newTs(world: World): string {
  const seconds = Math.floor(world.now / 1000);
  const base = `${seconds}.${String(world.now % 1000).padStart(3, "0")}`;
  const counter = world.lastTs.startsWith(base) ? Number(world.lastTs.slice(14)) + 1 : 100;
  const ts = `${base}${String(counter).padStart(3, "0")}`;
  world.lastTs = ts;
  return ts;
}

/** Who is in a channel at a time, in seconds. Who joins is in it from that second on. */
export function membersAt({ members }: WorldChannel, seconds: number): string[] {
  return [...members]
    .filter(([, stays]) =>
      stays.some(({ joined, left }) => joined <= seconds && (left === undefined || seconds < left)),
    )
    .map(([id]) => id)
    .sort();
}

export function fact(...parts: string[]): string {
  return JSON.stringify(parts);
}

/** The facts that a message shows as it stands. */
export function factsOf(channel: WorldChannel, message: WorldMessage): string[] {
  const { ts, text, edited, reactions, files } = message;
  return [
    fact("message", channel.id, ts, edited?.ts ?? "", text),
    ...[...reactions].flatMap(([name, users]) =>
      [...users].map((user) => fact("reaction", channel.id, ts, name, user)),
    ),
    ...files
      .filter(({ isDeleted, absence }) => !isDeleted && absence === undefined)
      .map(({ id, bytes }) => fact("file", channel.id, ts, id, sha256(bytes))),
    ...files.filter(({ isDeleted }) => isDeleted).map(({ id }) => fact("file-deleted", channel.id, ts, id)),
  ];
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
