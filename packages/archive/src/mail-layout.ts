import type { BlobReference } from "@hansard/core";
import type { Mail } from "@hansard/core/ingestion";
import { z } from "zod";
import type { BlobStore } from "./blob-store.ts";

const BlobPart = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.number(),
  start: z.number(),
  end: z.number(),
});
/** How a mail is put together: stretches of its own bytes by their length, and stretches of attachments in base64. */
const Layout = z.array(z.union([z.number(), BlobPart]));
export type Layout = z.infer<typeof Layout>;

const LINE_BYTES = 57;
const LINE_CHARACTERS = 76;
const CHUNK_BYTES = LINE_BYTES * 4096;

export function layoutOf(mail: Mail): Layout {
  return mail.segments.map((segment) => {
    if (segment instanceof Uint8Array) return segment.length;
    const { blob, start = 0, end = blob.size } = segment;
    return { sha256: blob.sha256, size: blob.size, start, end };
  });
}

export function parseLayout(text: string): Layout {
  return Layout.parse(JSON.parse(text));
}

/** The attachments that a layout refers to. */
export function blobsOf(layout: Layout): BlobReference[] {
  return layout.flatMap((part) => (typeof part === "number" ? [] : [{ sha256: part.sha256, size: part.size }]));
}

/** The length of the mail that a layout describes. */
export function layoutBytes(layout: Layout): number {
  return layout.reduce(
    (sum: number, part) => sum + (typeof part === "number" ? part : base64Length(part.end - part.start)),
    0,
  );
}

/** The mail's bytes, as they came. */
export async function* assembleMail(inline: Uint8Array, layout: Layout, blobs: BlobStore): AsyncIterable<Uint8Array> {
  let offset = 0;
  for (const part of layout) {
    if (typeof part === "number") {
      if (part > 0) yield inline.subarray(offset, offset + part);
      offset += part;
    } else if (part.end > part.start) {
      yield* base64Lines(blobs.read(part, part));
    }
  }
}

function base64Length(bytes: number): number {
  const characters = Math.ceil(bytes / 3) * 4;
  return characters + 2 * Math.ceil(characters / LINE_CHARACTERS);
}

async function* base64Lines(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of content) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % CHUNK_BYTES);
    for (let start = 0; start < whole; start += CHUNK_BYTES) yield wrapped(bytes.subarray(start, start + CHUNK_BYTES));
    rest = bytes.subarray(whole);
  }
  if (rest.length > 0) yield wrapped(rest);
}

function wrapped(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  const lines: string[] = [];
  for (let start = 0; start < text.length; start += LINE_CHARACTERS)
    lines.push(text.slice(start, start + LINE_CHARACTERS));
  return Buffer.from(`${lines.join("\r\n")}\r\n`, "latin1");
}
