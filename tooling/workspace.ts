import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  exports?: Record<string, Record<string, string>>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  publishConfig?: { access?: string; provenance?: boolean };
  [field: string]: unknown;
}

/** A package of the monorepo. */
export interface Workspace {
  kind: "packages" | "connectors" | "apps";
  /** The folder's own name, which is the id of a connector. */
  id: string;
  folder: string;
  manifest: Manifest;
}

/** All packages, in the order of their folders. */
export function workspaces(): Workspace[] {
  return (["packages", "connectors", "apps"] as const).flatMap((kind) =>
    readdirSync(join(ROOT, kind))
      .sort()
      .map((id) => ({ kind, id, folder: join(ROOT, kind, id) }))
      .filter(({ folder }) => existsSync(join(folder, "package.json")))
      .map((workspace) => ({
        ...workspace,
        manifest: JSON.parse(readFileSync(join(workspace.folder, "package.json"), "utf8")) as Manifest,
      })),
  );
}

/** The files of a folder that git would keep, relative to it. */
export function filesOf(folder: string): string[] {
  const skipped = /(^|\/)(node_modules|dist|\.turbo|\.cache)(\/|$)/;
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !skipped.test(path))
    .sort();
}
