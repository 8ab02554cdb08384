import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { onTestFinished } from "vitest";

/** Path → content; what is no text is written as JSON. */
export type ExportContent = Record<string, unknown>;

export const CHANNELS = [
  { id: "C00000001", name: "general", created: 1700000000, members: ["U00000001", "U00000002"] },
  { id: "C00000002", name: "random", created: 1700000000, members: ["U00000001"] },
];

export const USERS = [
  { id: "U00000001", name: "ada", profile: { real_name: "Ada Abbott", email: "ada@example.com" } },
  { id: "U00000002", name: "ben", profile: { real_name: "Ben Okoro", email: "ben@example.com" } },
  { id: "U00000003", name: "cora", deleted: true, profile: { real_name: "Cora Lindt" } },
];

export const BASE: ExportContent = { "channels.json": CHANNELS, "users.json": USERS };

/** A message of 14 November 2023, `second` seconds after 22:13:20 UTC. */
export function said(
  second: number,
  text: string,
  more: Record<string, unknown> = {},
): { ts: string; [name: string]: unknown } {
  return { type: "message", user: "U00000001", text, ts: `${1700000000 + second}.000100`, ...more };
}

export const DAY = "2023-11-14";

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "hansard-slack-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function writeFolder(content: ExportContent): Promise<string> {
  const folder = await temporaryFolder();
  for (const [path, value] of Object.entries(content)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytesOf(value));
  }
  return folder;
}

export async function writeZip(content: ExportContent | ZipEntry[]): Promise<string> {
  const entries = Array.isArray(content)
    ? content
    : Object.entries(content).map(([name, value]) => ({ name, content: value }));
  const path = join(await temporaryFolder(), "export.zip");
  await writeFile(path, makeZip(entries));
  return path;
}

export interface ZipEntry {
  name: string;
  content: unknown;
  /** What the table of contents states, where that differs from the truth. */
  stated?: { size?: number; checksum?: number };
  flags?: number;
  unixMode?: number;
}

/** Writes zips that no honest tool would: repeated and hostile names, wrong sizes, links. */
export function makeZip(entries: ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const content = bytesOf(entry.content);
    const packed = deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800 | (entry.flags ?? 0), 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(entry.stated?.checksum ?? crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(entry.stated?.size ?? content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(((entry.unixMode ?? 0o100644) << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    parts.push(Buffer.from("PK\x03\x04", "latin1"), common, name, packed);
    directory.push(Buffer.from("PK\x01\x02\x14\x03", "latin1"), common, rest, name);
    offset += 30 + name.length + packed.length;
  }
  const table = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(table.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, table, end]);
}

function bytesOf(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value;
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
}
