import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { SettingsError, UnexpectedResponseError } from "@hansard/core";
import { type Entry, openPromise, type ZipFile } from "yauzl";

/** A data export: a folder with the zip files that Salesforce makes, or with CSV files of its objects. */
export interface ExportArchive {
  /** Changes when a file is added or another. */
  fingerprint: string;
  /** The parts of an object's table, which a large export spreads over several zip files. */
  parts(object: string): Part[];
  /** The content of a file of the library. */
  content(versionId: string): Part | undefined;
  close(): void;
}

export interface Part {
  /** For messages to people. */
  name: string;
  size: number;
  open(): Promise<Readable>;
}

const TABLE = /(?:^|[/\\])(\w+)\.csv$/i;
const CONTENT = /(?:^|[/\\])ContentVersion[/\\](068\w{12,15})(?:\.\w+)?$/;

export async function openArchive(folder: string): Promise<ExportArchive> {
  const tables = new Map<string, Part[]>();
  const contents = new Map<string, Part>();
  const zips: ZipFile[] = [];
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new SettingsError(`The export folder ${folder} cannot be read.`, {
      remedy: "Name an existing folder as exportFolder.",
      cause,
    });
  });
  const fingerprint = createHash("sha256");
  for (const name of names.filter((each) => /\.(zip|csv)$/i.test(each)).sort()) {
    const path = join(folder, name);
    const { size } = await stat(path);
    fingerprint.update(`${name} ${size}\n`);
    if (/\.csv$/i.test(name)) note({ name, size, open: async () => createReadStream(path) }, name);
    else await noteZip(path, name);
  }
  return {
    fingerprint: fingerprint.digest("hex"),
    parts: (object) => tables.get(object.toLowerCase()) ?? [],
    content: (versionId) => contents.get(versionId.slice(0, 15)),
    close: () => zips.forEach((zip) => zip.close()),
  };

  async function noteZip(path: string, name: string): Promise<void> {
    const zip = await openPromise(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true }).catch(
      (cause: unknown) => {
        throw new UnexpectedResponseError(`${name} is not a whole zip file.`, {
          remedy: "Download the export again.",
          cause,
        });
      },
    );
    zips.push(zip);
    for await (const entry of zip.eachEntry()) note(toPart(zip, entry, name), entry.fileName);
  }

  function note(part: Part, path: string): void {
    const [, table] = TABLE.exec(path) ?? [];
    const [, version] = CONTENT.exec(path) ?? [];
    // Names out of an archive are labels: nothing is ever written under them.
    if (version !== undefined) contents.set(version.slice(0, 15), part);
    else if (table !== undefined) tables.set(table.toLowerCase(), [...(tables.get(table.toLowerCase()) ?? []), part]);
  }
}

function toPart(zip: ZipFile, entry: Entry, name: string): Part {
  return {
    name: `${name}/${entry.fileName}`,
    size: entry.uncompressedSize,
    open: () => zip.openReadStreamPromise(entry),
  };
}
