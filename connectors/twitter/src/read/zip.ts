import { crc32 } from "node:zlib";
import { SettingsError, UnexpectedResponseError } from "@hansard/core";
import { type Entry, type ZipFile, openPromise } from "yauzl";

/** The files of a zip by their names. Each is checked against the zip's own checksum as it is read. */
export interface Zip {
  /** The names of the files that begin with a folder, an id and a hyphen. */
  filesOf(folder: string, id: string): string[];
  text(name: string): Promise<string>;
  /** Ends with an error where the content is not what the zip says it is. */
  content(name: string): AsyncIterable<Uint8Array>;
  close(): void;
}

const MOST_ENTRIES = 2_000_000;
/** X splits its files long before this; a larger one is no archive of X. */
const MOST_TEXT_BYTES = 512 * 1024 * 1024;

export async function openZip(path: string): Promise<Zip> {
  const zip = await openPromise(path, { autoClose: false, lazyEntries: true }).catch((cause: unknown) => {
    throw new SettingsError(`The archive ${path} cannot be opened as a zip.`, {
      cause,
      remedy: "Download the archive from X again, whole, and give its path.",
    });
  });
  const entries = new Map<string, Entry>();
  try {
    for await (const entry of zip.eachEntry()) {
      if (!entry.fileName.endsWith("/")) entries.set(entry.fileName, entry);
      if (entries.size > MOST_ENTRIES) throw new Error(`It has more than ${MOST_ENTRIES} files.`);
    }
  } catch (cause) {
    zip.close();
    throw damaged(path, "its list of files", cause);
  }
  const owned = Map.groupBy(entries.keys(), (name) => /^(.*\/\d+)-[^/]+$/.exec(name)?.[1] ?? "");
  return {
    filesOf: (folder, id) => owned.get(`${folder}/${id}`) ?? [],
    text: (name) => textOf(zip, path, found(entries, path, name)),
    content: (name) => contentOf(zip, path, found(entries, path, name)),
    close: () => zip.close(),
  };
}

function found(entries: Map<string, Entry>, path: string, name: string): Entry {
  const entry = entries.get(name);
  if (!entry) throw damaged(path, name, new Error("It is not there."));
  return entry;
}

async function textOf(zip: ZipFile, path: string, entry: Entry): Promise<string> {
  if (entry.uncompressedSize > MOST_TEXT_BYTES)
    throw damaged(path, entry.fileName, new Error("It is larger than X makes its files."));
  const chunks: Uint8Array[] = [];
  for await (const chunk of contentOf(zip, path, entry)) chunks.push(chunk);
  return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
}

async function* contentOf(zip: ZipFile, path: string, entry: Entry): AsyncGenerator<Uint8Array> {
  let checksum = 0;
  try {
    const stream: AsyncIterable<Buffer> = await zip.openReadStreamPromise(entry);
    for await (const chunk of stream) {
      checksum = crc32(chunk, checksum);
      yield chunk;
    }
  } catch (cause) {
    throw damaged(path, entry.fileName, cause);
  }
  if (checksum !== entry.crc32) throw damaged(path, entry.fileName, new Error("Its checksum does not agree."));
}

export function damaged(path: string, name: string, cause: unknown): UnexpectedResponseError {
  const reason = cause instanceof Error ? ` ${cause.message}` : "";
  return new UnexpectedResponseError(`The archive ${path} is damaged at ${name}.${reason}`, {
    cause,
    remedy: "Download the archive from X again.",
  });
}
