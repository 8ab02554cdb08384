import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomFrom } from "../random.ts";

export interface ExportSize {
  messages: number;
  channels?: number;
  people?: number;
  seed?: number;
}

/** Who reads each message, and gets a copy. */
export const MEMBERS = 4;
const VOCABULARY = 50_000;
const START_SECONDS = Date.UTC(2025, 0, 1) / 1000;
const DAY_SECONDS = 86_400;

/**
 * Writes a Slack export of `messages` messages, each some 1 KB as mail and read by four people: words by Zipf's law, as in
 * real text; threads, edits and mentions here and there. Made once for each size, then found again.
 */
export async function generateExport(
  folder: string,
  { messages, channels = 200, people = 500, seed = 1 }: ExportSize,
): Promise<string> {
  const target = join(folder, `slack-${messages}-${seed}`);
  if (existsSync(target)) return target;
  const partial = `${target}.part`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const random = randomFrom(seed);
  const words = vocabulary(random);
  const members = Array.from({ length: channels }, (_, channel) =>
    Array.from({ length: MEMBERS }, (__, member) => userId((channel * 7 + member * 131) % people)),
  );
  writeFileSync(join(partial, "users.json"), JSON.stringify(Array.from({ length: people }, (_, index) => user(index))));
  writeFileSync(join(partial, "channels.json"), JSON.stringify(members.map((ids, index) => channel(index, ids))));
  const perChannel = Math.ceil(messages / channels);
  for (let index = 0; index < channels; index += 1) {
    const count = Math.min(perChannel, messages - index * perChannel);
    if (count > 0) await writeChannel(join(partial, channelName(index)), members[index] ?? [], count, random, words);
  }
  renameSync(partial, target);
  return target;
}

async function writeChannel(
  folder: string,
  members: string[],
  count: number,
  random: () => number,
  words: () => string,
): Promise<void> {
  mkdirSync(folder);
  const perDay = 250;
  for (let start = 0, day = 0; start < count; start += perDay, day += 1) {
    const file = createWriteStream(
      join(folder, `${new Date((START_SECONDS + day * DAY_SECONDS) * 1000).toISOString().slice(0, 10)}.json`),
    );
    const lines: string[] = [];
    for (let index = start; index < Math.min(count, start + perDay); index += 1) {
      lines.push(
        JSON.stringify(
          message(
            members,
            START_SECONDS + day * DAY_SECONDS + Math.floor(((index - start) / perDay) * DAY_SECONDS),
            index,
            random,
            words,
          ),
        ),
      );
    }
    file.end(`[${lines.join(",\n")}]\n`);
    await once(file, "close");
  }
}

function message(
  members: string[],
  seconds: number,
  index: number,
  random: () => number,
  words: () => string,
): Record<string, unknown> {
  const length = 10 + Math.floor(random() * 80);
  const text = Array.from({ length }, words).join(" ");
  const user = members[Math.floor(random() * members.length)];
  const mention = random() < 0.05 ? `<@${members[0]}> ` : "";
  return {
    type: "message",
    user,
    text: mention + text,
    ts: `${seconds}.${String(index % 1_000_000).padStart(6, "0")}`,
    ...(random() < 0.03 ? { edited: { user, ts: `${seconds + 60}.000000` } } : {}),
  };
}

/** Pseudo-words of which the n-th is drawn with a probability of about 1/n. */
function vocabulary(random: () => number): () => string {
  const syllables = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "ri",
    "so",
    "tu",
    "va",
    "we",
    "xi",
    "yo",
    "zu",
  ];
  const all = Array.from({ length: VOCABULARY }, (_, index) => {
    let word = "";
    for (let rest = index + 1; rest > 0; rest = Math.floor(rest / syllables.length))
      word += syllables[rest % syllables.length];
    return word;
  });
  return () => all[Math.min(VOCABULARY - 1, Math.floor(VOCABULARY ** random()) - 1)] ?? "ba";
}

function userId(index: number): string {
  return `U${String(index).padStart(8, "0")}`;
}

function user(index: number): Record<string, unknown> {
  const name = `person${index}`;
  return {
    id: userId(index),
    team_id: "T00000001",
    name,
    deleted: false,
    real_name: `Person ${index}`,
    profile: { real_name: `Person ${index}`, email: `${name}@contoso.example` },
  };
}

function channelName(index: number): string {
  return `channel-${index}`;
}

function channel(index: number, members: string[]): Record<string, unknown> {
  return {
    id: `C${String(index).padStart(8, "0")}`,
    name: channelName(index),
    created: START_SECONDS,
    creator: members[0],
    is_archived: false,
    is_general: index === 0,
    members,
    topic: { value: "", creator: "", last_set: 0 },
    purpose: { value: "", creator: "", last_set: 0 },
  };
}
