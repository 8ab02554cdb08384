import type { Gap } from "@hansard/core";
import type { FilePosition } from "./file-problem.ts";

/** A file of the drop that is in quarantine. */
export interface Refusal {
  path: string;
  /** As sentences. */
  reason: string;
  remedy: string;
  position: FilePosition;
}

/** The id of the gap that stands for a path of the drop. */
export function gapId(path: string): string {
  return `file:${path}`;
}

/** A refusal as the books keep it. How many events the file holds cannot be known; one stands for all of them. */
export function refusalGap({ path, reason, remedy, position }: Refusal): Gap {
  const { byte, line } = position;
  const at = byte === undefined ? "" : ` at byte ${byte}${line === undefined ? "" : `, line ${line}`}`;
  return { id: gapId(path), reason: `The file ${path} is refused${at}. ${reason}`, remedy, events: 1 };
}

/** The gap of a file that is named and never came. */
export function absenceGap(path: string, named: string): Gap {
  return {
    id: gapId(path),
    reason: `The file ${path} is named by ${named} and is not in the drop.`,
    remedy: "Ask the source to deliver it. It is read when it comes.",
    events: 1,
  };
}
