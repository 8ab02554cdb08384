import { createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import { makeRecording } from "./recording.ts";

const SAMPLE = join(import.meta.dirname, "..", "..", "samples", "slack-export");
const RECORDING = "__uploads/F01PLANERWV/planer-noise.wav";
/** Zips keep local times: this one gives the same bytes in every time zone. */
const MODIFIED = new Date(2026, 9, 12);

/**
 * Makes the sample export: a small company's week in Slack, as the zip that Slack would give, with the one large file
 * that is too big to keep in the repository. Gives the path of the zip.
 */
export async function makeSample(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const zip = new ZipFile();
  const options = { mtime: MODIFIED, forceDosTimestamp: true, mode: 0o100644 };
  for (const path of await filesUnder(SAMPLE))
    zip.addBuffer(await readFile(path), relative(SAMPLE, path).replaceAll("\\", "/"), options);
  zip.addBuffer(makeRecording(), RECORDING, { ...options, compress: false });
  zip.end();
  const target = join(folder, "brindle-and-oak.zip");
  await pipeline(zip.outputStream, createWriteStream(`${target}.part`));
  await rename(`${target}.part`, target);
  return target;
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.sort((one, other) => (one < other ? -1 : 1));
}
