import { isDeepStrictEqual } from "node:util";
import type { Json, ReadContext } from "@hansard/core";
import { File, type LiveSettings } from "../../schema.ts";
import { stringAt } from "../../schema/json.ts";
import { attachFiles, type Fetched, type MissingFile } from "../attachments.ts";
import { download, isSlackHost, leadsElsewhere, whyNotFetched } from "../download.ts";
import type { SlackEvent } from "../events.ts";
import type { LiveSource } from "./live-source.ts";

export interface FileFetching {
  source: LiveSource;
  context: Pick<ReadContext<LiveSettings, unknown>, "settings" | "http" | "blobs" | "log" | "signal">;
}

const REMEDY = "Look at the file in Slack. If it is there, give the app the scope files:read, or raise maxFileBytes.";

/** Fetches the files of an event. Gives those that cannot be had now. */
export async function fetchFiles(
  event: SlackEvent,
  fetching: FileFetching,
  fetch: (file: File, fetching: FileFetching) => Promise<Fetched> = fetchFile,
): Promise<MissingFile[]> {
  return attachFiles(event, {
    describe: (described) => completed(described, fetching),
    fetch: (file) => fetch(file, fetching),
    remedy: REMEDY,
  });
}

/** In conversations that are shared between organisations, Slack tells of a file only when it is asked for it. */
async function completed(described: Json, { source }: FileFetching): Promise<Json> {
  const { id, mode, url_private: url, url_private_download: link } = File.parse(described);
  const isToBeAskedFor = stringAt(described, "file_access") === "check_file_info";
  if (!isToBeAskedFor && (mode ?? url ?? link) !== undefined) return described;
  const whole = await source.file(id);
  return whole !== undefined && File.safeParse(whole).success ? whole : described;
}

/**
 * Fetches a file that an old version of a message names. What is said of it there may have passed since: where that does
 * not bring it, what Slack says of it now may. Asking later could be too late, as it may be deleted at any time.
 */
export async function fetchRecordedFile(file: File, fetching: FileFetching): Promise<Fetched> {
  const fetched = await fetchFile(file, fetching);
  if ("blob" in fetched || !fetched.mayCome) return fetched;
  const { data: now } = File.safeParse(await fetching.source.file(file.id));
  return now && !isDeepStrictEqual(now, file) ? fetchFile(now, fetching) : fetched;
}

export async function fetchFile(file: File, { source, context }: FileFetching): Promise<Fetched> {
  const { settings } = context;
  const reason = whyNotFetched(file, settings);
  if (reason) return reason;
  const url = URL.parse(file.url_private_download || file.url_private || "");
  if (!url) return { unavailable: "Slack gives no link to it.", mayCome: true };
  // Only Slack's own hosts, and the one that the settings name, may see the token.
  if (!isSlackHost(url) && url.origin !== new URL(settings.apiUrl).origin) return leadsElsewhere(url);
  return download(url, file, context, { authorization: source.api.authorization });
}
