import { Readable } from "node:stream";
import { crc32, deflateRawSync } from "node:zlib";
import { pack } from "tar-stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readMembers, verifyArchive } from "./archive.ts";
import { type Bounds, DEFAULT_BOUNDS } from "./bounds.ts";
import { Spool } from "./spool.ts";

let spool: Spool;
beforeEach(() => void (spool = new Spool()));
afterEach(() => spool.close());

interface Given {
  name: string;
  content?: Buffer;
  type?: "symlink" | "link" | "directory";
}

async function tar(members: Given[]): Promise<Buffer> {
  const archive = pack();
  for (const { name, content = Buffer.alloc(0), type } of members) {
    if (type) archive.entry({ name, type, linkname: "/etc/passwd", size: 0 });
    else archive.entry({ name, size: content.length }, content);
  }
  archive.finalize();
  return bytesOf(archive);
}

/** By hand, since no library would write the archives that must be refused. */
function zip(members: Given[], { checksum = crc32 }: { checksum?: (content: Buffer) => number } = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content = Buffer.alloc(0), type } of members) {
    const label = Buffer.from(name);
    const packed = deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(checksum(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(label.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, label, packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(type === "symlink" ? (0o120777 << 16) >>> 0 : 0, 6);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x03", "latin1"), common, rest, label);
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

async function bytesOf(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function read(bytes: Buffer, format: "tar" | "zip", bounds: Partial<Bounds> = {}): Promise<[string, string][]> {
  const file = await spool.write(Readable.from([bytes]));
  await verifyArchive(file, format, { ...DEFAULT_BOUNDS, ...bounds });
  const found: [string, string][] = [];
  for await (const { name, content } of readMembers(file, format, DEFAULT_BOUNDS))
    found.push([name, (await bytesOf(content)).toString()]);
  return found;
}

const TWO: Given[] = [
  { name: "folder/one.txt", content: Buffer.from("first") },
  { name: "two é.bin", content: Buffer.alloc(70_000, "x") },
];

describe.each([
  ["tar", tar],
  ["zip", zip],
] as const)("a %s archive", (format, make) => {
  test("gives its files in order, and any number of times", async () => {
    expect((await read(await make(TWO), format)).map(([name, content]) => [name, content.length])).toEqual([
      ["folder/one.txt", 5],
      ["two é.bin", 70_000],
    ]);
  });

  test("may be left in the middle", async () => {
    const file = await spool.write(Readable.from([await make(TWO)]));
    for await (const { name } of readMembers(file, format, DEFAULT_BOUNDS)) {
      expect(name).toBe("folder/one.txt");
      break;
    }
  });

  test("that is cut off anywhere is refused", async () => {
    const bytes = await make(TWO);
    for (let length = 0; length < bytes.length - 1024; length += 509) {
      await expect(read(bytes.subarray(0, length), format), `length ${length}`).rejects.toThrow(/not a whole|cut off/);
    }
  });

  test("with more files than allowed is refused", async () => {
    await expect(read(await make(TWO), format, { maxMembers: 1 })).rejects.toThrow("more than 1 files");
  });

  test("with files longer than allowed is refused", async () => {
    await expect(read(await make(TWO), format, { maxFileBytes: 1000 })).rejects.toThrow("longer than 1000 bytes");
  });

  test("with a link is refused", async () => {
    const bytes = await make([{ name: "link", content: Buffer.from("/etc/passwd"), type: "symlink" }]);
    await expect(read(bytes, format)).rejects.toThrow(/symlink|symbolic link/);
  });
});

test("a tar member whose path leads out of the archive is refused", async () => {
  for (const name of ["../x", "a/../../x", "/etc/x"]) {
    await expect(read(await tar([{ name, content: Buffer.from("x") }]), "tar"), name).rejects.toThrow(/leads out/);
  }
});

test("a zip member whose path leads out of the archive is refused", async () => {
  for (const name of ["../x", "a/../../x", "/etc/x", "C:/x", "..\\x"]) {
    await expect(read(zip([{ name, content: Buffer.from("x") }]), "zip"), name).rejects.toThrow(
      /not a whole zip|leads out/,
    );
  }
});

test("a zip whose content does not fit its checksum is refused", async () => {
  const bytes = zip([{ name: "file.txt", content: Buffer.from("altered") }], { checksum: () => 12_345 });
  await expect(read(bytes, "zip")).rejects.toThrow("fails its checksum");
});

test("a zip that unpacks beyond all measure is refused", async () => {
  const bytes = await zip([{ name: "bomb", content: Buffer.alloc(64 * 1024 ** 2) }]);
  await expect(read(bytes, "zip")).rejects.toThrow("more than 500 times its size");
});
