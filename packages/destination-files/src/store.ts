import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { type BlobReader, type Delivery, type Outcome, readMail } from "@hansard/core/ingestion";
import { type OpenFolder, folderFault, receiptOf } from "./destination.ts";
import { makeFolder, syncFolder, writeFileDurably } from "./durable.ts";
import type { Place } from "./layout.ts";

const WRITTEN_AT_ONCE = 8;

interface Options {
  blobs: BlobReader;
  signal: AbortSignal;
}

type Step = { delivery: Delivery; place: Place; outcome?: Outcome };

/**
 * Stores a batch: each file under a temporary name, then their lines in the manifest, then each file in its place. A
 * file in its place is therefore in the manifest; a crash in between leaves a line whose file comes when the delivery is
 * submitted again.
 */
export async function store(folder: OpenFolder, deliveries: Delivery[], options: Options): Promise<Outcome[]> {
  const steps = deliveries.map((delivery): Step => ({ delivery, place: folder.layout.place(delivery) }));
  const firstOf = new Map<string, Step>();
  for (const step of steps) if (!firstOf.has(step.place.id)) firstOf.set(step.place.id, step);

  await eachOf([...firstOf.values()], async (step) => {
    const outcome = await write(folder, step, options);
    if (outcome) step.outcome = outcome;
  });
  const written = [...firstOf.values()].filter(({ outcome }) => outcome === undefined);
  await announce(folder, written);
  await putInPlace(folder, written);
  return Promise.all(steps.map((step) => outcomeOf(folder, step, firstOf.get(step.place.id) ?? step)));
}

/** Undefined when the file waits under its temporary name. */
async function write(
  folder: OpenFolder,
  { delivery, place }: Step,
  { blobs, signal }: Options,
): Promise<Outcome | undefined> {
  if (signal.aborted) return { status: "retry", reason: "The run ended before this message was written." };
  const present = await folder.layout.locate(place.id);
  if (present !== undefined) return recognise(present, place, delivery);
  try {
    for (const path of place.folders) await makeFolder(path, folder.permissions);
    await folder.layout.furnish?.(place);
    await writeFileDurably(place.temporary, checkedMail(delivery, blobs), folder.permissions);
    const date = new Date(delivery.message.date);
    await utimes(place.temporary, date, date);
    return undefined;
  } catch (error) {
    if (error instanceof UnreadableMail) return { status: "refused", reason: error.message, remedy: error.remedy };
    throw error;
  }
}

/** A file that is there already is never written over: it is the same message, or the delivery is refused. */
async function recognise(path: string, place: Place, delivery: Delivery): Promise<Outcome> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  if (hash.digest("hex") !== delivery.mail.sha256) {
    return {
      status: "refused",
      reason: `${place.id} holds other content under the same Message-ID ${delivery.message.id}.`,
      remedy: "Compare the two: either the file was changed after it was written, or the message was composed anew.",
    };
  }
  const file = await open(path, "r");
  await file.sync().finally(() => file.close());
  await syncFolder(dirname(path));
  return { status: "accepted", receipt: receiptOf(place.id, delivery) };
}

async function announce(folder: OpenFolder, written: Step[]): Promise<void> {
  const unannounced = written.filter(({ place, delivery }) => folder.announced.get(place.id) !== delivery.mail.sha256);
  if (unannounced.length === 0) return;
  const entries = unannounced.map(({ place, delivery: { mail, message, mailbox } }) => ({
    path: place.id,
    size: mail.size,
    sha256: mail.sha256,
    messageId: message.id,
    messageClass: message.messageClass,
    mailbox,
    date: message.date,
  }));
  try {
    await folder.manifest.append(entries);
  } catch (error) {
    for (const { place } of written) await rm(place.temporary, { force: true });
    throw error;
  }
  for (const { path, sha256 } of entries) folder.announced.set(path, sha256);
}

async function putInPlace(folder: OpenFolder, written: Step[]): Promise<void> {
  for (const { place } of written) {
    await rename(place.temporary, place.final);
    folder.layout.added?.(place);
  }
  const folders = new Set(written.map(({ place }) => dirname(place.final)));
  await eachOf([...folders], syncFolder);
  for (const { place } of written) folder.announced.delete(place.id);
}

/** A second delivery of the batch with the same place is the same message, or it is refused. */
async function outcomeOf(folder: OpenFolder, step: Step, first: Step): Promise<Outcome> {
  if (step.outcome) return step.outcome;
  if (step === first) return { status: "accepted", receipt: receiptOf(step.place.id, step.delivery) };
  if (first.outcome && first.outcome.status !== "accepted") return first.outcome;
  const path = await folder.layout.locate(step.place.id);
  return path === undefined
    ? folderFault(step.place.id, new Error("The file vanished right after it was written."))
    : recognise(path, step.place, step.delivery);
}

/** The mail's bytes; what they turn out to be is compared with what the journal says they are. */
async function* checkedMail({ mail, message }: Delivery, blobs: BlobReader): AsyncIterable<Uint8Array> {
  const hash = createHash("sha256");
  let size = 0;
  try {
    for await (const chunk of readMail(mail, blobs)) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw new UnreadableMail(error instanceof Error ? error.message : String(error), error);
  }
  if (size === mail.size && hash.digest("hex") === mail.sha256) return;
  throw new UnreadableMail(
    `The mail of ${message.id} is not what it was when it was composed: its size or SHA-256 differs.`,
  );
}

/** The journal cannot give the mail's bytes. The disk that they go to is not to blame. */
class UnreadableMail extends Error {
  readonly remedy =
    "Run `hansard verify` over the journal; restore the content from a copy, then retry it from the quarantine.";

  constructor(reason: string, cause?: unknown) {
    super(`The message cannot be written, since its content cannot be read: ${reason}`, { cause });
  }
}

async function eachOf<Item>(items: Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = items.values();
  async function worker(): Promise<void> {
    for (const item of waiting) await work(item);
  }
  const results = await Promise.allSettled(Array.from({ length: WRITTEN_AT_ONCE }, worker));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
