import type { BlobReader, Delivery, Message, Outcome } from "@hansard/core/ingestion";
import { type BlobStore, ContentUnavailableError } from "./blob-store.ts";
import type { Directory } from "./directory.ts";
import { layoutBytes, layoutOf } from "./mail-layout.ts";
import { refusalOf } from "./validate.ts";

/** What deliveries are admitted to, and with what. */
export interface Gate {
  directory: Directory;
  blobs: BlobStore;
  /** Where attachments come from. */
  source: BlobReader | undefined;
}

/**
 * Settles what will not be stored, and brings the attachments of the rest in, so that they are on disk before any row
 * refers to them. Undefined: it may be stored.
 */
export async function admit(gate: Gate, deliveries: readonly Delivery[]): Promise<(Outcome | undefined)[]> {
  const settled: (Outcome | undefined)[] = [];
  let last: { message?: Message; outcome: Outcome | undefined } = { outcome: undefined };
  for (const delivery of deliveries) {
    // One message goes to many mailboxes, and is looked at once.
    if (delivery.message !== last.message) {
      const outcome = admitMessage(gate, delivery);
      last = { message: delivery.message, outcome: outcome instanceof Promise ? await outcome : outcome };
    }
    settled.push(last.outcome ?? admitTo(gate.directory, delivery.mailbox));
  }
  return settled;
}

function admitTo(directory: Directory, mailbox: string): Outcome | undefined {
  if (directory.admits(mailbox)) return undefined;
  return { status: "no-mailbox", reason: `The archive has no mailbox ${mailbox}.` };
}

function admitMessage(gate: Gate, { message, mail }: Delivery): Promise<Outcome | undefined> | Outcome | undefined {
  const refusal = refusalOf(message);
  if (refusal !== undefined) return refusal;
  const [only, ...more] = mail.segments;
  if (only instanceof Uint8Array && more.length === 0 && only.length === mail.size) return undefined;
  const layout = layoutOf(mail);
  const bytes = layoutBytes(layout);
  if (bytes !== mail.size)
    return {
      status: "refused",
      reason: `The mail says that it has ${mail.size} bytes, and its segments have ${bytes}.`,
    };
  return layout.every((part) => typeof part === "number") ? undefined : bringIn(gate, mail.segments);
}

async function bringIn({ blobs, source }: Gate, segments: Delivery["mail"]["segments"]): Promise<Outcome | undefined> {
  try {
    for (const segment of segments) if (!(segment instanceof Uint8Array)) await blobs.put(segment.blob, source);
    return undefined;
  } catch (error) {
    if (error instanceof ContentUnavailableError) return { status: "refused", reason: error.message };
    throw error;
  }
}
