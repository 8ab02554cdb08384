import type { FollowUp, ReadContext } from "@hansard/core";
import {
  absenceGap,
  type Batch,
  type DropFile,
  FileProblem,
  type LedgerBook,
  markRead,
  noteAbsent,
  refusalGap,
  type Spool,
  unwrapName,
} from "@hansard/file-drop";
import { type Checkpoint, Owed, type Settings } from "../schema.ts";
import { AttachmentIndex } from "./attachment-index.ts";
import { chatEvents } from "./chat.ts";
import { mailEvents } from "./mail.ts";
import { parseName } from "./names.ts";
import { type BloombergPage, PageWriter } from "./page-writer.ts";
import { type Parsed, parse } from "./parse.ts";
import { digestOf, type Resolved, type Surroundings } from "./surroundings.ts";

export interface BatchContext extends ReadContext<Settings, Checkpoint> {
  ledger: LedgerBook;
  spool: Spool;
}

/** The page that is `complete` makes the whole batch durable. */
export interface BatchPage {
  page: BloombergPage;
  complete: boolean;
}

/** A firm's files of one day on their way into events. */
interface Day {
  batch: Batch;
  parsed: (Parsed & { file: DropFile })[];
  /** Files that were archived before and owe parts that may have come now. */
  owing: (Parsed & { file: DropFile })[];
  surroundings: Surroundings;
  /** The owed parts by the keys of their events. */
  owed: Map<string, Owed>;
  /** Files that are marked as read with the batch. */
  done: DropFile[];
  refused: BloombergPage;
}

/** Reads a firm's day: parses all of it first, and hands over events only of files that are whole. */
export async function* readBatch(batch: Batch, context: BatchContext): AsyncGenerator<BatchPage> {
  if (batch.files.length === 0) return;
  const day = await openDay(batch, context);
  if (mayStillCome(day, context)) {
    context.log.info("Parts of a day are not there yet, and it is left for a later run.", { group: batch.group });
    if (day.refused.gaps?.length) yield { page: day.refused, complete: true };
    return;
  }
  const writer = new PageWriter();
  for (const parsed of day.parsed) yield* newEvents(parsed, day, writer);
  for (const parsed of day.owing) yield* mendedEvents(parsed, day, writer);
  yield* unreferenced(day, writer);
  yield { page: closing(day, writer.take(), context), complete: true };
}

async function openDay(batch: Batch, context: BatchContext): Promise<Day> {
  const attachments = new AttachmentIndex(context.blobs, context.spool);
  const day: Day = {
    batch,
    parsed: [],
    owing: [],
    owed: owedParts(batch.group, context.followUps),
    done: [],
    refused: { events: [], gaps: [] },
    surroundings: { group: batch.group, attachments, disclaimers: new Map(), history: context.settings.history },
  };
  for (const file of batch.files) await openFile(file, day, context);
  dropOlderFormat(day, context);
  const needsEarlier = day.parsed.length > 0 || day.owed.size > 0;
  if (needsEarlier) for (const { path, verify } of batch.earlier) await openEarlier({ path, verify }, day, context);
  for (const { disclaimers } of [...day.owing, ...day.parsed])
    for (const [id, text] of disclaimers) day.surroundings.disclaimers.set(id, text);
  return day;
}

function owedParts(group: string, followUps: FollowUp[]): Map<string, Owed> {
  const owed = new Map<string, Owed>();
  for (const { id, data } of followUps) {
    const parsed = Owed.safeParse(data);
    if (parsed.success && parsed.data.group === group) owed.set(id.replace(/^owed:/, ""), parsed.data);
  }
  return owed;
}

async function openFile(file: DropFile, day: Day, { spool }: BatchContext): Promise<void> {
  const kind = parseName(file.path)?.kind;
  try {
    if (kind === "attachments") await day.surroundings.attachments.add(file, file.sameAs === undefined);
    else if (kind === "disclaimers") await addDisclaimers(file, day, spool);
    else if (kind && file.sameAs === undefined) day.parsed.push({ ...(await parse(file, kind, spool)), file });
    day.done.push(file);
  } catch (error) {
    if (!(error instanceof FileProblem)) throw error;
    (day.refused.gaps ??= []).push(refusalGap(day.batch.refuse(file.path, error)));
  }
}

async function addDisclaimers(file: DropFile, { surroundings }: Day, spool: Spool): Promise<void> {
  const { disclaimers } = await parse(file, "mail", spool);
  for (const [id, text] of disclaimers) surroundings.disclaimers.set(id, text);
}

/** Both formats hold the same chats; the newer one says more. */
function dropOlderFormat(day: Day, { log }: BatchContext): void {
  const formats = new Set(day.parsed.map(({ file }) => parseName(file.path)?.format));
  if (!formats.has("ib19") || !formats.has("ib")) return;
  log.info("The day's chats came in both formats, and the newer is read.", { group: day.batch.group });
  day.parsed = day.parsed.filter(({ file }) => parseName(file.path)?.format !== "ib");
}

async function openEarlier(
  { path, verify }: Batch["earlier"][number],
  day: Day,
  { spool }: BatchContext,
): Promise<void> {
  const kind = parseName(path)?.kind;
  if (!kind || ((kind === "mail" || kind === "chat") && day.owed.size === 0)) return;
  try {
    const file = await verify();
    if (kind === "attachments") await day.surroundings.attachments.add(file, false);
    else if (kind === "disclaimers") await addDisclaimers(file, day, spool);
    else day.owing.push({ ...(await parse(file, kind, spool)), file });
  } catch (error) {
    // It was believed once, and its events are archived; that it cannot be read again costs only what is owed to them.
    if (!(error instanceof FileProblem)) throw error;
  }
}

/** Whether something that the files refer to is missing and the time of grace is not over. */
function mayStillCome({ batch, parsed, surroundings }: Day, { settings, startedAt }: BatchContext): boolean {
  if (startedAt.getTime() - Date.parse(batch.since) >= settings.completion.graceHours * 3_600_000) return false;
  const { attachments, disclaimers } = surroundings;
  const lacks = parsed.some(
    ({ files, disclaimerReferences, nextFile }) =>
      [...files].some((name) => !attachments.find(name)) ||
      [...disclaimerReferences].some((id) => id !== "" && !disclaimers.has(id)) ||
      (nextFile !== undefined && !isHere(nextFile, batch)),
  );
  const hasMessages = [...batch.files, ...batch.earlier].some(({ path }) =>
    /^(mail|chat)$/.test(parseName(path)?.kind ?? ""),
  );
  return lacks || (!hasMessages && attachments.unused().length > 0);
}

function isHere(nextFile: string, { files, earlier }: Batch): boolean {
  const { name } = unwrapName(nextFile);
  return [...files, ...earlier].some(({ path }) => unwrapName(path).name === name);
}

function eventsOf(parsed: Parsed, surroundings: Surroundings): AsyncGenerator<Resolved[]> {
  return parsed.kind === "chat" ? chatEvents(parsed, surroundings) : mailEvents(parsed, surroundings);
}

async function* newEvents(
  parsed: Parsed & { file: DropFile },
  day: Day,
  writer: PageWriter,
): AsyncGenerator<BatchPage> {
  const { file } = parsed;
  const claim = `file:${file.path}@${file.sha256.slice(0, 12)}`;
  let events = 0;
  for await (const some of eventsOf(parsed, day.surroundings)) {
    for (const resolved of some) {
      events += 1;
      resolved.event.claim = claim;
      // The source delivered the file again with other content: a message in it may be another than the one archived.
      if (file.revision > 1 && parsed.kind === "mail") resolved.event.version ??= `reissue-${file.sha256.slice(0, 12)}`;
      const page = writer.add(resolved, day.batch.group);
      if (page) yield { page, complete: false };
    }
  }
  const page = writer.take();
  page.claims = [{ id: claim, events: parsed.events }];
  const excluded = parsed.events - events;
  if (excluded > 0) {
    page.exclusions = [
      {
        id: `history:${claim}`,
        reason: "The settings exclude messages that are repeated for someone who looked back.",
        events: excluded,
        claim,
      },
    ];
  }
  yield { page, complete: false };
}

async function* mendedEvents(parsed: Parsed, day: Day, writer: PageWriter): AsyncGenerator<BatchPage> {
  const arrived = digestOf(...day.done.map(({ sha256 }) => sha256)).slice(0, 12);
  for await (const some of eventsOf(parsed, day.surroundings)) {
    for (const resolved of some) {
      const before = day.owed.get(resolved.event.key);
      if (!before || !isMoreComplete(resolved, before)) continue;
      resolved.event.version = `completed-${arrived}`;
      const page = writer.mend(resolved, before);
      if (page) yield { page, complete: false };
    }
  }
}

function isMoreComplete({ missing }: Resolved, before: Owed): boolean {
  return (
    missing.files.length < before.files.length || (before.disclaimer !== undefined && missing.disclaimer === undefined)
  );
}

/** Files that came with the day and no message refers to are archived for themselves: nothing that came is dropped. */
async function* unreferenced({ surroundings, batch, refused }: Day, writer: PageWriter): AsyncGenerator<BatchPage> {
  if (batch.refused.length > 0 || refused.gaps?.length) return;
  const day = batch.group.split(".")[1];
  for (const { name, archive, blob } of surroundings.attachments.unused()) {
    const key = `file:${batch.group}:${digestOf(name, blob.sha256)}`;
    const event: Resolved["event"] = {
      type: "Other",
      key,
      occurredAt: `${day}T00:00:00.000Z`,
      data: { "#element": "UnreferencedFile", FileName: name, Archive: archive },
      attachments: [{ id: name, name: name.slice(name.lastIndexOf("/") + 1), blob }],
    };
    const page = writer.add({ event, contexts: [], missing: { files: [] } }, batch.group);
    if (page) yield { page, complete: false };
  }
}

/** The last page: with it the day's files count as read. */
function closing(
  { batch, done, parsed, refused }: Day,
  page: BloombergPage,
  { ledger, startedAt }: BatchContext,
): BloombergPage {
  const closed = [...(page.closed ?? [])];
  const gaps = [...(page.gaps ?? []), ...(refused.gaps ?? [])];
  for (const file of done) closed.push(...markRead(ledger, file, startedAt));
  for (const { nextFile, file } of parsed) {
    if (nextFile === undefined || isHere(nextFile, batch)) continue;
    if (noteAbsent(ledger, nextFile, startedAt)) gaps.push(absenceGap(nextFile, file.name));
  }
  return { ...page, gaps, closed };
}
