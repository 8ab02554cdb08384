import { createHash } from "node:crypto";
import { type BlobReader, type Mail, readMail } from "@hansard/core/ingestion";
import { ImapFailure, type Refusal } from "./outcomes.ts";

export interface AppendRequest {
  path: string;
  mail: Mail;
  blobs: BlobReader;
  flags: string[];
  date: Date;
  timeoutMs: number;
}

/** What the server made of it: the place it gave the message where it says so (UIDPLUS), or why it refused. */
export type AppendAnswer = { stored: { uidValidity: bigint; uid: number } | undefined } | { refusal: Refusal };

/** The connection broke. Once all is sent, the server may have stored it without being able to say so. */
export function brokenOff(error: unknown, isAllSent: boolean): ImapFailure {
  if (error instanceof ImapFailure) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return isAllSent
    ? new ImapFailure(
        { status: "unknown", reason: `The message was sent, but the server did not answer: ${reason}` },
        error,
      )
    : new ImapFailure(
        { status: "retry", reason: `The connection broke before the message was sent: ${reason}` },
        error,
      );
}

/** The mail's bytes. What the journal cannot give is not the server's fault: the message goes to quarantine. */
export async function* mailBytes(mail: Mail, blobs: BlobReader): AsyncIterable<Uint8Array> {
  const hash = createHash("sha256");
  let size = 0;
  let held: Uint8Array | undefined;
  try {
    for await (const chunk of readMail(mail, blobs)) {
      if (held) yield held;
      hash.update(chunk);
      size += chunk.length;
      held = chunk;
      if (size > mail.size) break;
    }
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error));
  }
  // The last piece goes out only when the whole is known to be right: without it the server stores nothing.
  if (size !== mail.size || hash.digest("hex") !== mail.sha256)
    throw unreadable("its size or SHA-256 is not what it was when it was composed.");
  if (held) yield held;
}

function unreadable(why: string): ImapFailure {
  return new ImapFailure({
    status: "refused",
    reason: `The message cannot be sent, since its content cannot be read: ${why}`,
    remedy:
      "Run `hansard verify` over the journal; restore the content from a copy, then retry it from the quarantine.",
  });
}
