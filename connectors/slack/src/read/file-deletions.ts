import type { Json } from "@hansard/core";
import { listAt, stringAt } from "../schema/json.ts";
import type { SlackEvent } from "./events.ts";

/** Stands between the key of a message and the id of a file that it shared and that is gone. */
export const FILE_DELETED = "#file-deleted/";

/** The files of a message that were deleted: Slack leaves their ids. */
export function deletedFiles(data: Json): string[] {
  const files = listAt(data, "files").filter((file) => stringAt(file, "mode") === "tombstone");
  return [...new Set(files.map((file) => stringAt(file, "id")).filter((id) => id !== undefined))];
}

/** Slack shows that a file is gone, and not since when: it is dated by when that was seen. */
export function fileDeletion({ key, data }: SlackEvent, file: string, startedAt: Date): SlackEvent {
  const observedAt = startedAt.toISOString();
  const ts = stringAt(data, "ts");
  return {
    type: "FileDelete",
    key: `${key}${FILE_DELETED}${file}`,
    occurredAt: observedAt,
    data: {
      type: "file_deleted",
      file_id: file,
      item: { type: "message", ...(ts !== undefined && { ts }) },
      observedAt,
    },
  };
}
