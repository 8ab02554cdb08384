import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** A folder as it was. What is put wrong with a copy of it is undone by writing what differs, which is quicker than a new copy. */
export class Snapshot {
  readonly #files = new Map<string, Buffer>();
  readonly #folder: string;

  constructor(of: string, folder: string) {
    this.#folder = folder;
    for (const path of filesIn(of)) this.#files.set(path, readFileSync(join(of, path)));
    this.restore();
  }

  /** The copy, as it was. */
  restore(): string {
    mkdirSync(this.#folder, { recursive: true });
    const left = new Map(this.#files);
    for (const path of filesIn(this.#folder)) {
      const before = left.get(path);
      if (!before) rmSync(join(this.#folder, path));
      else if (before.equals(readFileSync(join(this.#folder, path)))) left.delete(path);
    }
    for (const [path, content] of left) {
      mkdirSync(dirname(join(this.#folder, path)), { recursive: true });
      writeFileSync(join(this.#folder, path), content);
    }
    return this.#folder;
  }
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}
