import type { Partition } from "@hansard/core";
import { readArchive } from "./read/archive.ts";
import { COMPLIANCE_HOST } from "./read/compliance.ts";
import type { Pages, TwitterContext, TwitterReadContext } from "./read/context.ts";
import { readDirectMessages } from "./read/direct-messages.ts";
import { readEncrypted } from "./read/encrypted.ts";
import { readLikes } from "./read/likes.ts";
import { RECHECK, recheckPosts } from "./read/recheck.ts";
import { readTimeline } from "./read/timeline.ts";
import type { Settings } from "./schema.ts";

export { check } from "./read/check.ts";

export function hosts({ apiUrl, mediaHosts, compliance }: Settings): string[] {
  const api = new URL(apiUrl).host;
  return [
    ...new Set([
      api,
      ...(api === "api.x.com" ? ["api.twitter.com"] : []),
      ...mediaHosts,
      ...(compliance ? [COMPLIANCE_HOST] : []),
    ]),
  ];
}

/** One partition for each stream of each account and each archive, and one that looks again at what was captured. */
export async function partitions({ settings }: TwitterContext): Promise<Partition[]> {
  const { accounts, archives, deletionDays, compliance, encryptedChats } = settings;
  const streams = accounts.flatMap(({ id, streams }) =>
    [...streams, ...(encryptedChats && streams.includes("directMessages") ? ["encryptedChats"] : [])].map((stream) => ({
      id: `${stream}:${id}`,
      name: `${stream} of account ${id}`,
    })),
  );
  const files = archives.map(({ accountId, path }) => ({
    id: `archive:${accountId}:${path}`,
    name: `Archive of account ${accountId}`,
  }));
  const recheck =
    accounts.length > 0 && (deletionDays > 0 || compliance) ? [{ id: RECHECK, name: "Deleted posts" }] : [];
  return [...streams, ...files, ...recheck];
}

export async function* read(context: TwitterReadContext): Pages {
  const { settings, partition } = context;
  const [stream = "", id = ""] = partition.id.split(":");
  if (stream === RECHECK) return yield* recheckPosts(context);
  if (stream === "archive") {
    const archive = settings.archives.find(({ accountId, path }) => partition.id === `archive:${accountId}:${path}`);
    if (archive) yield* readArchive(context, archive);
    return;
  }
  const account = settings.accounts.find((candidate) => candidate.id === id);
  if (!account) return;
  if (stream === "posts" || stream === "mentions") yield* readTimeline(context, account, stream);
  if (stream === "likes") yield* readLikes(context, account);
  if (stream === "directMessages") yield* readDirectMessages(context, account);
  if (stream === "encryptedChats") yield* readEncrypted(context, account);
}
