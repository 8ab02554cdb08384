import type { FileProblem } from "./file-problem.ts";
import type { Refusal } from "./refusal.ts";
import type { VerifiedFile } from "./verify-file.ts";

/** What the caller says of a path. */
export interface FileDescription {
  /** Files of one group are handed over together. */
  group: string;
  /** Groups come in the order of the smallest of these among their files, files of a group likewise. */
  order: string;
}

/** A file as it is handed over, with what the ledger says of it. */
export interface DropFile extends VerifiedFile {
  /** The path of a file with the same content that was read before: it was renamed, moved or sent twice. */
  sameAs?: string;
  /** 2 and more: the path had other content before, which was read. */
  revision: number;
}

/** A file that was read before and still lies in the drop. */
export interface EarlierFile {
  path: string;
  /** Fetches and verifies it again. */
  verify(): Promise<DropFile>;
}

/** The files of one group that are new, changed, or no longer refused. Valid until the next batch is asked for. */
export interface Batch {
  group: string;
  files: DropFile[];
  earlier: EarlierFile[];
  /** Paths that a manifest names and that did not come within the time of grace. */
  absent: string[];
  /** Files that cannot be believed. */
  refused: Refusal[];
  /** Ids of gaps that are closed because their paths are ignored since. */
  closed: string[];
  /** Puts a file of the batch into quarantine: its content proved not to be what it should be. */
  refuse(path: string, problem: FileProblem): Refusal;
  /** When the oldest of its new files was first seen at rest: ISO 8601. */
  since: string;
}
