import type { BlobReference, EventAttachment, Gap, Json } from "@hansard/core";
import { File } from "../schema.ts";
import { isObject, stringAt } from "../schema/json.ts";
import { documentIn, type SlackEvent } from "./events.ts";

/** A file that cannot be had now: why, as a sentence, and whether asking again may bring it. */
export interface Unavailable {
  unavailable: string;
  mayCome: boolean;
}

export type Fetched = { blob: BlobReference } | Unavailable;

/** A file of an event that could not be had. */
export interface MissingFile extends Unavailable {
  id: string;
  /** As the source described it. */
  described: Json;
  gap: Gap;
}

export interface Fetching {
  /** Asks for more about a file than its message says, where that is too little. */
  describe?: (described: Json) => Promise<Json>;
  fetch: (file: File) => Promise<Fetched>;
  remedy: string;
}

/** Fetches the files of an event at once, since links end and files are deleted. Gives those that cannot be had. */
export async function attachFiles(event: SlackEvent, { describe, fetch, remedy }: Fetching): Promise<MissingFile[]> {
  const missing: MissingFile[] = [];
  const attachments: EventAttachment[] = [];
  for (const listed of describedFiles(event).values()) {
    const described = describe ? await describe(listed) : listed;
    const file = File.parse(described);
    const fetched = await fetch(file);
    attachments.push(attachmentOf(file, fetched));
    if ("unavailable" in fetched) missing.push(missingFile(event, described, fetched, remedy));
  }
  if (attachments.length > 0) event.attachments = attachments;
  return missing;
}

export function missingFile(
  { key }: Pick<SlackEvent, "key">,
  described: Json,
  { unavailable, mayCome }: Unavailable,
  remedy: string,
): MissingFile {
  const file = File.parse(described);
  const reason = `The file "${nameOf(file)}" (${file.id}) of the message ${key} is missing: ${unavailable}`;
  const gap = { id: fileGap(key, file.id), reason, remedy, events: 0 };
  return { id: file.id, described, unavailable, mayCome, gap };
}

export function attachmentOf(file: File, fetched: Fetched): EventAttachment {
  const label = { id: file.id, name: nameOf(file), ...(file.mimetype ? { contentType: file.mimetype } : {}) };
  return "blob" in fetched ? { ...label, blob: fetched.blob } : { ...label, unavailable: fetched.unavailable };
}

export function fileGap(key: string, file: string): string {
  return `${key}/${file}`;
}

/** File id → what the source says of it. A comment names the file that was shared before it; that one was captured with its share. */
export function describedFiles({ type, data }: SlackEvent): Map<string, Json> {
  const files = new Map<string, Json>();
  if (!isObject(data) || type === "FileComment" || type === "FileDelete") return files;
  const listed = [
    ...(Array.isArray(data["files"]) ? data["files"] : []),
    data["file"],
    ...(documentIn(data) === undefined ? [] : [data]),
  ];
  for (const item of listed) {
    const id = stringAt(item, "id");
    if (id && item !== undefined && !files.has(id) && File.safeParse(item).success) files.set(id, item);
  }
  return files;
}

function nameOf({ id, name, title }: File): string {
  return name || title || id;
}
