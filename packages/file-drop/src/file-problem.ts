/** Where in a file a problem was met. */
export interface FilePosition {
  /** Counted from 0, in the decoded content. */
  byte?: number;
  /** Counted from 1, in the decoded content. */
  line?: number;
}

/** A file that cannot be believed. Nothing of it counts; it is tried again when it or the settings change. */
export class FileProblem extends Error {
  readonly remedy: string;
  readonly position: FilePosition;

  constructor(
    reason: string,
    { remedy, cause, ...position }: FilePosition & { remedy?: string; cause?: unknown } = {},
  ) {
    super(reason, { cause });
    this.remedy = remedy ?? "Ask the source to deliver the file again. It is read as soon as it changes.";
    this.position = position;
  }

  override get name(): string {
    return "FileProblem";
  }
}

/** A sentence for `error`, for use inside a FileProblem's reason. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
