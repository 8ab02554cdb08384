import type { BlobReader, Mail } from "@hansard/core/ingestion";

const LINE_BYTES = 57;
const CHUNK_BYTES = LINE_BYTES * 1024;

/** The bytes of a mail: its segments, with content from the journal's store in base64 with lines of 76 characters. */
export async function* readMail(mail: Mail, blobs: BlobReader): AsyncIterable<Uint8Array> {
  for (const segment of mail.segments) {
    if (segment instanceof Uint8Array) yield segment;
    else yield* base64Lines(blobs.read(segment.blob));
  }
}

async function* base64Lines(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let rest = Buffer.alloc(0);
  for await (const chunk of content) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= CHUNK_BYTES) {
      yield lines(rest.subarray(0, CHUNK_BYTES));
      rest = rest.subarray(CHUNK_BYTES);
    }
  }
  if (rest.length > 0) yield lines(rest);
}

function lines(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString("base64").replace(/.{1,76}/g, "$&\r\n"), "latin1");
}
