import type { BlobReader, Mail } from "@hansard/core/ingestion";
import type { ImapFlow } from "imapflow";
import { type AppendAnswer, type AppendRequest, brokenOff, mailBytes } from "./append-request.ts";
import { refusalOf } from "./outcomes.ts";
import { streamAppend } from "./stream-append.ts";

/** A larger mail is streamed; a smaller one is gathered, and its connection serves the next. */
const GATHERED_BYTES = 1024 * 1024;

/** Rejects with an ImapFailure: `unknown` where the whole message was sent and no answer came, else `retry`. */
export async function append(client: ImapFlow, request: AppendRequest, useUp: () => void): Promise<AppendAnswer> {
  if (request.mail.size <= GATHERED_BYTES) return appendGathered(client, request);
  useUp();
  return streamAppend(client, request);
}

async function appendGathered(
  client: ImapFlow,
  { path, mail, blobs, flags, date }: AppendRequest,
): Promise<AppendAnswer> {
  const bytes = await gather(mail, blobs);
  const sentBefore = client.stats().sent;
  try {
    const answer = await client.append(path, bytes, flags, date);
    if (answer === false) throw new Error("The connection was no longer signed in.");
    const { uid, uidValidity } = answer;
    return { stored: uid !== undefined && uidValidity !== undefined ? { uid, uidValidity } : undefined };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal) return { refusal };
    if (hasCode(error, "APPENDLIMIT")) return { refusal: { status: "NO", code: "APPENDLIMIT", text: error.message } };
    throw brokenOff(error, client.stats().sent - sentBefore >= bytes.length);
  }
}

async function gather(mail: Mail, blobs: BlobReader): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of mailBytes(mail, blobs)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function hasCode(error: unknown, code: string): error is Error {
  return error instanceof Error && "serverResponseCode" in error && error.serverResponseCode === code;
}
