import { type Finding, type Gap, type Json, isHansardError } from "@hansard/core";
import { z } from "zod";
import type { Archive, Checkpoint } from "../schema.ts";
import { Manifest } from "../schema/archive.ts";
import { type ArchiveFile, type ArchiveItem, eventsOf, isRead } from "./archive-items.ts";
import { type Gathered, type Pages, type TwitterReadContext, gather } from "./context.ts";
import { type Zip, damaged, openZip } from "./zip.ts";

const PAGE_ITEMS = 200;

/** A downloaded account archive, file by file as its manifest names them, each checked against the manifest's count. */
export async function* readArchive(context: TwitterReadContext, archive: Archive): Pages {
  const zip = await openZip(archive.path);
  try {
    const manifest = await manifestOf(zip, archive);
    const generated = manifest.archiveInfo.generationDate;
    // Another archive under the same name is read from its start.
    const start: Checkpoint =
      context.checkpoint?.mark === generated ? context.checkpoint : { mark: generated, file: 0, item: 0 };
    const files = filesOf(manifest);
    for (const [index, file] of files.entries()) {
      if (index < (start.file ?? 0)) continue;
      yield* readFile(context, archive, zip, file, {
        mark: generated,
        file: index,
        item: index === start.file ? (start.item ?? 0) : 0,
      });
    }
    if ((start.file ?? 0) < files.length)
      yield {
        ...gather(),
        gaps: partialGap(archive, manifest),
        checkpoint: { mark: generated, file: files.length, item: 0 },
      };
  } finally {
    zip.close();
  }
}

/** Whether an archive is there and belongs to the account, without reading it. */
export async function zipFinding(archive: Archive): Promise<Finding> {
  try {
    const zip = await openZip(archive.path);
    try {
      const { userInfo, archiveInfo, dataTypes } = await manifestOf(zip, archive);
      const posts = dataTypes["tweets"]?.files.reduce((sum, { count }) => sum + count, 0) ?? 0;
      return {
        level: "ok",
        message: `The archive ${archive.path} of @${userInfo.userName} was made at ${archiveInfo.generationDate} and holds ${posts} posts. Reading it costs nothing.`,
      };
    } finally {
      zip.close();
    }
  } catch (error) {
    if (!isHansardError(error)) throw error;
    return { level: "error", message: error.message, ...(error.remedy !== undefined && { remedy: error.remedy }) };
  }
}

async function manifestOf(zip: Zip, { path, accountId }: Archive): Promise<Manifest> {
  const manifest = parseScript(await zip.text("data/manifest.js"), "__THAR_CONFIG", path, "data/manifest.js", Manifest);
  if (manifest.userInfo.accountId === accountId) return manifest;
  throw damaged(
    path,
    "data/manifest.js",
    new Error(`It belongs to account ${manifest.userInfo.accountId} and not to ${accountId}.`),
  );
}

function filesOf({ userInfo, dataTypes }: Manifest): ArchiveFile[] {
  return Object.entries(dataTypes).flatMap(([kind, { mediaDirectory, files }]) =>
    isRead(kind)
      ? files.map(({ fileName, globalName, count }) => ({
          kind,
          name: fileName,
          globalName,
          count,
          mediaDirectory: mediaDirectory ?? `data/${kind.replaceAll("-", "_")}_media`,
          owner: { id: userInfo.accountId, username: userInfo.userName, name: userInfo.displayName },
        }))
      : [],
  );
}

async function* readFile(
  context: TwitterReadContext,
  archive: Archive,
  zip: Zip,
  file: ArchiveFile,
  start: Checkpoint & { file: number; item: number },
): Pages {
  const items = parseScript(await zip.text(file.name), file.globalName, archive.path, file.name, z.array(z.json()));
  const claim = `archive:${start.mark ?? ""}:${archive.accountId}:${file.name}`;
  const read = items.map((item) => understand(file, item));
  const claimed = read.reduce((sum, found) => sum + (found?.length ?? 1), missing(file, items));
  for (let from = start.item; from < items.length || from === 0; from += PAGE_ITEMS) {
    const page = gather();
    for (const [index, found] of read.slice(from, from + PAGE_ITEMS).entries()) {
      if (found) await addItem(context, zip, file, found, claim, page);
      else page.gaps.push(unreadGap(archive, file, from + index, claim));
    }
    const end = from + PAGE_ITEMS >= items.length;
    const checkpoint = end ? { ...start, file: start.file + 1, item: 0 } : { ...start, item: from + PAGE_ITEMS };
    const gaps = [...page.gaps, ...countGap(archive, file, items, claim)];
    yield { ...page, claims: [{ id: claim, events: claimed }], gaps, checkpoint };
    if (end) return;
  }
}

/** The events of one item; undefined where it cannot be told what it is or when it was. */
function understand(file: ArchiveFile, item: Json): ArchiveItem[] | undefined {
  try {
    return eventsOf(file, item);
  } catch {
    return undefined;
  }
}

function unreadGap({ path }: Archive, file: ArchiveFile, index: number, claim: string): Gap {
  return {
    id: `${claim}:${index}`,
    reason: `The item ${index + 1} of ${file.name} in ${path} is not of the known form.`,
    remedy: "Look for a newer version of the connector, and read the archive again with it.",
    events: 1,
    claim,
  };
}

async function addItem(
  context: TwitterReadContext,
  zip: Zip,
  file: ArchiveFile,
  found: ArchiveItem[],
  claim: string,
  page: Gathered,
): Promise<void> {
  for (const { event, contexts, mediaOf } of found) {
    Object.assign(page.contexts, contexts);
    const names = mediaOf === undefined ? [] : zip.filesOf(file.mediaDirectory, mediaOf);
    const attachments = [];
    for (const name of names) {
      const blob = await context.blobs.put(zip.content(name));
      const label = name.slice(name.lastIndexOf("/") + 1);
      const contentType = CONTENT_TYPES[label.slice(label.lastIndexOf(".") + 1).toLowerCase()];
      attachments.push({ id: label, name: label, ...(contentType !== undefined && { contentType }), blob });
    }
    page.events.push({ ...event, claim, ...(attachments.length > 0 && { attachments }) });
  }
}

const CONTENT_TYPES: Record<string, string> = {
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  gif: "image/gif",
  webp: "image/webp",
  mp4: "video/mp4",
};

function missing({ count }: ArchiveFile, items: Json[]): number {
  return Math.max(0, count - items.length);
}

function countGap({ path }: Archive, file: ArchiveFile, items: Json[], claim: string) {
  if (file.count === items.length) return [];
  return [
    {
      id: claim,
      reason: `The manifest of ${path} counts ${file.count} items in ${file.name}, which holds ${items.length}.`,
      remedy: "Download the archive from X again.",
      events: missing(file, items),
      claim,
    },
  ];
}

function partialGap({ path, accountId }: Archive, { archiveInfo }: Manifest) {
  if (!archiveInfo.isPartialArchive) return [];
  const reason = `The archive ${path} says that it is only a part of the account's data.`;
  return [
    {
      id: `archive:${archiveInfo.generationDate}:${accountId}:partial`,
      reason,
      remedy: "Ask X for the whole archive and import that.",
      events: 1,
    },
  ];
}

/** Each file is a script that assigns JSON to a name of its own: another name is another file's content. */
function parseScript<Schema extends z.ZodType>(
  text: string,
  globalName: string,
  path: string,
  name: string,
  schema: Schema,
): z.output<Schema> {
  const assigned = /^\s*window\.([\w.]+)\s*=\s*/.exec(text);
  const expected = globalName.replace(/^window\./, "");
  if (!assigned || assigned[1] !== expected)
    throw damaged(path, name, new Error(`It does not begin with an assignment to ${expected}.`));
  try {
    return schema.parse(JSON.parse(text.slice(assigned[0].length).replace(/;\s*$/, "")));
  } catch (cause) {
    throw damaged(path, name, cause);
  }
}
