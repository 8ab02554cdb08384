import { createHash, type Hash } from "node:crypto";
import { type BlobReference, type BlobWriter, type EventAttachment, UnavailableError } from "@hansard/core";
import type { Row, Settings } from "../schema.ts";
import type { Lookup } from "./lookup.ts";
import { text } from "./values.ts";

/** Gives a function that stores the content of a file's version, each once. Where it cannot be had, it says why. */
export function createDownloader(
  lookup: Lookup,
  settings: Settings,
  blobs: BlobWriter,
): (version: Row) => Promise<EventAttachment> {
  const stored = new Map<string, BlobReference>();
  return async (version) => {
    const attachment = describe(version);
    const known = stored.get(version.Id);
    if (known) return { ...attachment, blob: known };
    const size = sizeOf(version);
    const outcome =
      size !== undefined && size > settings.maxFileBytes
        ? tooLarge(settings)
        : await download(lookup, settings, blobs, version);
    if ("blob" in outcome) stored.set(version.Id, outcome.blob);
    return { ...attachment, ...outcome };
  };
}

type Outcome = { blob: BlobReference } | { unavailable: string };

async function download(lookup: Lookup, settings: Settings, blobs: BlobWriter, version: Row): Promise<Outcome> {
  const response = await lookup.file(version.Id);
  if ("missing" in response) return { unavailable: response.missing };
  const seen = { bytes: 0, md5: createHash("md5") };
  try {
    const blob = await blobs.put(watched(response, version, seen), { maxBytes: settings.maxFileBytes });
    return misfit(version, blob, seen.md5.digest("hex")) ?? { blob };
  } catch (error) {
    if (seen.bytes <= settings.maxFileBytes) throw error;
    return tooLarge(settings);
  }
}

function tooLarge({ maxFileBytes }: Settings): Outcome {
  return { unavailable: `The file is larger than the ${maxFileBytes} bytes that the settings allow.` };
}

function describe(version: Row): { id: string; name: string } {
  const title = text(version, "PathOnClient")?.split(/[\\/]/).at(-1) ?? text(version, "Title") ?? version.Id;
  const extension = text(version, "FileExtension");
  return {
    id: version.Id,
    name: extension && !title.toLowerCase().endsWith(`.${extension.toLowerCase()}`) ? `${title}.${extension}` : title,
  };
}

/** A log-in page with status 200 is not the file: the size and the MD5 sum that Salesforce keeps tell them apart. */
function misfit(version: Row, blob: BlobReference, md5: string): { unavailable: string } | undefined {
  const size = sizeOf(version);
  const checksum = text(version, "Checksum");
  if (size !== undefined && size !== blob.size)
    return { unavailable: `Salesforce gave ${blob.size} bytes for a file of ${size}.` };
  if (checksum !== undefined && checksum !== md5)
    return { unavailable: "What Salesforce gave does not agree with the file's checksum." };
  return undefined;
}

function sizeOf(version: Row): number | undefined {
  const size = version["ContentSize"];
  return typeof size === "number" ? size : undefined;
}

async function* watched(
  response: Response,
  { Id }: Row,
  seen: { bytes: number; md5: Hash },
): AsyncGenerator<Uint8Array> {
  if (!response.body) return;
  const chunks = response.body[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await chunks.next().catch((cause: unknown) => {
      throw new UnavailableError(`The file ${Id} broke off after ${seen.bytes} bytes.`, { cause });
    });
    if (done) return;
    seen.bytes += value.byteLength;
    seen.md5.update(value);
    yield value;
  }
}
