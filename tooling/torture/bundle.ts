import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, join, relative } from "node:path";
import { ROOT } from "../workspace.ts";

/** A change to our own code that a test must catch. */
export interface Mutant {
  name: string;
  /** What is wrong with it, as a sentence. */
  fault: string;
  /** Which tests must catch it. All but "looking" let it pass where nothing strikes. */
  caughtBy: "kills" | "kills at writes" | "power cuts" | "order of writes" | "looking";
  /** What the test must say of it, so that it is not red for another reason. */
  says: RegExp;
  /** Relative to the repository. */
  file: string;
  replacements: [from: string, to: string][];
}

const FOLDER = join(ROOT, ".cache", "torture");
const KEPT_MS = 3 * 24 * 3_600_000;

/**
 * Bundles the tortured program into one file, so that thousands of starts are quick, with a mutant's changes where one is
 * given. The sources themselves stay untouched. The folder is named by what is in it: a run that is under way keeps its own.
 */
export async function bundleChild(mutant?: Mutant): Promise<string> {
  const { build } = createRequire(join(ROOT, "tooling", "package.json"))("esbuild") as typeof import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [
      ...["child.ts", "recover.ts"].map((name) => join(ROOT, "tooling/torture", name)),
      ...workers("packages/archive/src"),
    ],
    entryNames: "[name]",
    outdir: FOLDER,
    write: false,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    conditions: ["@hansard/source"],
    logLevel: "error",
    banner: {
      js: 'import { createRequire as $createRequire } from "node:module"; const require = $createRequire(import.meta.url);',
    },
    plugins: mutant ? [applying(mutant)] : [],
  });
  return store(mutant?.name ?? "sound", outputFiles);
}

/** The files that run in threads of their own. */
function workers(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith("-worker.ts"))
    .map((name) => join(ROOT, folder, name));
}

function store(name: string, files: import("esbuild").OutputFile[]): string {
  const hash = createHash("sha256");
  for (const { contents } of files) hash.update(contents);
  const folder = join(FOLDER, `${name}-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(FOLDER, { recursive: true });
  forgetOld(name);
  const incoming = mkdtempSync(join(FOLDER, "incoming-"));
  for (const { path, contents } of files) writeFileSync(join(incoming, basename(path)), contents);
  try {
    renameSync(incoming, folder);
  } catch {
    // Another run has just made the same one.
    rmSync(incoming, { recursive: true });
  }
  return folder;
}

/** What was made of the code as it was days ago is used by no run any more. */
function forgetOld(name: string): void {
  for (const old of readdirSync(FOLDER).filter((entry) => entry.startsWith(`${name}-`)))
    if (statSync(join(FOLDER, old)).mtimeMs < Date.now() - KEPT_MS) rmSync(join(FOLDER, old), { recursive: true });
}

function applying({ name, file, replacements }: Mutant): import("esbuild").Plugin {
  return {
    name,
    setup({ onLoad, onEnd }) {
      let applied = false;
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (relative(ROOT, path) !== file) return undefined;
        applied = true;
        return { contents: mutated(readFileSync(path, "utf8"), { name, file, replacements }), loader: "ts" };
      });
      onEnd(() => {
        if (!applied)
          throw new Error(`The mutant "${name}" changes ${file}, which the tortured program does not load.`);
      });
    },
  };
}

/** A source with a mutant's changes. Throws where the source has moved on from what the mutant looks for. */
export function mutated(
  source: string,
  { name, file, replacements }: Pick<Mutant, "name" | "file" | "replacements">,
): string {
  return replacements.reduce((contents, [from, to]) => {
    const times = contents.split(from).length - 1;
    if (times !== 1)
      throw new Error(
        `The mutant "${name}" no longer fits ${file}: what it replaces is there ${times} times, not once: ${JSON.stringify(from)}. Write it anew in tooling/torture/mutants.ts.`,
      );
    return contents.replace(from, () => to);
  }, source);
}
