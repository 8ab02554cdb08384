import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT, workspaces } from "./workspace.ts";

// Lint, format, types, and that every package's tarball says the truth about itself.
const packages = workspaces();
const published = packages.filter(
  ({ manifest }) => !manifest.private && existsSync(join(ROOT, "apps", "runner", "dist")),
);
const failures = [
  step("oxlint", ROOT, ["oxlint", "--type-aware", "--quiet"]),
  step("oxfmt", ROOT, ["oxfmt", "--check"]),
  ...packages.map(({ id, folder }) => step(`tsc ${id}`, folder, ["tsc", "--noEmit", "-p", "."])),
  step("tsc tooling", ROOT, ["tsc", "--noEmit", "-p", "tooling/tsconfig.tooling.json"]),
  ...published.map(({ id, folder }) => step(`publint ${id}`, folder, ["publint", "--strict", "--pack", "npm"])),
  ...published.map(({ id, folder }) =>
    step(`attw ${id}`, folder, ["attw", "--pack", ".", "--profile", "esm-only", "--format", "ascii", "--no-emoji"]),
  ),
].filter((name) => name !== undefined);
if (failures.length > 0) console.error(`Failed: ${failures.join(", ")}`);
process.exitCode = failures.length > 0 ? 1 : 0;

function step(name: string, cwd: string, [command = "", ...rest]: string[]): string | undefined {
  const { status, stdout, stderr } = spawnSync(command, rest, { cwd, encoding: "utf8" });
  if (status === 0) return undefined;
  console.error(`${name}:\n${stdout}${stderr}`);
  return name;
}
