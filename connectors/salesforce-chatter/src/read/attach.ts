import type { EventAttachment, Json } from "@hansard/core";
import { z } from "zod";
import { Row } from "../schema.ts";
import { type Batch, emptyBatch, knownParts, type Run } from "./batch.ts";
import type { Shown } from "./files.ts";
import { visible } from "./lookup.ts";
import { text, toIso } from "./values.ts";

/** A file that could not be had is asked for again after these hours, counted from the read before. */
const RETRY_HOURS = [1, 6, 24, 72];
const HOUR_MS = 3_600_000;

const Owed = z.object({
  key: z.string(),
  version: Row,
  context: z.record(z.string(), z.string()),
  attempt: z.number(),
});
type Owed = z.infer<typeof Owed>;

export interface Carrier {
  key: string;
  row: Row;
  shown: Shown | undefined;
  context: Record<string, string>;
}

/** The files that a post or comment shows, each with its content or the reason why not. */
export async function attach(
  run: Run,
  batch: Batch,
  { key, shown, context }: Carrier,
): Promise<{ attachments?: EventAttachment[] }> {
  const attachments: EventAttachment[] = [];
  for (const version of shown?.versions ?? []) {
    const attachment = await run.files.fetch(version);
    if ("unavailable" in attachment) owe(run, batch, { key, version, context, attempt: 0 }, attachment.unavailable);
    attachments.push(attachment);
  }
  return attachments.length > 0 ? { attachments } : {};
}

/** Adds newer versions of the files as events of their own. */
export async function addNewVersions(run: Run, batch: Batch, { key, row, shown, context }: Carrier): Promise<void> {
  if (!shown || shown.versions.length === 0) return;
  const known = new Set((await knownParts(run, `${key}:file:`)).map((event) => event.key));
  const since = toIso(text(row, "CreatedDate") ?? "");
  for (const version of await run.files.siblings(shown.versions)) {
    const newer = toIso(text(version, "CreatedDate") ?? "1970-01-01T00:00:00Z") > since;
    const isShown = shown.versions.some(({ Id }) => Id === version.Id);
    if (newer && !isShown && !known.has(fileKey(key, version.Id)))
      await addVersion(run, batch, { key, version, context, attempt: 0 });
  }
}

/** Asks again for the files that are owed. Each that comes is an event of its own. */
export async function settleFiles(run: Run): Promise<Batch> {
  const batch = emptyBatch();
  for (const { id, data } of run.context.followUps) {
    const owed = Owed.safeParse(data).data;
    if (!owed) continue;
    const select = await visible(run.session, "ContentVersion", Object.keys(owed.version));
    const [now] = await run.session.find(
      "ContentVersion",
      select.length > 1 ? select : ["Id", "Title", "ContentSize", "Checksum"],
      "Id",
      [owed.version.Id],
    );
    const came = await addVersion(run, batch, { ...owed, version: now ?? owed.version });
    if (came) batch.closed.push(id);
    if (came || !RETRY_HOURS[owed.attempt + 1]) batch.settled.push(id);
  }
  return batch;
}

async function addVersion(run: Run, batch: Batch, owed: Owed): Promise<boolean> {
  const attachment = await run.files.fetch(owed.version);
  if ("unavailable" in attachment) {
    owe(run, batch, { ...owed, attempt: owed.attempt + 1 }, attachment.unavailable);
    return false;
  }
  batch.events.push({
    type: "FileVersion",
    key: fileKey(owed.key, owed.version.Id),
    occurredAt: toIso(text(owed.version, "CreatedDate") ?? run.context.startedAt.toISOString()),
    data: { version: owed.version, of: owed.key },
    context: owed.context,
    attachments: [attachment],
  });
  return true;
}

function owe({ context: { startedAt } }: Run, batch: Batch, owed: Owed, reason: string): void {
  const id = `file:${owed.key}:${owed.version.Id}`;
  batch.gaps.push({
    id,
    reason: `The file ${owed.version.Id} of ${owed.key} is missing: ${reason}`,
    remedy: "Grant Query All Files to the integration user, or restore the file.",
    events: 0,
  });
  const hours = RETRY_HOURS[owed.attempt];
  if (hours === undefined) return;
  const data: Json = { ...owed };
  batch.followUps.push({ id, dueAt: new Date(startedAt.getTime() + hours * HOUR_MS).toISOString(), data });
}

function fileKey(key: string, versionId: string): string {
  return `${key}:file:${versionId}`;
}
