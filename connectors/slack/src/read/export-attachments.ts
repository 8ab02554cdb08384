import type { FollowUp } from "@hansard/core";
import { File } from "../schema.ts";
import { attachFiles, describedFiles, type Fetched, fileGap, type MissingFile, missingFile } from "./attachments.ts";
import { download, type FileTransport, isSlackHost, leadsElsewhere, tooLarge, whyNotFetched } from "./download.ts";
import type { UnitContext, UnitReading } from "./element-reading.ts";
import type { SlackEvent } from "./events.ts";
import { deletedFiles, fileDeletion } from "./file-deletions.ts";
import { DamagedFileError, type ExportFiles, type Member } from "./export-files.ts";
import { fileFollowUp, lateFileEvent, oweAgain, OwedFile, oweFile, ownerOf } from "./late-files.ts";
import { isTimestamp, secondsOf } from "./timestamp.ts";

/** Files inside the export, and the way to those that it links to. */
export interface FileSource extends FileTransport {
  files: ExportFiles;
  uploads: Map<string, Member>;
  /** Host → how often it could not be reached in this run. */
  unreachable: Map<string, number>;
}

/** After so many failures a host is not asked again in this run: an archive without a network must not wait for one. */
const FAILURES_UNTIL_GIVEN_UP = 2;
const REMEDY =
  "Make a new export and archive it at once, since the links in an export end with it; or download the file by hand before it is deleted.";

/** Fetches the files of an event that is new. */
export async function addFiles(reading: UnitReading, event: SlackEvent): Promise<void> {
  const { files, page, unit } = reading;
  const missing = await attachFiles(event, { fetch: (file) => fetchFromExport(file, files), remedy: REMEDY });
  for (const file of missing) declareMissing(reading, event, file);
  const still = new Set(missing.map(({ gap }) => gap.id));
  // An edit brings what was missing of the version before it.
  for (const { id } of event.attachments ?? []) {
    const gap = fileGap(event.key, id);
    if (!unit.missing.has(gap) || still.has(gap)) continue;
    page.close([gap]);
    page.settle(fileFollowUp(event.key, id));
  }
}

/** An export that is read again may have what was missing of an event that is known. What is not missing is not fetched again. */
export async function addLateFiles(reading: UnitReading, event: SlackEvent): Promise<void> {
  const { files, page, unit, startedAt } = reading;
  const deleted = deletedFiles(event.data);
  for (const [id, described] of describedFiles(event)) {
    const gap = fileGap(event.key, id);
    if (!unit.missing.has(gap)) {
      if (deleted.includes(id)) page.add({ ...fileDeletion(event, id, startedAt), ...contextOf(event) }, 0);
      continue;
    }
    const fetched = await fetchFromExport(File.parse(described), files);
    if ("unavailable" in fetched) {
      declareMissing(reading, event, missingFile(event, described, fetched, REMEDY));
      continue;
    }
    page.add({ ...lateFileEvent(ownerOf(event), described, fetched, startedAt), ...contextOf(event) }, 0);
    page.close([gap]);
    page.settle(fileFollowUp(event.key, id));
  }
}

function contextOf({ context }: SlackEvent): Pick<SlackEvent, "context"> {
  return context === undefined ? {} : { context };
}

function declareMissing({ page, unit, startedAt, missing }: UnitReading, event: SlackEvent, file: MissingFile): void {
  page.gap(file.gap);
  missing.push(file.gap.id);
  if (file.mayCome) page.owe(oweFile(event, file, startedAt, unit.name));
  else page.settle(fileFollowUp(event.key, file.id));
}

/** Asks again for a file that is owed, unless this run has met its message already. */
export async function retryFile(
  { files, page, surroundings, startedAt, conversation }: UnitContext,
  followUp: FollowUp,
): Promise<void> {
  const { data: owed } = OwedFile.safeParse(followUp.data);
  if (!owed || page.knows(followUp.id)) return;
  const file = File.parse(owed.file);
  const fetched = await fetchFromExport(file, files);
  if ("unavailable" in fetched) {
    const again = fetched.mayCome ? oweAgain(followUp, owed, startedAt) : undefined;
    if (again) page.owe(again);
    else page.settle(followUp.id);
    return;
  }
  const ts = owed.key.slice(conversation.length + 1);
  const context = surroundings(isTimestamp(ts) ? ts : secondsOf(new Date(owed.occurredAt)));
  page.add({ ...lateFileEvent(owed, owed.file, fetched, startedAt), context }, 0);
  page.settle(followUp.id);
  const gap = fileGap(owed.key, file.id);
  page.close([gap]);
  if (owed.unit !== undefined) page.found(owed.unit, gap);
}

async function fetchFromExport(file: File, source: FileSource): Promise<Fetched> {
  const { settings, unreachable } = source;
  const inside = source.uploads.get(file.id);
  if (inside) return storeInside(inside, source);
  const reason = whyNotFetched(file, settings);
  if (reason) return reason;
  const url = URL.parse(file.url_private_download || file.url_private || "");
  if (!url) return { unavailable: "The export gives no link to it.", mayCome: false };
  if (!isSlackHost(url)) return leadsElsewhere(url);
  const failures = unreachable.get(url.hostname) ?? 0;
  if (failures >= FAILURES_UNTIL_GIVEN_UP)
    return { unavailable: `${url.hostname} could not be reached in this run.`, mayCome: true };
  return download(url, file, source, {
    onUnavailable: () => void unreachable.set(url.hostname, (unreachable.get(url.hostname) ?? 0) + 1),
  });
}

async function storeInside(member: Member, { files, blobs, settings }: FileSource): Promise<Fetched> {
  if (member.size > settings.maxFileBytes) return tooLarge(member.size, settings.maxFileBytes);
  try {
    return { blob: await blobs.put(files.read(member), { maxBytes: settings.maxFileBytes }) };
  } catch (error) {
    if (!(error instanceof DamagedFileError)) throw error;
    return { unavailable: `Its content in the export, ${member.path}, ${error.message}.`, mayCome: false };
  }
}
