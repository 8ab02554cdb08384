import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { ROOT } from "../workspace.ts";

/** A change to our own code that a test must catch. */
export interface Mutant {
  name: string;
  /** What is wrong with it, as a sentence. */
  fault: string;
  /** Which tests must catch it. */
  caughtBy: "kills" | "kills at writes" | "power cuts" | "order of writes";
  /** Relative to the repository. */
  file: string;
  replacements: [from: string, to: string][];
}

/**
 * Bundles the tortured program into one file, so that thousands of starts are quick, with a mutant's changes where one is
 * given. The sources themselves stay untouched.
 */
export async function bundleChild(mutant?: Mutant): Promise<string> {
  const { build } = createRequire(join(ROOT, "tooling", "package.json"))("esbuild") as typeof import("esbuild");
  const folder = join(ROOT, ".cache", "torture", mutant?.name ?? "sound");
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: {
      child: join(ROOT, "tooling/torture/child.ts"),
      "index-worker": join(ROOT, "packages/archive/src/index-worker.ts"),
      "store-worker": join(ROOT, "packages/archive/src/store-worker.ts"),
      inspect: join(ROOT, "tooling/torture/inspect.ts"),
    },
    outdir: folder,
    outExtension: { ".js": ".js" },
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
  return folder;
}

function applying({ name, file, replacements }: Mutant): import("esbuild").Plugin {
  return {
    name,
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (relative(ROOT, path) !== file) return undefined;
        let contents = readFileSync(path, "utf8");
        for (const [from, to] of replacements) {
          if (!contents.includes(from))
            throw new Error(`The mutant "${name}" no longer fits ${file}: it looks for ${JSON.stringify(from)}.`);
          contents = contents.replace(from, () => to);
        }
        return { contents, loader: "ts" };
      });
    },
  };
}
