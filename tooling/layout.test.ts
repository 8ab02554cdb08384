import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { filesOf, ROOT, type Workspace, workspaces } from "./workspace.ts";

const all = workspaces();
const connectors = all.filter(({ kind }) => kind === "connectors");

/** Who may import whom among our own packages, and as what. */
function mayImport({ kind, id, manifest }: Workspace, name: string): boolean {
  if (name === manifest.name) return true;
  if (kind === "connectors") return name === "@hansard/core" || name === "@hansard/file-drop";
  if (id === "core") return false;
  if (id === "runner") return ["@hansard/core", "@hansard/journal"].includes(name);
  if (id === "ingestion-server") return ["@hansard/core", "@hansard/archive"].includes(name);
  if (id === "testkit") return ["@hansard/core", "@hansard/journal", "@hansard/archive"].includes(name);
  return name === "@hansard/core";
}

describe.each(all)("$kind/$id", (workspace) => {
  const { folder, manifest, kind, id } = workspace;
  const sources = filesOf(join(folder, "src")).filter((path) => path.endsWith(".ts"));

  test("imports only the packages that the architecture allows", () => {
    const wrong = sources
      .filter((path) => !path.includes(".test."))
      .flatMap((path) =>
        ownImports(join(folder, "src", path))
          .filter((name) => !mayImport(workspace, name))
          .map((name) => `${path} imports ${name}`),
      );
    expect(wrong).toEqual([]);
  });

  test("reaches no other package through a relative path", () => {
    const wrong = sources.filter((path) =>
      relativeImports(join(folder, "src", path)).some((target) => escapes(path, target)),
    );
    expect(wrong).toEqual([]);
  });

  test("has the one tsconfig line, no other configuration, and no drawer for odds and ends", () => {
    expect(JSON.parse(readFileSync(join(folder, "tsconfig.json"), "utf8"))).toEqual({
      extends: "../../tooling/tsconfig.json",
    });
    const configuration = readdirSync(folder).filter(
      (name) => /(config\.[cm]?[jt]s|rc\.json|^\.npmrc|^turbo\.json)$/.test(name) && name !== "tsconfig.json",
    );
    expect(configuration).toEqual([]);
    expect(sources.filter((path) => /(^|\/)(utils?|helpers?|common|misc)(\/|\.ts)/.test(path))).toEqual([]);
  });

  test("is published in the open with provenance, under its folder's name", () => {
    expect(manifest.publishConfig).toEqual({ access: "public", provenance: true });
    expect(manifest.name).toBe(`@hansard/${kind === "connectors" ? `connector-${id}` : id}`);
    expect(manifest["license"]).toBe("Apache-2.0");
    expect(existsSync(join(folder, "README.md"))).toBe(true);
  });

  test.runIf(kind === "connectors" || id.startsWith("destination-") || id === "archive" || id === "journal")(
    "has core as a peer, never as a dependency of its own",
    () => {
      expect(manifest.peerDependencies).toHaveProperty("@hansard/core");
      expect(manifest.dependencies ?? {}).not.toHaveProperty("@hansard/core");
    },
  );
});

describe.each(connectors)("connectors/$id", ({ folder, id }) => {
  test("holds four source files, or folders of the same names, fixtures, a README and its conformance test", () => {
    const entries = readdirSync(join(folder, "src")).filter((name) => !name.includes(".test."));
    expect(
      entries.filter((name) => !["index.ts", "schema.ts", "read.ts", "map.ts", "read", "map", "schema"].includes(name)),
    ).toEqual([]);
    for (const file of [
      "src/index.ts",
      "src/schema.ts",
      "src/read.ts",
      "src/map.ts",
      "README.md",
      "conformance.test.ts",
    ])
      expect(existsSync(join(folder, file)), `${id}/${file}`).toBe(true);
    expect(readdirSync(join(folder, "fixtures")).length).toBeGreaterThan(0);
  });

  test("maps without a clock, a network or chance", () => {
    const impure =
      /\b(Date\.now|new Date\(\)|Math\.random|fetch\(|process\.|node:(fs|http|https|net|dns|child_process|crypto"\.random))/;
    const files = filesOf(join(folder, "src")).filter(
      (path) => /^map(\.ts|\/)/.test(path) && !path.endsWith(".test.ts"),
    );
    expect(files.filter((path) => impure.test(readFileSync(join(folder, "src", path), "utf8")))).toEqual([]);
  });
});

test("the runner names no connector and no destination", () => {
  const runner = join(ROOT, "apps", "runner", "src");
  const named = filesOf(runner).filter(
    (path) =>
      !path.endsWith(".test.ts") &&
      /from "@hansard\/(connector-|destination-|archive)/.test(readFileSync(join(runner, path), "utf8")),
  );
  expect(named).toEqual([]);
});

function ownImports(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(@hansard\/[a-z0-9-]+)/g)].map(
    ([, name]) => name ?? "",
  );
}

function relativeImports(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.\.?\/[^"]+)"/g)].map(
    ([, target]) => target ?? "",
  );
}

/** Whether a relative import leaves the package's `src`. Tests may reach the repository's tooling. */
function escapes(path: string, target: string): boolean {
  if (path.endsWith(".test.ts") && target.includes("/tooling/")) return false;
  return join("src", path, "..", target).startsWith("..") || !join("src", path, "..", target).startsWith("src");
}
