/** A regular file as the drop lists it. */
export interface DropEntry {
  /** Relative to the drop's root, with `/` between folders. */
  path: string;
  /** In bytes. */
  size: number;
  /** When it was last written, in milliseconds since 1970; SFTP knows whole seconds only. */
  mtimeMs: number;
}

/** Something in the drop that is not a plain file of its own, such as a symbolic link. It is never followed. */
export interface Oddity {
  path: string;
  reason: string;
}

export interface Listing {
  /** Sorted by path. */
  entries: DropEntry[];
  oddities: Oddity[];
}

/** A place where a source leaves files. Nothing in it is ever changed. */
export interface Drop {
  list(): Promise<Listing>;
  /**
   * The file's bytes; a piece is valid until the next is asked for. Ends with a FileProblem when it is not the file that was listed or changes while it
   * is read.
   */
  read(entry: DropEntry): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}
