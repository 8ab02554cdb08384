#!/usr/bin/env node
// Runs on any Node from 18 on. Brings the project's own Node and pnpm, installs and builds when something changed since
// the last time, then runs the given command with that Node first on the path.
//
//   node tooling/with-toolchain.mjs <install|build> <command> [argument ...]
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const toolchain = join(root, "tooling", "toolchain");
const stamps = join(root, "node_modules", ".hansard");
const nodeBin = join(toolchain, "node_modules", "node", "bin");
const windows = process.platform === "win32";

const environment = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1" };
environment.PATH = [
  nodeBin,
  join(toolchain, "node_modules", ".bin"),
  join(root, "node_modules", ".bin"),
  process.env.PATH,
].join(delimiter);

main(process.argv.slice(2));

function main([stage, command, ...commandArguments]) {
  once("toolchain", [join(toolchain, "package.json")], join(nodeBin, windows ? "node.exe" : "node"), () =>
    step("Fetching the project's own Node and pnpm", "npm", [
      "install",
      "--prefix",
      toolchain,
      "--no-audit",
      "--no-fund",
      "--no-package-lock",
      "--loglevel=error",
    ]),
  );
  once(
    "install",
    [join(root, "pnpm-lock.yaml"), join(root, "pnpm-workspace.yaml"), ...manifests()],
    join(root, "node_modules", ".bin"),
    () =>
      step("Installing dependencies", "node", [
        join(toolchain, "node_modules", "pnpm", "bin", "pnpm.mjs"),
        "install",
        process.env.CI ? "--frozen-lockfile" : "--prefer-offline",
        "--reporter=silent",
      ]),
  );
  if (stage === "build")
    once("build", sources(), join(root, "apps", "runner", "dist"), () =>
      step("Building", "turbo", ["run", "build", "--output-logs=errors-only", "--log-order=grouped"], true),
    );
  const { status, signal } = spawnSync(command, commandArguments, {
    stdio: "inherit",
    env: environment,
    shell: windows,
  });
  process.exitCode = signal ? 1 : (status ?? 1);
}

/** Runs `work` unless `result` exists and none of `inputs` changed since it last succeeded. */
function once(name, inputs, result, work) {
  const stamp = join(stamps, name);
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(input).update(existsSync(input) ? readFileSync(input) : "");
  const digest = hash.digest("hex");
  if (existsSync(result) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  work();
  mkdirSync(stamps, { recursive: true });
  writeFileSync(stamp, digest);
}

function step(title, command, commandArguments, quiet = false) {
  process.stderr.write(`${title} …\n`);
  const { status, stdout, stderr, error } = spawnSync(command, commandArguments, {
    cwd: root,
    env: environment,
    shell: windows,
    stdio: quiet ? "pipe" : ["ignore", 2, 2],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return;
  if (quiet) process.stderr.write(`${stdout}${stderr}`);
  process.stderr.write(
    `${title} failed${error ? `: ${error.message}` : ""}. Mend what is shown above and run the same command again.\n`,
  );
  process.exit(status ?? 1);
}

function workspaces() {
  return ["packages", "connectors", "apps"].flatMap((kind) =>
    readdirSync(join(root, kind))
      .map((name) => join(root, kind, name))
      .filter((folder) => existsSync(join(folder, "package.json"))),
  );
}

function manifests() {
  return [root, join(root, "tooling"), ...workspaces()].map((folder) => join(folder, "package.json"));
}

function sources() {
  const files = workspaces().flatMap((folder) =>
    readdirSync(join(folder, "src"), { recursive: true }).map((name) => join(folder, "src", String(name))),
  );
  return [
    ...manifests(),
    join(root, "tooling", "tsconfig.json"),
    join(root, "tooling", "tsup.config.ts"),
    ...files.filter((file) => /\.(ts|tsx|json|css|html|sql)$/.test(file)).sort(),
  ];
}
