import type { BlobRange, BlobReader, Mail, MailSegment } from "../mail.ts";
import { LINE_BYTES, base64Lines } from "./base64-lines.ts";
import { rangeLength } from "./blob-range.ts";

/** Content is encoded in runs of whole lines of about this size, so that memory stays flat and each write is worth its cost. */
const RUN_BYTES = LINE_BYTES * 1024;

/** The whole mail's bytes: what it holds as it is, and content of the journal's store as base64 lines. */
export async function* readMail({ segments }: Pick<Mail, "segments">, blobs: BlobReader): AsyncGenerator<Uint8Array> {
  for (const segment of segments) {
    if (isBytes(segment)) yield segment;
    else yield* encode(readRange(segment, blobs));
  }
}

function isBytes(segment: MailSegment): segment is Uint8Array {
  return segment instanceof Uint8Array;
}

async function* encode(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const run = Buffer.alloc(RUN_BYTES);
  let filled = 0;
  for await (const chunk of content) {
    for (let taken = 0; taken < chunk.length;) {
      const part = chunk.subarray(taken, taken + RUN_BYTES - filled);
      run.set(part, filled);
      filled += part.length;
      taken += part.length;
      if (filled < RUN_BYTES) continue;
      yield base64Lines(run);
      filled = 0;
    }
  }
  if (filled > 0) yield base64Lines(run.subarray(0, filled));
}

/** Rejects where the blob has not the size that its reference says: the mail's size and bounds rest on it. */
async function* readRange(range: BlobRange, blobs: BlobReader): AsyncGenerator<Uint8Array> {
  const { blob, start = 0, end = blob.size } = range;
  let position = 0;
  let given = 0;
  for await (const chunk of blobs.read(blob)) {
    const wanted = chunk.subarray(Math.max(0, start - position), Math.max(0, end - position));
    position += chunk.length;
    given += wanted.length;
    if (wanted.length > 0) yield wanted;
    if (position >= end && end < blob.size) break;
  }
  const isWhole = end < blob.size ? given === rangeLength(range) : position === blob.size;
  if (!isWhole) {
    throw new RangeError(
      `The blob ${blob.sha256} gave ${position} bytes and should have ${blob.size}. Verify the journal's store.`,
    );
  }
}
