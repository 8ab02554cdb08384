import type { ReadContext } from "@hansard/core";
import type { ExportCheckpoint, ReadDay, ExportSettings } from "../schema.ts";
import { type FileSource, retryFile } from "./export-attachments.ts";
import { deletion, type KnownMessages, loadKnown, missingFrom } from "./changes.ts";
import { excludeClutter, excludeFile, isExcluded } from "./exclude.ts";
import { draftPages, type PageDraft, type SlackPage } from "./page.ts";
import { SeenMessages } from "./seen-messages.ts";
import { describeSurroundings } from "./surroundings.ts";
import { type Survey, surveyConversation } from "./survey.ts";
import { secondsOf } from "./timestamp.ts";
import { readUnit, type UnitResult } from "./unit.ts";
import { readWholeFile } from "./whole-file.ts";
import type { Unit, UnitContext } from "./element-reading.ts";
import { unnamedUploads, uploadsDigest } from "./unnamed-uploads.ts";
import { isClutter, isRoot, isWholeFile } from "./root-files.ts";
import { workspaceGaps } from "./workspace-gaps.ts";
import type { Catalogue, ConversationFiles } from "./workspaces.ts";

/** Above this, the context of a conversation names only the people who occur in it. */
const PEOPLE_IN_EVERY_CONTEXT = 1000;
/** Stands in the checkpoint as a unit does. */
const UPLOADS = "uploads";

export interface ConversationReading {
  place: ConversationFiles;
  catalogue: Catalogue;
  files: FileSource;
  read: ReadContext<ExportSettings, ExportCheckpoint>;
}

interface Progress extends ConversationReading {
  page: PageDraft;
  context: UnitContext;
  survey: Survey;
  /** Days as the checkpoint has them: what an earlier run read. */
  before: Record<string, ReadDay>;
  /** Timestamp of a message that is gone → the claim of its deletion. */
  missing: Map<string, string>;
  /** Days that are finished once the deletions are in the journal. */
  finished: [string, ReadDay][];
  /** Days that the export no longer has. */
  lost: string[];
  lastSeen: UnitResult["seen"];
}

/** Reads the days of a conversation that are new, or not the same as last time. */
export async function* readConversation(reading: ConversationReading): AsyncGenerator<SlackPage> {
  const progress = await prepare(reading);
  const { page, place, read } = progress;
  for (const [name, sources] of place.units) {
    read.signal.throwIfAborted();
    yield* readUnitIfChanged(progress, name, sources);
    if (page.isFull) yield* take(page);
  }
  yield* readUnnamedUploads(progress);
  await findLostUnits(progress);
  yield* declareDeletions(progress);
  for (const [name, day] of progress.finished) page.finish(name, day);
  for (const name of progress.lost) page.forget(name);
  yield* retryFiles(progress);
  yield* take(page, { last: true });
}

async function* readUnnamedUploads(progress: Progress): AsyncGenerator<SlackPage> {
  const { place, catalogue, files, read, page, context, before } = progress;
  if (!isRoot(place) || catalogue.uploads.size === 0 || isExcluded(read.settings, place)) return;
  const sha256 = uploadsDigest(catalogue);
  if (before[UPLOADS]?.sha256 === sha256) return;
  for (const unit of await unnamedUploads(files.files, catalogue, read.signal)) {
    await readWholeFile(unit, context);
    if (page.isFull) yield* take(page);
  }
  page.finish(UPLOADS, { sha256 });
}

async function* retryFiles({ read, place, page, context }: Progress): AsyncGenerator<SlackPage> {
  if (isExcluded(read.settings, place) || !read.settings.downloadFiles) return;
  for (const followUp of read.followUps) {
    await retryFile(context, followUp);
    if (page.isFull) yield* take(page);
  }
}

async function prepare(reading: ConversationReading): Promise<Progress> {
  const { place, catalogue, files, read } = reading;
  const many = Object.keys(place.workspace.people).length > PEOPLE_IN_EVERY_CONTEXT;
  const survey = await surveyConversation(files.files, place, many, read.signal);
  const page = draftPages(read.checkpoint, workspaceGaps(catalogue, place));
  const surroundings = describeSurroundings(place, survey, page);
  const context = { conversation: place.conversation.id, startedAt: read.startedAt, page, files, surroundings };
  const before = read.checkpoint?.days ?? {};
  return {
    ...reading,
    page,
    context,
    survey,
    before,
    missing: new Map(),
    finished: [],
    lost: [],
    lastSeen: new SeenMessages(),
  };
}

async function* readUnitIfChanged(
  progress: Progress,
  name: string,
  sources: Unit["sources"],
): AsyncGenerator<SlackPage> {
  const { place, read, page, context, survey } = progress;
  const before = progress.before[name];
  const excluded = isExcluded(read.settings, place);
  const sha256 = survey.sha256.get(name) ?? "";
  if (before?.sha256 === sha256 && (excluded || !before.excluded)) return;
  const claimSuffix = before ? `@${sha256.slice(0, 8)}` : "";
  if (excluded) {
    for (const source of sources) await excludeFile(source, claimSuffix, place, context);
    page.finish(name, { sha256, excluded: true });
    return;
  }
  if (isClutter(place, name)) {
    excludeClutter(sources, claimSuffix, page);
    page.finish(name, { sha256 });
    return;
  }
  const known: KnownMessages =
    before && !before.excluded
      ? await loadKnown((range) => read.captured(range), place.conversation.id, { ...before, name })
      : new Map();
  const unit: Unit = { name, sources, claimSuffix, before, known, missing: new Set(before?.missing) };
  if (isWholeFile(place, name)) {
    compareWithKnown(progress, unit, sha256, await readWholeFile(unit, context));
    return;
  }
  const steps = readUnit(unit, context);
  let step = await steps.next();
  for (; !step.done; step = await steps.next()) yield* take(page);
  compareWithKnown(progress, unit, sha256, step.value);
}

function compareWithKnown(progress: Progress, unit: Unit, sha256: string, { seen, day }: UnitResult): void {
  const { page, missing, finished, lastSeen } = progress;
  const claim = `${unit.sources[0]?.label}${unit.claimSuffix}#deleted`;
  for (const ts of missing.keys()) if (seen.has(ts)) missing.delete(ts);
  for (const ts of missingFrom(unit.known, (ts) => seen.has(ts) || lastSeen.has(ts))) missing.set(ts, claim);
  page.close((unit.before?.gaps ?? []).filter((gap) => !day.gaps?.includes(gap)));
  // The checkpoint must not say that a day is done while its deletions are not in the journal.
  if (missing.size > 0) finished.push([unit.name, { sha256, ...day }]);
  else page.finish(unit.name, { sha256, ...day });
  progress.lastSeen = seen;
}

/**
 * A day of which no message is left has no file. It counts as deleted only between the first and the last day of the
 * export, since an export may cover a shorter time than the one before.
 */
async function findLostUnits({ place, catalogue, read, before, missing, lost }: Progress): Promise<void> {
  const { firstDay = "", lastDay = "" } = catalogue;
  for (const [name, day] of Object.entries(before)) {
    if (place.units.has(name) || name <= firstDay || name >= lastDay) continue;
    const known = await loadKnown((range) => read.captured(range), place.conversation.id, { ...day, name });
    for (const ts of missingFrom(known, () => false))
      missing.set(ts, `${place.workspace.label}/${place.conversation.id}/${name}.json#deleted`);
    lost.push(name);
  }
}

async function* declareDeletions({
  page,
  place,
  read,
  before,
  survey,
  missing,
  context,
}: Progress): AsyncGenerator<SlackPage> {
  const unchanged = Object.entries(before).flatMap(([name, day]) =>
    survey.sha256.get(name) === day.sha256 ? [day] : [],
  );
  const counts = new Map<string, number>();
  for (const [ts, claim] of missing) {
    // It stands in a day that was not read again, because that did not change.
    if (unchanged.some(({ first, last }) => first !== undefined && last !== undefined && first <= ts && ts <= last))
      continue;
    const events = (counts.get(claim) ?? 0) + 1;
    counts.set(claim, events);
    const event = deletion(place.conversation.id, ts, read.startedAt);
    page.claim({ id: claim, events });
    page.add({ ...event, claim, context: context.surroundings(secondsOf(read.startedAt)) }, 0);
    if (page.isFull) yield* take(page);
  }
}

function* take(page: PageDraft, options?: { last?: boolean }): Generator<SlackPage> {
  const taken = page.take(options);
  if (taken) yield taken;
}
