import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../workspace.ts";

/** What the pieces of a long run found, so that a run that was ended goes on where it was. */
export interface Tally<Result> {
  /** Does a piece, unless it was done before for the very same code. */
  once(piece: string, work: () => Promise<Result>): Promise<Result>;
}

const FOLDER = join(ROOT, ".cache", "torture");

/** `code` says what is put to the test: once that changes, nothing that was found counts any more. Pieces with problems are done again. */
export function openTally<Result extends { problems: string[] }>(name: string, code: string): Tally<Result> {
  const file = join(FOLDER, `tally-${name}.json`);
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Stored<Result>) : undefined;
  const pieces = before?.code === code ? before.pieces : {};
  return {
    async once(piece, work) {
      const known = pieces[piece];
      if (known !== undefined) return known;
      const result = await work();
      if (result.problems.length === 0) {
        pieces[piece] = result;
        mkdirSync(FOLDER, { recursive: true });
        writeFileSync(file, JSON.stringify({ code, pieces } satisfies Stored<Result>, undefined, 2));
      }
      return result;
    },
  };
}

interface Stored<Result> {
  code: string;
  pieces: Record<string, Result>;
}

/** A digest of all sources in some folders of the repository, and of the chance that all tests share. */
export function digestOf(folders: string[]): string {
  const hash = createHash("sha256").update(readFileSync(join(ROOT, "tooling", "random.ts")));
  for (const folder of folders)
    for (const name of readdirSync(join(ROOT, folder), { recursive: true }).map(String).sort())
      if (/\.(ts|c)$/.test(name) && !/(^|\/)(node_modules|dist)\//.test(name))
        hash.update(`${folder}/${name}\n`).update(readFileSync(join(ROOT, folder, name)));
  return hash.digest("hex").slice(0, 16);
}
