import type { BlobReader, MailAttachment } from "@hansard/core/ingestion";
import { z } from "zod";
import { contentLength, readContent } from "./content.ts";
import { GraphFailure } from "./failure.ts";
import type { GraphClient } from "./graph-client.ts";
import { attachmentName } from "./payload.ts";

export interface Upload {
  /** The message's attachments. */
  path: string;
  mailbox: string;
  attachment: MailAttachment;
  blobs: BlobReader;
}

const Session = z.object({ uploadUrl: z.url({ protocol: /^https?$/ }) });
const Progress = z.object({ nextExpectedRanges: z.array(z.string()).default([]) });

/** Below Graph's 4 MB, and a multiple of 320 KiB, which its other upload sessions ask for. */
const RANGE_BYTES = 11 * 320 * 1024;

/** Brings an attachment of 3 to 150 MB in by ranges, in their order. The session's address is its own credential. */
export async function uploadAttachment(
  client: GraphClient,
  { path, mailbox, attachment, blobs }: Upload,
  signal: AbortSignal,
): Promise<void> {
  const size = contentLength(attachment);
  const item = {
    attachmentType: "file",
    name: attachmentName(attachment.name),
    size,
    contentType: attachment.contentType ?? "application/octet-stream",
    isInline: attachment.inline === true,
    ...(attachment.inline === true && { contentId: attachment.id }),
  };
  const answer = await client.call(
    {
      method: "POST",
      path: `${path}/createUploadSession`,
      mailbox,
      json: JSON.stringify({ AttachmentItem: item }),
      isRepeatable: true,
    },
    signal,
  );
  const { uploadUrl } = Session.parse(answer.json);
  let at = 0;
  for await (const range of inRanges(readContent(attachment, blobs))) {
    await putRange(client, { uploadUrl, mailbox, range, at, size }, signal);
    at += range.length;
  }
}

async function putRange(
  client: GraphClient,
  range: { uploadUrl: string; mailbox: string; range: Uint8Array; at: number; size: number },
  signal: AbortSignal,
): Promise<void> {
  const { uploadUrl, mailbox, range: bytes, at, size } = range;
  const headers = {
    "content-type": "application/octet-stream",
    "content-range": `bytes ${at}-${at + bytes.length - 1}/${size}`,
  };
  try {
    await client.call({ method: "PUT", path: uploadUrl, mailbox, bytes, headers }, signal);
  } catch (error) {
    if (!(error instanceof GraphFailure) || error.failure.kind !== "unknown") throw error;
    // The range's answer was lost. The session knows whether it has it; a session that is gone was finished, which is verified later.
    const reached = await reachedBy(client, uploadUrl, mailbox, signal);
    if (reached === undefined || reached === at + bytes.length) return;
    if (reached !== at) throw error;
    await client.call({ method: "PUT", path: uploadUrl, mailbox, bytes, headers }, signal);
  }
}

async function reachedBy(
  client: GraphClient,
  uploadUrl: string,
  mailbox: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    const { nextExpectedRanges } = Progress.parse(
      (await client.call({ method: "GET", path: uploadUrl, mailbox }, signal)).json,
    );
    return Number(nextExpectedRanges[0]?.split("-")[0] ?? Number.NaN);
  } catch (error) {
    if (error instanceof GraphFailure && error.failure.kind === "gone") return undefined;
    throw error;
  }
}

async function* inRanges(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content) {
    for (let taken = 0; taken < chunk.length;) {
      const part = chunk.subarray(taken, taken + RANGE_BYTES - size);
      pending.push(part);
      size += part.length;
      taken += part.length;
      if (size < RANGE_BYTES) continue;
      yield Buffer.concat(pending);
      pending = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(pending);
}
