import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { type BlobReader, type Delivery, readMail } from "@hansard/core/ingestion";
import type { SMTPError } from "nodemailer/lib/smtp-connection";
import type { Connection } from "./connection.ts";
import { type Wrapping, hasEightBits } from "./journal-report.ts";
import type { Failure } from "./outcomes.ts";

export interface Transmission {
  delivery: Delivery;
  wrapping: Wrapping;
  /** MAIL FROM; empty for `<>`. */
  from: string;
  to: string;
}

export type Transmitted = { reply: string } | { error: SMTPError; isAllSent: boolean } | { unreadable: Failure };

/**
 * Streams one message. Its last piece is held back until the whole is known to be right, and the final dot comes after it: a
 * message that the journal cannot give in full is broken off and not delivered.
 */
export async function transmit(
  connection: Connection,
  transmission: Transmission,
  blobs: BlobReader,
): Promise<Transmitted> {
  const { delivery, wrapping, from, to } = transmission;
  const state: { isAllSent: boolean; unreadable?: Failure } = { isAllSent: false };
  async function* content(): AsyncIterable<Uint8Array> {
    try {
      yield Buffer.from(wrapping.before);
      yield* checkedMail(delivery, blobs);
      yield Buffer.from(wrapping.after);
      state.isAllSent = true;
    } catch (error) {
      state.unreadable = unreadable(error);
      throw error;
    }
  }
  const size = delivery.mail.size + Buffer.byteLength(wrapping.before + wrapping.after);
  const use8BitMime = hasEightBits(delivery) || !/^[\r\n\x20-\x7e]*$/.test(wrapping.before);
  try {
    const info = await connection.send(
      { from, to, size, use8BitMime },
      Readable.from(content(), { objectMode: false }),
    );
    return { reply: info.response };
  } catch (error) {
    if (state.unreadable) return { unreadable: state.unreadable };
    if (!(error instanceof Error)) throw error;
    return { error, isAllSent: state.isAllSent };
  }
}

async function* checkedMail({ mail, message }: Delivery, blobs: BlobReader): AsyncIterable<Uint8Array> {
  const hash = createHash("sha256");
  let size = 0;
  let held: Uint8Array | undefined;
  for await (const chunk of readMail(mail, blobs)) {
    if (held) yield held;
    hash.update(chunk);
    size += chunk.length;
    held = chunk;
  }
  if (size !== mail.size || hash.digest("hex") !== mail.sha256) {
    throw new Error(`the mail of ${message.id} is not what it was when it was composed: its size or SHA-256 differs.`);
  }
  if (held) yield held;
}

function unreadable(error: unknown): Failure {
  return {
    status: "refused",
    reason: `The message cannot be sent, since its content cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    remedy:
      "Run `hansard verify` over the journal; restore the content from a copy, then retry it from the quarantine.",
  };
}
