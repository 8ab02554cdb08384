import type { EventAttachment, FollowUp, Gap, Secret } from "@hansard/core";
import { isHansardError } from "@hansard/core";
import { z } from "zod";
import { Media } from "../schema/post.ts";
import type { Gathered, TwitterReadContext } from "./context.ts";

/** The event that a file belongs to. */
export interface Owner {
  key: string;
  version?: string;
  occurredAt: string;
}

/** Where a file is for those who may see it, and the sign-in that is shown there and nowhere else. */
export type Access = (url: string, rejected?: Secret) => Promise<Place>;

interface Place {
  url: string;
  authorization?: Secret | undefined;
}

const TRIES = 5;
const RETRY_MS = 60 * 60_000;
const EXTENSIONS: Record<string, string> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/gif": "gif",
  "image/webp": "webp",
  "video/mp4": "mp4",
};

const Owed = z.object({
  key: z.string(),
  version: z.string().optional(),
  occurredAt: z.string(),
  media: Media,
  tries: z.number(),
});

/** Fetches a file into the journal. What cannot be fetched is said, counted, and owed where there is hope. */
export async function attach(
  context: TwitterReadContext,
  media: Media,
  owner: Owner,
  page: Gathered,
  access: Access = open,
): Promise<EventAttachment> {
  const { attachment, hopeful } = await fetchMedia(context, media, access);
  if ("blob" in attachment) return attachment;
  page.gaps.push(gapOf(media, owner, attachment.unavailable));
  if (hopeful) page.followUps.push(owe(context, media, owner, 1));
  return attachment;
}

/** Tries owed files again. What comes late is an event of its own, since the first one stands as it is. */
export async function settleMedia(
  context: TwitterReadContext,
  followUp: FollowUp,
  page: Gathered,
  access: Access = open,
): Promise<void> {
  const { media, tries, ...rest } = Owed.parse(followUp.data);
  const { version, ...known } = rest;
  const owner: Owner = { ...known, ...(version !== undefined && { version }) };
  const { attachment, hopeful } = await fetchMedia(context, media, access);
  if ("blob" in attachment) {
    page.events.push({
      type: "Media",
      key: `${owner.key}:media:${media.media_key}`,
      occurredAt: owner.occurredAt,
      data: { key: owner.key, version: version ?? null, media_key: media.media_key },
      attachments: [attachment],
    });
    page.closed.push(gapOf(media, owner, "").id);
  } else if (hopeful && tries < TRIES) {
    page.followUps.push(owe(context, media, owner, tries + 1));
    return;
  }
  page.settled.push(followUp.id);
}

/** Public files are fetched without any sign-in. */
async function open(url: string): Promise<{ url: string }> {
  return { url };
}

interface Fetched {
  attachment: EventAttachment;
  /** Whether another try may bring it. */
  hopeful: boolean;
  /** Whether the sign-in was not accepted. */
  refused?: boolean;
}

async function fetchMedia(context: TwitterReadContext, media: Media, access: Access): Promise<Fetched> {
  const best = bestOf(media);
  const { media_key, type } = media;
  if (!best) {
    const unavailable = `X gave no address for this ${type}.`;
    return { attachment: { id: media_key, name: media_key, unavailable }, hopeful: false };
  }
  const place = await access(best.url);
  const fetched = await download(context, media, best.contentType, place);
  if (!fetched.refused || !place.authorization) return fetched;
  // An access token may end before its time.
  return download(context, media, best.contentType, await access(best.url, place.authorization));
}

async function download(context: TwitterReadContext, media: Media, expected: string, place: Place): Promise<Fetched> {
  const attachment = { id: media.media_key, name: nameOf(media, expected), contentType: expected };
  const { url, authorization } = place;
  try {
    const { content, contentType } = await context.http.download(url, {
      maxBytes: context.settings.mediaMaxBytes,
      timeoutMs: 10 * 60_000,
      ...(authorization && { headers: { authorization } }),
    });
    if (!/^(image|video|audio)\//.test(contentType)) {
      const unavailable = `Its address serves ${contentType || "an unnamed type"} in its place.`;
      return { attachment: { ...attachment, unavailable }, hopeful: true };
    }
    const blob = await context.blobs.put(content);
    return { attachment: { id: media.media_key, name: nameOf(media, contentType), contentType, blob }, hopeful: true };
  } catch (error) {
    if (!isHansardError(error)) throw error;
    const refused = error.kind === "authentication" && authorization !== undefined;
    const hopeful = refused || error.kind === "unavailable" || error.kind === "rate-limited";
    return { attachment: { ...attachment, unavailable: error.message }, hopeful, refused };
  }
}

/** The best quality: a photo as it was uploaded, a video's variant of the highest bit rate. */
function bestOf({ type, url, variants = [] }: Media): { url: string; contentType: string } | undefined {
  const films = variants.filter(({ content_type }) => content_type?.startsWith("video/"));
  const film = films.toSorted((left, right) => (left.bit_rate ?? 0) - (right.bit_rate ?? 0)).at(-1);
  if (film) return { url: film.url, contentType: film.content_type ?? "video/mp4" };
  if (!url || !URL.canParse(url)) return undefined;
  const original = new URL(url);
  if (type === "photo" && original.pathname.startsWith("/media/")) original.searchParams.set("name", "orig");
  return { url: original.href, contentType: original.pathname.endsWith(".png") ? "image/png" : "image/jpeg" };
}

function nameOf(media: Media, contentType: string): string {
  return `${media.media_key}.${EXTENSIONS[contentType] ?? contentType.split("/")[1] ?? "bin"}`;
}

function gapOf(media: Media, owner: Owner, reason: string): Gap {
  return {
    id: `media:${owner.key}:${owner.version ?? ""}:${media.media_key}`,
    reason: `The ${media.type} ${media.media_key} of ${owner.key} could not be fetched: ${reason}`,
    remedy: "Nothing, while it is tried again; else look at the post on X, where it may still be seen.",
    events: 0,
  };
}

function owe(context: TwitterReadContext, media: Media, owner: Owner, tries: number): FollowUp {
  const { key, version, occurredAt } = owner;
  return {
    id: `media:${key}:${version ?? ""}:${media.media_key}`,
    dueAt: new Date(context.startedAt.getTime() + RETRY_MS * tries).toISOString(),
    data: z.json().parse({ key, ...(version !== undefined && { version }), occurredAt, media, tries }),
  };
}
