import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { makeChats } from "./chat.ts";
import { makeMails } from "./mail.ts";
import { makePeople, type Person } from "./people.ts";
import { type Random, createRandom } from "../../random.ts";
import type { TrueEvent } from "./truth.ts";
import { element } from "./xml.ts";

/** An attachment as a message refers to it. Without content it was never delivered. */
export interface DayFile {
  id: string;
  name: string;
  content: Buffer | undefined;
}

export interface GeneratedDrop {
  /** Every event that lies in the drop. */
  events: TrueEvent[];
  /** Days as `YYYY-MM-DD`. */
  days: string[];
  /** Events for each file that holds any, by its path. */
  counts: Map<string, number>;
}

interface Member {
  name: string;
  content: Buffer;
}

/** Writes a random but plausible drop of some days into `folder`, and says what it holds. */
export async function generateDrop(seed: number, folder: string): Promise<GeneratedDrop> {
  const random = createRandom(seed);
  const drop: GeneratedDrop = { events: [], days: [], counts: new Map() };
  const firm = `f${100 + random.below(900)}`;
  const people = makePeople(random, 3 + random.below(8));
  const dayCount = 1 + random.below(3);
  await mkdir(join(folder, "Archive"), { recursive: true });
  for (let index = 0; index < dayCount; index++) {
    const midnight = Date.UTC(2020, 2, 13 + index) / 1000;
    const day = new Date(midnight * 1000).toISOString().slice(0, 10);
    drop.days.push(day);
    await writeDay({ random, folder, firm, people, midnight, day, drop });
  }
  return drop;
}

interface DayMaking {
  random: Random;
  folder: string;
  firm: string;
  people: Person[];
  midnight: number;
  day: string;
  drop: GeneratedDrop;
}

async function writeDay(making: DayMaking): Promise<void> {
  const { random, firm, people, midnight, day, drop } = making;
  const date = day.slice(2).replaceAll("-", "");
  const members: Member[] = [];
  const modern = random.chance(0.5);
  const disclaimers = new Map(
    Array.from({ length: random.below(4) }, (_, n) => [String(n + 1), `Disclaimer ${n} & co. ${random.hex(4)}`]),
  );
  const addFile = (name: string, sender: Person) => makeFile(making, { members, modern, date }, name, sender);
  const mails = makeMails({ random, people, midnight, disclaimers, addFile }, random.below(20));
  const chats = makeChats({ random, people, midnight, addFile }, random.below(5));
  drop.events.push(...mails.events, ...chats.events);

  const names: string[] = [];
  const cut = random.chance(0.3) ? Math.floor(mails.messages.length / 2) : mails.messages.length;
  const [first, second] = [mails.messages.slice(0, cut), mails.messages.slice(cut)];
  const msg = `${firm}.msg.${date}.xml`;
  const next = second.length > 0 ? element("NextFile", `${msg}1`) : "";
  names.push(await write(making, msg, dump("MSGXML 1.6", [...first, next]), first.length));
  if (second.length > 0) names.push(await write(making, `${msg}1`, dump("MSGXML 1.6", second), second.length));
  const ib = `${firm}.${modern ? "ib19" : "ib"}.${date}.xml`;
  names.push(await write(making, ib, dump(modern ? "1.9" : "IBXML 1.3", chats.conversations), chats.events.length));
  const texts = [...disclaimers].map(
    ([id, text]) => `<Disclaimer>${element("DisclaimerReference", id)}${element("DisclaimerText", text)}</Disclaimer>`,
  );
  if (disclaimers.size > 0) names.push(await write(making, `${firm}.dscl.${date}.xml`, dump("MSGXML 1.6", texts)));
  names.push(...(await writeArchives(making, members, `${firm}.${modern ? "msg." : ""}att.${date}`)));
  if (random.chance(0.5)) {
    const manifest = random.chance(0.5) ? "daily_manifest_current.txt" : `daily_manifest_${date}.txt`;
    await writeFile(
      join(making.folder, manifest),
      `${names.map((name) => name.replace(/^Archive\//, "")).join("\n")}\n`,
    );
  }
}

function makeFile(
  { random }: DayMaking,
  { members, modern, date }: { members: Member[]; modern: boolean; date: string },
  name: string,
  sender: Person,
): DayFile {
  const extension = name === "alt_body.html" ? "HTM" : (name.split(".").pop() ?? "bin");
  const hex = random.hex(12);
  const content = Buffer.from(name === "alt_body.html" ? `<p>${hex} é</p>` : `content of ${name} ${random.hex(20)}`);
  const lost = random.chance(0.08);
  const flat = `${sender.uuid ?? "77"}_${name.replace(/\.[^.]+$/, "")}_${hex}.${extension}`;
  const id = modern ? flat : `${hex.toUpperCase()}.${extension}`;
  const inside = modern
    ? random.chance(0.3)
      ? encodeURIComponent(flat)
      : flat
    : `bloomberg_attachments_${date}/${id}`;
  if (!lost) members.push({ name: inside, content });
  const isEncoded = modern && random.chance(0.3);
  return { id: isEncoded ? encodeURIComponent(id) : id, name, content: lost ? undefined : content };
}

async function writeArchives(making: DayMaking, members: Member[], base: string): Promise<string[]> {
  const { random, drop, midnight } = making;
  if (members.length === 0 && random.chance(0.5)) return [];
  if (random.chance(0.1)) {
    const content = Buffer.from(`nobody refers to this ${random.hex(8)}`);
    members.push({ name: `1_stray_${random.hex(12)}.bin`, content });
    const files = [createHash("sha256").update(content).digest("hex")];
    drop.events.push({
      type: "Other",
      at: new Date(midnight * 1000).toISOString(),
      from: "bloomberg",
      to: ["drop"],
      says: "UnreferencedFile",
      files,
      missing: 0,
    });
  }
  const parts = random.chance(0.3) && members.length > 1 ? 2 : 1;
  const names: string[] = [];
  for (let part = 0; part < parts; part++) {
    const own = members.filter((_, index) => index % parts === part);
    const name = parts === 1 ? `${base}.tar.gz` : `${base}.${part}.tar.gz`;
    await writeFile(join(making.folder, name), gzipSync(await tar(own)));
    names.push(name);
  }
  return names;
}

async function tar(members: Member[]): Promise<Buffer> {
  const archive = pack();
  for (const { name, content } of members) archive.entry({ name, mtime: new Date(0) }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) if (chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Some files lie in the archive folder already, packed. */
async function write(
  { random, folder, drop }: DayMaking,
  name: string,
  content: string,
  events?: number,
): Promise<string> {
  const packed = random.chance(0.2);
  const path = packed ? `Archive/${name}.gz` : name;
  await writeFile(join(folder, path), packed ? gzipSync(content) : content);
  if (events !== undefined) drop.counts.set(path, events);
  return path;
}

function dump(version: string, parts: string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<FileDump>\n${element("Version", version)}\n${parts.join("\n")}\n</FileDump>\n`;
}
