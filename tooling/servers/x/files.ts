import type { IncomingMessage } from "node:http";
import { Refusal, problem } from "./refusal.ts";
import { type SignIns, callerOf } from "./sign-in.ts";
import type { World } from "./world.ts";

export interface File {
  contentType: string;
  bytes: Uint8Array;
}

const PUBLIC = /^\/media\/(.+)\.jpg$/;
const VIDEO = /^\/video\/(.+)-(\d)\.mp4$/;
const PRIVATE = /^\/2\/dm_conversations\/media\/(\d+)\/(\d+)\/(.+)\.jpg$/;
const BEST_RATE = "8";

/** Photos in several sizes, videos in several qualities, and the files of direct messages; undefined: no file's address. */
export function serveFile(world: World, signIns: SignIns, request: IncomingMessage, url: URL): File | undefined {
  const [, photo] = PUBLIC.exec(url.pathname) ?? [];
  if (photo !== undefined)
    return publicFile(world, request, photo, "image/jpeg", url.searchParams.get("name") === "orig");
  const [, video, rate] = VIDEO.exec(url.pathname) ?? [];
  if (video !== undefined) return publicFile(world, request, video, "video/mp4", rate === BEST_RATE);
  const [, message, , file] = PRIVATE.exec(url.pathname) ?? [];
  if (message === undefined || file === undefined) return undefined;
  const caller = callerOf(signIns, request, url, world.now);
  const media = world.media.get(file);
  const readers = world.messages.find(({ id }) => id === message)?.readers ?? [];
  if (caller.kind !== "user" || !caller.oauth2 || !readers.includes(caller.account))
    throw problem(403, "Forbidden", "Forbidden");
  if (media?.message !== message) throw problem(404, "Not Found", "There is no such file.");
  return { contentType: "image/jpeg", bytes: media.bytes };
}

/** Whoever shows a sign-in here gives it away: the hosts of public files need none. */
function publicFile({ media }: World, request: IncomingMessage, key: string, contentType: string, best: boolean): File {
  if (request.headers.authorization !== undefined)
    throw new Refusal(400, { error: "A sign-in was shown to a host that must not see it." });
  const file = media.get(key);
  if (!file || file.message !== undefined) throw problem(404, "Not Found", "There is no such file.");
  if (file.down) throw problem(503, "Service Unavailable", "The storage is down.");
  return { contentType, bytes: best ? file.bytes : file.bytes.slice(0, 3) };
}
