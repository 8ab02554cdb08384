import { type BlobReference, type EventAttachment, type Gap, isHansardError, type ReadContext } from "@hansard/core";
import { File, type LiveSettings } from "../../schema.ts";
import { isObject, stringAt } from "../../schema/json.ts";
import { filesOf, isPageInItsPlace, nameOf, whyNotFetched, withoutTokens } from "../attachments.ts";
import type { SlackEvent } from "../events.ts";
import type { LiveSource } from "./live-source.ts";

export interface FileFetching {
  source: LiveSource;
  context: Pick<ReadContext<LiveSettings, unknown>, "settings" | "http" | "blobs" | "log" | "signal">;
}

/** Files of an event that could not be fetched now, and perhaps later. */
export interface FetchedFiles {
  gaps: Gap[];
  later: string[];
}

type Result = { blob: BlobReference } | { unavailable: string; mayCome?: boolean };

const SLOWEST_BYTES_PER_MS = 100;
const REMEDY = "Look at the file in Slack. If it is there, give the app the scope files:read, or raise maxFileBytes.";

/** Fetches the files of an event at once, since links end and files are deleted. */
export async function attachFiles(event: SlackEvent, fetching: FileFetching): Promise<FetchedFiles> {
  const found: FetchedFiles = { gaps: [], later: [] };
  const attachments: EventAttachment[] = [];
  for (const listed of filesOf(event)) {
    const file = await completed(listed, event, fetching);
    const label = { id: file.id, name: nameOf(file), ...(file.mimetype ? { contentType: file.mimetype } : {}) };
    const result = await fetchFile(file, fetching);
    if ("blob" in result) {
      attachments.push({ ...label, blob: result.blob });
      continue;
    }
    attachments.push({ ...label, unavailable: result.unavailable });
    if (result.mayCome) found.later.push(file.id);
    found.gaps.push({
      id: fileGap(event.key, file.id),
      reason: `The file "${label.name}" (${file.id}) of the message ${event.key} is missing: ${result.unavailable}`,
      remedy: REMEDY,
      events: 0,
    });
  }
  if (attachments.length > 0) event.attachments = attachments;
  return found;
}

export function fileGap(key: string, file: string): string {
  return `${key}/${file}`;
}

/** In conversations that are shared between organisations, Slack tells of a file only when it is asked for it. */
async function completed(file: File, { data }: SlackEvent, { source }: FileFetching): Promise<File> {
  const raw = isObject(data) && Array.isArray(data["files"]) ? data["files"] : [];
  const isStub = raw.some(
    (item) => stringAt(item, "id") === file.id && stringAt(item, "file_access") === "check_file_info",
  );
  if (!isStub) return file;
  const whole = File.safeParse(await source.file(file.id));
  return whole.success ? whole.data : file;
}

async function fetchFile(file: File, fetching: FileFetching): Promise<Result> {
  const { context } = fetching;
  if (file.mode === "tombstone") return { unavailable: "It was deleted in Slack before it could be fetched." };
  const reason = whyNotFetched(file, context.settings);
  if (reason) return { unavailable: reason };
  const url = URL.parse(file.url_private_download || file.url_private || "");
  if (!url) return { unavailable: "Slack gives no link to it." };
  if (!isSlack(url, context.settings)) return { unavailable: `Its link leads to ${url.hostname}, which is not Slack.` };
  return download(url, file, fetching);
}

/** Only Slack's own hosts, and the one that the settings name, may see the token. */
function isSlack(url: URL, { apiUrl }: LiveSettings): boolean {
  return (url.protocol === "https:" && /(^|\.)slack\.com$/.test(url.hostname)) || url.origin === new URL(apiUrl).origin;
}

async function download(url: URL, file: File, { source, context }: FileFetching): Promise<Result> {
  const { http, blobs, settings, signal, log } = context;
  const { size } = file;
  try {
    const answer = await http.download(url.href, {
      headers: { authorization: source.api.authorization },
      timeoutMs: 30_000 + Math.ceil((size ?? settings.maxFileBytes) / SLOWEST_BYTES_PER_MS),
      maxBytes: settings.maxFileBytes,
      ...(size === undefined ? {} : { expect: { size } }),
    });
    if (isPageInItsPlace(answer.contentType, file))
      return {
        unavailable: "Slack answered with a page to sign in, as it does without the scope files:read.",
        mayCome: true,
      };
    return { blob: await blobs.put(answer.content, { maxBytes: settings.maxFileBytes }) };
  } catch (error) {
    signal.throwIfAborted();
    if (!isHansardError(error)) throw error;
    log.warn("A file could not be fetched", { file: file.id, kind: error.kind });
    return { unavailable: `It could not be fetched: ${withoutTokens(error.message)}`, mayCome: true };
  }
}
