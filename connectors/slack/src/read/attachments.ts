import {
  type EventAttachment,
  type Gap,
  type HttpClient,
  isHansardError,
  type BlobWriter,
  type Logger,
} from "@hansard/core";
import { File, type Settings } from "../schema.ts";
import { isObject, stringAt } from "../schema/json.ts";
import { documentIn, type SlackEvent } from "./events.ts";
import { DamagedFileError, type ExportFiles, type Member } from "./export-files.ts";

/** What fetching needs, shared by all partitions of a run. */
export interface FileSource {
  settings: Pick<Settings, "downloadFiles" | "maxFileBytes">;
  http: HttpClient;
  blobs: BlobWriter;
  log: Logger;
  signal: AbortSignal;
  files: ExportFiles;
  uploads: Map<string, Member>;
  /** Host → how often it could not be reached in this run. */
  unreachable: Map<string, number>;
}

/** After so many failures a host is not asked again in this run: an archive without a network must not wait for one. */
const FAILURES_UNTIL_GIVEN_UP = 2;
const SLOWEST_BYTES_PER_MS = 100;
const LONGEST_WAIT_MS = 60_000;
const TRIES = 3;
const REMEDY =
  "Make a new export and archive it at once, since the links in an export end with it; or download the file by hand before it is deleted.";

/** Fetches the files of an event, and declares a gap for each that cannot be had. */
export async function addAttachments(event: SlackEvent, source: FileSource): Promise<Gap[]> {
  const gaps: Gap[] = [];
  const attachments: EventAttachment[] = [];
  for (const file of filesOf(event)) {
    const label = { id: file.id, name: nameOf(file), ...(file.mimetype ? { contentType: file.mimetype } : {}) };
    const result = await fetchFile(file, source);
    if (typeof result === "string") {
      attachments.push({ ...label, unavailable: result });
      gaps.push({
        id: `${event.key}/${file.id}`,
        reason: `The file "${label.name}" (${file.id}) of the message ${event.key} is missing: ${result}`,
        remedy: REMEDY,
        events: 0,
      });
    } else {
      attachments.push({ ...label, blob: result });
    }
  }
  if (attachments.length > 0) event.attachments = attachments;
  return gaps;
}

/** A comment names the file that was shared before it; that one was captured with its share. */
export function filesOf({ type, data }: SlackEvent): File[] {
  if (!isObject(data) || type === "FileComment") return [];
  const listed = [
    ...(Array.isArray(data["files"]) ? data["files"] : []),
    data["file"],
    ...(documentIn(data) === undefined ? [] : [data]),
  ];
  const files = new Map<string, File>();
  for (const item of listed) {
    const parsed = isObject(item) && stringAt(item, "id") ? File.safeParse(item) : undefined;
    if (parsed?.success && !files.has(parsed.data.id)) files.set(parsed.data.id, parsed.data);
  }
  return [...files.values()];
}

export function nameOf({ id, name, title }: File): string {
  return name || title || id;
}

async function fetchFile(file: File, source: FileSource): Promise<Awaited<ReturnType<BlobWriter["put"]>> | string> {
  const inside = source.uploads.get(file.id);
  if (inside) return storeInside(inside, source);
  const reason = whyNotFetched(file, source.settings);
  if (reason) return reason;
  const url = URL.parse(file.url_private_download || file.url_private || "");
  if (!url) return "The export gives no link to it.";
  if (url.protocol !== "https:" || !/(^|\.)slack\.com$/.test(url.hostname))
    return `Its link leads to ${url.hostname}, which is not Slack.`;
  if ((source.unreachable.get(url.hostname) ?? 0) >= FAILURES_UNTIL_GIVEN_UP)
    return `${url.hostname} could not be reached in this run.`;
  return download(url, file, source, TRIES);
}

/** Why a file is not asked for at all. */
export function whyNotFetched(
  { mode, size, external_type }: File,
  { downloadFiles, maxFileBytes }: Pick<Settings, "downloadFiles" | "maxFileBytes">,
): string | undefined {
  if (mode === "tombstone") return "It was deleted in Slack before the export was made.";
  if (mode === "hidden_by_limit") return "Slack hides it because the workspace is over the limit of its plan.";
  if (mode === "external" || external_type)
    return `It is kept outside Slack (${external_type || "external"}); only the link to it was shared.`;
  if (size !== undefined && size > maxFileBytes) return `It has ${size} bytes, and the settings allow ${maxFileBytes}.`;
  if (!downloadFiles) return "The settings say not to download files.";
  return undefined;
}

/** A canvas comes as HTML as well: it is told from a page to sign in by the length that Slack states, which the transport checks. */
export function isPageInItsPlace(contentType: string, { mimetype, filetype, size }: File): boolean {
  const isDocument = mimetype === "application/vnd.slack-docs" || filetype === "quip" || filetype === "canvas";
  return contentType === "text/html" && mimetype !== "text/html" && !(isDocument && size !== undefined);
}

async function storeInside(
  member: Member,
  { files, blobs, settings }: FileSource,
): Promise<Awaited<ReturnType<BlobWriter["put"]>> | string> {
  if (member.size > settings.maxFileBytes)
    return `It has ${member.size} bytes, and the settings allow ${settings.maxFileBytes}.`;
  try {
    return await blobs.put(files.read(member), { maxBytes: settings.maxFileBytes });
  } catch (error) {
    if (!(error instanceof DamagedFileError)) throw error;
    return `Its content in the export, ${member.path}, ${error.message}.`;
  }
}

async function download(
  url: URL,
  file: File,
  source: FileSource,
  triesLeft: number,
): Promise<Awaited<ReturnType<BlobWriter["put"]>> | string> {
  const { http, blobs, settings, signal, log } = source;
  const size = file.size;
  try {
    const answer = await http.download(url.href, {
      timeoutMs: 30_000 + Math.ceil((size ?? settings.maxFileBytes) / SLOWEST_BYTES_PER_MS),
      maxBytes: settings.maxFileBytes,
      ...(size === undefined ? {} : { expect: { size } }),
    });
    if (isPageInItsPlace(answer.contentType, file))
      return "Slack answered with a page in its place, as it does when the link has ended.";
    return await blobs.put(answer.content, { maxBytes: settings.maxFileBytes });
  } catch (error) {
    signal.throwIfAborted();
    if (!isHansardError(error)) throw error;
    if (isHansardError(error, "rate-limited") && triesLeft > 0) {
      await waitUntil(error, signal);
      return download(url, file, source, triesLeft - 1);
    }
    if (error.kind === "unavailable")
      source.unreachable.set(url.hostname, (source.unreachable.get(url.hostname) ?? 0) + 1);
    log.warn("A file could not be fetched", { file: file.id, kind: error.kind });
    return `It could not be fetched from ${url.hostname}: ${withoutTokens(error.message)}`;
  }
}

async function waitUntil(error: Error, signal: AbortSignal): Promise<void> {
  const at = "retryAt" in error && error.retryAt instanceof Date ? error.retryAt.getTime() : 0;
  const waitMs = Math.max(0, Math.min(at - Date.now(), LONGEST_WAIT_MS));
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, waitMs);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
  signal.throwIfAborted();
}

/** Links of an export carry the export's token. It must not stand in a reason that people read. */
export function withoutTokens(message: string): string {
  return message.replaceAll(/xox[a-z]+-[\w-]+/gi, "[secret]").replaceAll(/([?&]t=)[^&\s"']+/g, "$1[secret]");
}
