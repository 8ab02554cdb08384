import { type FileHandle, open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { crc32, inflateRawSync } from "node:zlib";
import { UnexpectedResponseError } from "@hansard/core";
import { Entry, fromFdPromise, getFileNameLowLevel, type ZipFile } from "yauzl";
import {
  byPath,
  codeOf,
  DamagedFileError,
  type ExportFiles,
  type Listing,
  MAX_FOLDER_DEPTH,
  MAX_MEMBERS,
  type Member,
} from "./export-files.ts";

/** Of a member: what is needed to read it again without its directory entry. */
interface ZipMember extends Member {
  compressedSize: number;
  compressed: boolean;
  headerOffset: number;
  crc32: number;
}

/** Messages compress 5 to 50 times. What claims to grow this much is made to exhaust its reader. */
const MAX_RATIO = 500;
const RATIO_MATTERS_ABOVE_BYTES = 16 * 1024 * 1024;
const SMALL_BYTES = 512 * 1024;
const LOCAL_HEADER_SLACK_BYTES = 512;

/** Reads a zip without unpacking it. */
export async function openZip(path: string): Promise<ExportFiles> {
  const file = await open(path, "r");
  const zip = await fromFdPromise(file.fd, { autoClose: false, decodeStrings: false, validateEntrySizes: false }).catch(
    async (error: unknown) => {
      await file.close();
      throw unreadable(path, error);
    },
  );
  return {
    list: () => listZip(path, zip),
    read: (member) => readMember(zip, file, member),
    // Closing the zip would close the file as well.
    close: () => file.close(),
  };
}

function unreadable(path: string, error: unknown): UnexpectedResponseError {
  const reason = codeOf(error);
  const early = /truncated|unexpected EOF|Invalid comment length|out of (range|bounds)/i.test(reason);
  return new UnexpectedResponseError(
    early
      ? `The zip ends too early, or is no zip: "${path}" lacks its table of contents.`
      : `The table of contents of the zip "${path}" cannot be read: ${reason}.`,
    {
      remedy: "Download the export again, compare its size with what Slack shows, and run again. Nothing was skipped.",
      cause: error,
    },
  );
}

async function listZip(path: string, zip: ZipFile): Promise<Listing> {
  const members: ZipMember[] = [];
  const refused: Listing["refused"] = [];
  try {
    if (zip.entryCount > MAX_MEMBERS) throw new Error(`it lists ${zip.entryCount} files, and ${MAX_MEMBERS} are read`);
    for await (const entry of zip.eachEntry()) {
      const name = nameOf(entry);
      if (name.endsWith("/")) continue;
      const reason = whyRefused(entry, name);
      if (reason) refused.push({ path: name, reason });
      else members.push(memberOf(entry, name));
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  return { members: members.sort(byPath), refused };
}

function nameOf(entry: Entry): string {
  return getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
}

function memberOf(entry: Entry, path: string): ZipMember {
  return {
    path,
    size: entry.uncompressedSize,
    compressedSize: entry.compressedSize,
    compressed: entry.compressionMethod !== 0,
    headerOffset: entry.relativeOffsetOfLocalHeader,
    crc32: entry.crc32,
  };
}

function whyRefused(entry: Entry, name: string): string | undefined {
  const parts = name.split("/");
  if (name.includes("\0") || name.includes("\\")) return "has a name with a character that no export uses";
  if (name.startsWith("/") || /^[a-z]:/i.test(name) || parts.includes(".."))
    return "has a name that leads out of the export";
  if (parts.length > MAX_FOLDER_DEPTH) return `lies more than ${MAX_FOLDER_DEPTH} folders deep`;
  // The upper half of the attributes holds the Unix mode; 0o120000 marks a link.
  if (((entry.externalFileAttributes >>> 16) & 0o170000) === 0o120000)
    return "is a link, and only regular files are read";
  if (entry.isEncrypted()) return "is encrypted";
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8)
    return `is packed by a method that is not read (${entry.compressionMethod})`;
  if (entry.uncompressedSize > RATIO_MATTERS_ABOVE_BYTES && entry.uncompressedSize > entry.compressedSize * MAX_RATIO) {
    return `claims to grow from ${entry.compressedSize} to ${entry.uncompressedSize} bytes, as only a zip bomb does`;
  }
  return undefined;
}

async function* readMember(zip: ZipFile, file: FileHandle, member: Member): AsyncGenerator<Buffer> {
  if (!isZipMember(member)) throw new Error(`"${member.path}" is no member of this zip.`);
  let [size, sum] = [0, 0];
  try {
    const chunks =
      member.size <= SMALL_BYTES && member.compressedSize <= SMALL_BYTES
        ? [await readSmall(file, member)]
        : await streamMember(zip, member);
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > member.size) throw new DamagedFileError(`is longer than the ${member.size} bytes that the zip states`);
      sum = crc32(chunk, sum);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof DamagedFileError) throw error;
    throw new DamagedFileError(`cannot be unpacked (${codeOf(error)})`, { cause: error });
  }
  if (size < member.size)
    throw new DamagedFileError(`ends after ${size} of the ${member.size} bytes that the zip states`);
  if (sum !== member.crc32) throw new DamagedFileError("does not agree with its checksum in the zip");
}

function isZipMember(member: Member): member is ZipMember {
  return "headerOffset" in member;
}

/** A stream costs more than a day of a quiet channel takes to unpack at once. */
async function readSmall(file: FileHandle, member: ZipMember): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(
    Buffer.allocUnsafe(member.compressedSize + LOCAL_HEADER_SLACK_BYTES),
    0,
    undefined,
    member.headerOffset,
  );
  if (bytesRead < 30 || buffer.readUInt32LE(0) !== 0x04034b50)
    throw new DamagedFileError("is not where the zip's table of contents says");
  const start = 30 + buffer.readUInt16LE(26) + buffer.readUInt16LE(28);
  let content = buffer.subarray(start, Math.min(bytesRead, start + member.compressedSize));
  if (content.length < member.compressedSize)
    content = (await file.read(Buffer.alloc(member.compressedSize), 0, undefined, member.headerOffset + start)).buffer;
  return member.compressed ? inflateRawSync(content, { maxOutputLength: member.size + 1 }) : content;
}

async function streamMember(zip: ZipFile, member: ZipMember): Promise<Readable> {
  const { fileDataStart } = await new Promise<{ fileDataStart: number }>((resolve, reject) => {
    zip.readLocalFileHeader(headerOf(member), { minimal: true }, (error, header) =>
      error ? reject(error) : resolve(header),
    );
  });
  return new Promise((resolve, reject) => {
    zip.openReadStreamLowLevel(
      fileDataStart,
      member.compressedSize,
      0,
      member.compressedSize,
      member.compressed,
      null,
      (error, stream) => (error ? reject(error) : resolve(stream)),
    );
  });
}

function headerOf({ headerOffset, compressedSize }: ZipMember): Entry {
  return Object.assign(new Entry(), { relativeOffsetOfLocalHeader: headerOffset, compressedSize });
}
