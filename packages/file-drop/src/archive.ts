import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { type Entry, fromFd, type ZipFile } from "yauzl";
import type { Bounds } from "./bounds.ts";
import { FileProblem, reasonOf } from "./file-problem.ts";
import type { SpooledFile } from "./spool.ts";

/** One file of an archive. Read its content before asking for the next. */
export interface Member {
  /** As the archive gives it. It is a label and never a path. */
  name: string;
  size: number;
  content: AsyncIterable<Uint8Array>;
}

/** Walks an archive's files in their order. Ends with a FileProblem at the first thing that is not right. */
export async function* readMembers(file: SpooledFile, format: "tar" | "zip", bounds: Bounds): AsyncGenerator<Member> {
  let members = 0;
  let total = 0;
  try {
    for await (const member of format === "tar" ? tarMembers(file) : zipMembers(file)) {
      members += 1;
      total += member.size;
      assertHarmless(member.name);
      if (members > bounds.maxMembers) throw tooMuch(`It holds more than ${bounds.maxMembers} files`, "maxMembers");
      if (total > bounds.maxFileBytes)
        throw tooMuch(`Its files are longer than ${bounds.maxFileBytes} bytes`, "maxFileBytes");
      if (total > 16 * 1024 ** 2 && total > file.size * bounds.maxRatio) {
        throw tooMuch(`It unpacks to more than ${bounds.maxRatio} times its size`, "maxRatio");
      }
      yield member;
    }
  } catch (error) {
    if (error instanceof FileProblem) throw error;
    throw new FileProblem(`It is not a whole ${format} archive: ${reasonOf(error)}.`, { cause: error });
  }
}

/** Reads an archive from end to end, so that what is handed over afterwards is known to be whole. */
export async function verifyArchive(file: SpooledFile, format: "tar" | "zip", bounds: Bounds): Promise<void> {
  for await (const member of readMembers(file, format, bounds)) {
    let size = 0;
    for await (const chunk of member.content) size += chunk.byteLength;
    if (size !== member.size)
      throw new FileProblem(`Its member ${member.name} has ${size} bytes and not ${member.size}.`);
  }
}

function assertHarmless(name: string): void {
  const parts = name.split(/[/\\]/);
  if (parts.includes("..") || parts[0] === "" || /^[A-Za-z]:/.test(name) || name.includes("\0")) {
    throw new FileProblem(`Its member ${JSON.stringify(name)} has a path that leads out of the archive.`);
  }
}

function tooMuch(reason: string, setting: string): FileProblem {
  return new FileProblem(`${reason}.`, { remedy: `Raise \`${setting}\` if such a file is expected.` });
}

async function* tarMembers(file: SpooledFile): AsyncGenerator<Member> {
  await assertTarEnds(file);
  const unpacked = extract();
  const feeding = feed(file, unpacked).catch((error: unknown) =>
    unpacked.destroy(error instanceof Error ? error : null),
  );
  try {
    for await (const entry of unpacked) {
      const { name, type, size = 0 }: Header = entry.header;
      if (type === "file" || type === "contiguous-file") yield { name, size, content: bytesOf(entry) };
      else if (type !== "directory")
        throw new FileProblem(`Its member ${JSON.stringify(name)} is a ${type} and not a file.`);
      entry.resume();
    }
  } finally {
    unpacked.destroy(null);
    await feeding;
  }
}

async function* bytesOf(chunks: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) throw new Error("the tar library gave no bytes");
    yield chunk;
  }
}

async function feed(file: SpooledFile, unpacked: ReturnType<typeof extract>): Promise<void> {
  for await (const chunk of file.open()) {
    if (unpacked.destroyed) return;
    if (unpacked.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      unpacked.once("drain", resolve);
      unpacked.once("close", resolve);
    });
  }
  unpacked.end(null);
}

/** A tar that was cut between two members reads like a whole one, but for the two empty blocks at its end. */
async function assertTarEnds(file: SpooledFile): Promise<void> {
  const end = Buffer.alloc(1024, 1);
  let position = 0;
  for await (const chunk of file.open()) {
    position += chunk.byteLength;
    const tail = chunk.subarray(Math.max(0, chunk.byteLength - 1024));
    end.copyWithin(0, tail.byteLength);
    end.set(tail, 1024 - tail.byteLength);
  }
  if (position % 512 !== 0 || end.some((byte) => byte !== 0)) {
    throw new FileProblem("It is a tar archive that was cut off: its end mark is missing.", { byte: position });
  }
}

const openZip = promisify<number, object, ZipFile>(fromFd);

async function* zipMembers(file: SpooledFile): AsyncGenerator<Member> {
  const zip = await openZip(file.fd, { lazyEntries: true, autoClose: false, strictFileNames: true });
  for (let read = 0; read < zip.entryCount; read++) {
    const entry = await nextEntry(zip);
    if (entry.isEncrypted()) throw new FileProblem(`Its member ${JSON.stringify(entry.fileName)} is encrypted.`);
    if (((entry.externalFileAttributes >>> 16) & 0o170000) === 0o120000) {
      throw new FileProblem(`Its member ${JSON.stringify(entry.fileName)} is a symbolic link and not a file.`);
    }
    if (!entry.fileName.endsWith("/")) {
      yield { name: entry.fileName, size: entry.uncompressedSize, content: zipContent(zip, entry) };
    }
  }
}

async function nextEntry(zip: ZipFile): Promise<Entry> {
  return new Promise((resolve, reject) => {
    zip.once("entry", resolve);
    zip.once("error", reject);
    zip.once("end", () => reject(new Error("it holds fewer files than it says")));
    zip.readEntry();
  }).then((entry) => {
    zip.removeAllListeners();
    return entry as Entry;
  });
}

async function* zipContent(zip: ZipFile, entry: Entry): AsyncGenerator<Uint8Array> {
  const open = promisify(zip.openReadStream.bind(zip)) as (entry: Entry) => Promise<NodeJS.ReadableStream>;
  let checksum = 0;
  for await (const chunk of await open(entry)) {
    const bytes = Buffer.from(chunk);
    checksum = crc32(bytes, checksum);
    yield bytes;
  }
  if (checksum !== entry.crc32)
    throw new FileProblem(`Its member ${JSON.stringify(entry.fileName)} fails its checksum.`);
}
