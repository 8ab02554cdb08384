import { createHash } from "node:crypto";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, editLines, editManifest, linesIn, oneOf, pick, repeat, swap } from "./forge.ts";
import type { Mutation } from "./mutate.ts";

interface Listed {
  messageId: string;
  messageClass: string;
  date: string;
  sha256: string;
  file: string;
  copies: { mailbox: string; folder: string }[];
}

const LIST = "messages.jsonl";
const SECOND = 1000;

/** Ways to forge the list of messages, and what the manifest says of the whole. */
export const LIST_MUTATIONS: Record<string, Mutation> = {
  "a message listed twice": (folder, random) =>
    editLines(folder, LIST, (lines) => repeat(lines, pick(lines.length, random))),
  "two messages' files swapped": swapFiles,
  "a changed message hash": changeOne((message) => {
    message.sha256 = message.sha256.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
  }),
  "a changed date": changeOne((message, random) => {
    message.date = oneOf(DATES, random)(message.date);
  }),
  "a removed copy": changeOne(({ copies }, random) => copies.splice(pick(copies.length, random), 1)),
  "all copies removed": changeOne((message) => (message.copies = [])),
  "a repeated copy": changeOne(({ copies }, random) => {
    const at = pick(copies.length, random);
    copies.splice(at, 0, ...copies.slice(at, at + 1));
  }),
  "an invented copy": changeOne(({ copies }, random) => {
    const mailbox = oneOf(["zoe@elsewhere.example", "third@example.com"], random);
    const at = copies.findIndex((copy) => copy.mailbox >= mailbox);
    const folder = copies[at]?.mailbox === mailbox ? "Deleted Items" : "Inbox";
    copies.splice(at === -1 ? copies.length : at, folder === "Inbox" ? 0 : 1, { mailbox, folder });
  }),
  "copies in another order": changeOne(({ copies }, random) => {
    if (copies.length > 1) swap(copies, pick(copies.length - 1, random));
    else copies.push(...copies);
  }),
  "a changed folder": changeOne(({ copies }, random) => {
    const copy = oneOf(copies, random);
    const others = ["Inbox", "Recoverable Items/Purges", "Deleted Items", ""].filter((name) => name !== copy.folder);
    copy.folder = oneOf(others, random);
  }),
  "a class in another case": changeOne((message, random) => {
    const letters = [...message.messageClass].flatMap((letter, at) => (/[a-z]/i.test(letter) ? [at] : []));
    const at = oneOf(letters, random);
    const letter = message.messageClass[at] ?? "";
    const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
    message.messageClass = message.messageClass.slice(0, at) + other + message.messageClass.slice(at + 1);
  }),
  "a field said twice": (folder, random) =>
    editLines(folder, LIST, (lines) => {
      const at = pick(lines.length, random);
      lines[at] = lines[at]?.replace("{", `{"date":"1999-01-01T00:00:00Z",`) ?? "";
    }),
  "two messages listed in another order": (folder, random) =>
    editLines(folder, LIST, (lines) => swap(lines, pick(lines.length - 1, random))),
  "a mail under another name": (folder, random) =>
    editLines(folder, LIST, (lines) => renameMail(folder, lines, pick(lines.length, random))),
  "a file that the manifest lists besides": listFile,
  "all messages removed and the destination renamed": (folder, random) => {
    removeMessages(folder, Number.POSITIVE_INFINITY, random);
    return renameDestination(folder);
  },
  "the destination renamed": renameDestination,
};

/** Takes messages out, with their mails. */
export function removeMessages(folder: string, count: number, random: () => number): string {
  const removed: string[] = [];
  editLines(folder, LIST, (lines) => {
    while (removed.length < count && lines.length > 0) removed.push(...lines.splice(pick(lines.length, random), 1));
  });
  for (const line of removed) rmSync(join(folder, (JSON.parse(line) as Listed).file));
  return `${removed.length} messages`;
}

/** Any of the ways in which a date can say something else, however little. */
const DATES: ((date: string) => string)[] = [
  (date) => shifted(date, SECOND),
  (date) => shifted(date, -SECOND),
  (date) => shifted(date, 24 * 3600 * SECOND),
  (date) => `${2000 + ((Number(date.slice(0, 4)) + 1) % 100)}${date.slice(4)}`,
  (date) => date.replace("Z", ".001Z"),
  (date) => date.replace("Z", "+01:00"),
  (date) => date.replace("Z", ""),
];

function shifted(date: string, by: number): string {
  return new Date(Date.parse(date) + by).toISOString().replace(".000Z", "Z");
}

function changeOne(change: (message: Listed, random: () => number) => unknown): Mutation {
  return (folder, random) => {
    let changed = "";
    editLines(folder, LIST, (lines) => {
      const at = pick(lines.length, random);
      const message = JSON.parse(lines[at] ?? "{}") as Listed;
      change(message, random);
      changed = lines[at] = JSON.stringify(message);
    });
    return changed;
  };
}

function swapFiles(folder: string, random: () => number): string {
  const lines = linesIn(folder, LIST);
  const at = pick(lines.length - 1, random);
  const [first, second] = [lines[at], lines[at + 1]].map((line) =>
    join(folder, (JSON.parse(line ?? "{}") as Listed).file),
  );
  renameSync(first ?? "", `${first}.swap`);
  renameSync(second ?? "", first ?? "");
  renameSync(`${first}.swap`, second ?? "");
  return `${first} and ${second}`;
}

function renameMail(folder: string, lines: string[], at: number): void {
  const message = JSON.parse(lines[at] ?? "{}") as Listed;
  const name = createHash("sha256").update(message.file).digest("hex").slice(0, 40);
  const file = `messages/${name.slice(0, 2)}/${name}.eml`;
  mkdirSync(join(folder, dirname(file)), { recursive: true });
  renameSync(join(folder, message.file), join(folder, file));
  lines[at] = JSON.stringify({ ...message, file });
}

function listFile(folder: string, random: () => number): string {
  const kind = oneOf(["new", "below messages", "of a message", "itself", "twice", "reordered"], random);
  editManifest(folder, ({ files }) => {
    if (kind === "twice") files.push(...files.slice(0, 1));
    else if (kind === "reordered") files.reverse();
    else if (kind === "itself") files.push({ path: "manifest.sha256", ...describe("") });
    else if (kind === "of a message") {
      const { file, sha256, size } = JSON.parse(oneOf(linesIn(folder, LIST), random));
      files.push({ path: file, sha256, size });
    } else {
      const path = kind === "new" ? "notes.txt" : "messages/notes.eml";
      const content = `Notes, ${random()}\n`;
      writeFileSync(join(folder, path), content);
      files.push({ path, ...describe(content) });
    }
  });
  return kind;
}

function renameDestination(folder: string): string {
  editManifest(folder, (manifest) => (manifest.destination = `${manifest.destination}2`));
  return "the destination";
}
