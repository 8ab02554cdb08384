import { setTimeout as sleep } from "node:timers/promises";
import { type BlobWriter, type HttpClient, isHansardError, type Logger, type Secret } from "@hansard/core";
import type { File, Settings } from "../schema.ts";
import type { Fetched, Unavailable } from "./attachments.ts";

/** What fetching needs, shared by all partitions of a run. */
export interface FileTransport {
  settings: Pick<Settings, "downloadFiles" | "maxFileBytes">;
  http: HttpClient;
  blobs: BlobWriter;
  log: Logger;
  signal: AbortSignal;
}

const SLOWEST_BYTES_PER_MS = 100;
const LONGEST_WAIT_MS = 60_000;
const TRIES = 3;

/** Why a file is not asked for at all. */
export function whyNotFetched(
  { mode, size, external_type }: File,
  { downloadFiles, maxFileBytes }: FileTransport["settings"],
): Unavailable | undefined {
  if (mode === "tombstone")
    return { unavailable: "It was deleted in Slack before it could be fetched.", mayCome: false };
  if (mode === "hidden_by_limit")
    return { unavailable: "Slack hides it because the workspace is over the limit of its plan.", mayCome: true };
  if (mode === "external" || external_type) {
    const where = external_type || "external";
    return { unavailable: `It is kept outside Slack (${where}); only the link to it was shared.`, mayCome: false };
  }
  if (size !== undefined && size > maxFileBytes) return tooLarge(size, maxFileBytes);
  if (!downloadFiles) return { unavailable: "The settings say not to download files.", mayCome: false };
  return undefined;
}

/** The settings may allow it some day. */
export function tooLarge(size: number, maxFileBytes: number): Unavailable {
  return { unavailable: `It has ${size} bytes, and the settings allow ${maxFileBytes}.`, mayCome: true };
}

export function leadsElsewhere(url: URL): Unavailable {
  return { unavailable: `Its link leads to ${url.hostname}, which is not Slack.`, mayCome: false };
}

export function isSlackHost({ protocol, hostname }: URL): boolean {
  return protocol === "https:" && /(^|\.)slack\.com$/.test(hostname);
}

/** Streams a file from Slack to the journal. Whatever keeps it from coming may pass. */
export async function download(
  url: URL,
  file: File,
  transport: FileTransport,
  { authorization, onUnavailable }: { authorization?: Secret; onUnavailable?: () => void } = {},
): Promise<Fetched> {
  const { http, blobs, settings, signal, log } = transport;
  const { size } = file;
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await http.download(url.href, {
        ...(authorization && { headers: { authorization } }),
        timeoutMs: 30_000 + Math.ceil((size ?? settings.maxFileBytes) / SLOWEST_BYTES_PER_MS),
        maxBytes: settings.maxFileBytes,
        ...(size === undefined ? {} : { expect: { size } }),
      });
      if (isPageInItsPlace(answer.contentType, file)) return { unavailable: PAGE, mayCome: true };
      return { blob: await blobs.put(answer.content, { maxBytes: settings.maxFileBytes }) };
    } catch (error) {
      signal.throwIfAborted();
      if (!isHansardError(error)) throw error;
      if (isHansardError(error, "rate-limited") && tries <= TRIES) {
        await waitUntil(error, signal);
        continue;
      }
      if (error.kind === "unavailable") onUnavailable?.();
      log.warn("A file could not be fetched", { file: file.id, kind: error.kind });
      const reason = withoutTokens(error.message);
      return { unavailable: `It could not be fetched from ${url.hostname}: ${reason}`, mayCome: true };
    }
  }
}

const PAGE =
  "Slack answered with a page in its place, as it does when the link has ended or the scope files:read is missing.";

/** A canvas comes as HTML as well: it is told from a page to sign in by the length that Slack states, which the transport checks. */
function isPageInItsPlace(contentType: string, { mimetype, filetype, size }: File): boolean {
  const isDocument = mimetype === "application/vnd.slack-docs" || filetype === "quip" || filetype === "canvas";
  return contentType === "text/html" && mimetype !== "text/html" && !(isDocument && size !== undefined);
}

async function waitUntil(error: unknown, signal: AbortSignal): Promise<void> {
  const retryAt = error instanceof Error && "retryAt" in error ? error.retryAt : undefined;
  const waitMs = retryAt instanceof Date ? Math.min(retryAt.getTime() - Date.now(), LONGEST_WAIT_MS) : 1000;
  try {
    await sleep(Math.max(0, waitMs), undefined, { signal });
  } catch {
    signal.throwIfAborted();
  }
}

/** Links of an export carry the export's token. It must not stand in a reason that people read. */
function withoutTokens(message: string): string {
  return message.replaceAll(/xox[a-z]+-[\w-]+/gi, "[secret]").replaceAll(/([?&]t=)[^&\s"']+/g, "$1[secret]");
}
