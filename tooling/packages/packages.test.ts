import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeSample } from "../sample/make-sample.ts";
import { ROOT } from "../workspace.ts";

// What a user gets: plain npm, the tarballs alone, a folder outside the repository.
const USED = ["packages/core", "packages/journal", "packages/archive", "connectors/slack", "apps/runner"];
/** An installation for each package takes minutes. */
const ALONE =
  process.env["HANSARD_EACH_ALONE"] === "1"
    ? ["packages", "connectors", "apps"].flatMap((parent) =>
        readdirSync(join(ROOT, parent)).map((name) => `${parent}/${name}`),
      )
    : [];
const PACKED = ALONE.length > 0 ? ALONE : USED;
// The test runner's own start script lets every package of the repository be found from anywhere.
const { NODE_PATH: _, ...ENVIRONMENT } = process.env;
const built = PACKED.every((folder) => existsSync(join(ROOT, folder, "dist", "index.js")));
const npm = join(process.execPath, "..", "..", "lib", "node_modules", "npm", "bin", "npm-cli.js");

describe.skipIf(!built)("the packed packages (skipped until npm run build)", () => {
  const here = mkdtempSync(join(tmpdir(), "hansard-packages-"));
  const tarballs: Record<string, string> = {};
  let used: string[];
  let sample: string;

  beforeAll(async () => {
    for (const folder of PACKED) tarballs[folder] = pack(join(ROOT, folder), here);
    used = USED.map((folder) => tarballs[folder] ?? "");
    sample = await makeSample(join(here, "sample"));
  }, 300_000);

  afterAll(() => rmSync(here, { recursive: true, force: true }));

  test("install with plain npm and archive the sample", () => {
    const user = join(here, "user");
    install(user, used);
    writeConfiguration(user, "slack: { settings: { export: " + JSON.stringify(sample) + " } }");
    const { stdout } = hansard(user, "run", "--json");
    const report = JSON.parse(stdout);
    expect(report.balanced).toBe(true);
    expect(report.sources[0].capture.captured).toBeGreaterThan(100);
    expect(json(user, "verify").sound).toBe(true);
    expect(json(user, "search", "kind:externaldata").total).toBe(report.sources[0].capture.captured);
    expect(hansard(user, "export", "exported").status).toBe(0);
    expect(hansard(user, "verify", "exported").status).toBe(0);
  }, 300_000);

  test("the connector works with the lowest core that its range allows", () => {
    const { peerDependencies } = manifestIn(tarballs["connectors/slack"] ?? "");
    const lowest = (peerDependencies?.["@hansard/core"] ?? "").replace(/^[^\d]*/, "");
    const { version } = manifestIn(tarballs["packages/core"] ?? "");
    // As long as the lowest is the present one the test above has shown it; later it comes from the registry.
    const core = lowest === version ? (tarballs["packages/core"] ?? "") : `@hansard/core@${lowest}`;
    const user = join(here, "lowest");
    install(user, [core, ...used.filter((file) => file !== tarballs["packages/core"])]);
    expect(
      JSON.parse(readFileSync(join(user, "node_modules", "@hansard", "core", "package.json"), "utf8")).version,
    ).toBe(lowest);
    writeConfiguration(user, "slack: { settings: { export: " + JSON.stringify(sample) + " } }");
    expect(json(user, "run").balanced).toBe(true);
  }, 300_000);

  test.runIf(ALONE.length > 0).each(PACKED)(
    "%s installs alone from its tarball, and all that it exports can be imported (needs HANSARD_EACH_ALONE=1)",
    (folder) => {
      const user = join(here, `alone-${folder.replaceAll(/\W/g, "-")}`);
      const manifests = Object.fromEntries(Object.values(tarballs).map((file) => [file, manifestIn(file)]));
      const file = tarballs[folder] ?? "";
      install(user, [...withOwn(manifests, file)]);
      const { name = "", exports = {} } = manifests[file] ?? {};
      const entries = Object.keys(exports).map((entry) => name + entry.slice(1));
      const script = `for (const entry of ${JSON.stringify(entries)})
        if (Object.keys(await import(entry)).length === 0) throw new Error(entry + " exports nothing.");`;
      const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
        cwd: user,
        encoding: "utf8",
        env: ENVIRONMENT,
      });
      expect(`${status} ${stderr}`).toBe("0 ");
    },
    300_000,
  );

  test("a connector that is not installed is named with the command that installs it", () => {
    const user = join(here, "user");
    writeConfiguration(user, "twitter: {}");
    const { status, stderr } = hansard(user, "run");
    expect(status).toBe(2);
    expect(stderr).toContain("npm install @hansard/connector-twitter");
  });

  test("a connector of another contract version is refused, and it is said which side to update", () => {
    const user = join(here, "user");
    const future = join(user, "node_modules", "hansard-connector-future");
    mkdirSync(future, { recursive: true });
    writeFileSync(
      join(future, "package.json"),
      JSON.stringify({ name: "hansard-connector-future", version: "9.0.0", type: "module", exports: "./index.js" }),
    );
    writeFileSync(join(future, "index.js"), 'export const connector = { contractVersion: 99, id: "future" };');
    writeConfiguration(user, "future: {}");
    const { status, stderr } = hansard(user, "run");
    expect(status).toBe(2);
    expect(stderr).toMatch(/speaks version 99 of the contract[\s\S]*Update the runner/);
  });

  test("two versions of one connector run side by side, each for its own source", () => {
    const user = join(here, "user");
    const next = join(here, "next");
    execFileSync("mkdir", ["-p", next]);
    execFileSync("tar", ["-xzf", tarballs["connectors/slack"] ?? "", "-C", next]);
    const manifest = join(next, "package", "package.json");
    writeFileSync(
      manifest,
      JSON.stringify({ ...JSON.parse(readFileSync(manifest, "utf8")), name: "slack-next", version: "1.1.0" }),
    );
    install(user, [pack(join(next, "package"), next)]);
    writeConfiguration(
      user,
      `one: { connector: slack, settings: { export: ${JSON.stringify(sample)} } }\n  two: { connector: slack-next, settings: { export: ${JSON.stringify(sample)} } }`,
    );
    const { connectors } = json(user, "connectors");
    expect(
      connectors.map(({ source, version }: { source: string; version: string }) => `${source} ${version}`),
    ).toEqual(["one 1.0.0", "two 1.1.0"]);
    expect(json(user, "run").balanced).toBe(true);
  }, 300_000);
});

function pack(folder: string, destination: string): string {
  execFileSync("pnpm", ["pack", "--pack-destination", destination], { cwd: folder, stdio: "pipe" });
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
  if (!readdirSync(destination).includes(file)) throw new Error(`${folder} packed to another name than ${file}.`);
  return join(destination, file);
}

function install(user: string, packages: string[]): void {
  mkdirSync(user, { recursive: true });
  if (!existsSync(join(user, "package.json")))
    writeFileSync(join(user, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  const words = ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error", ...packages];
  const { status, stderr } = existsSync(npm)
    ? spawnSync(process.execPath, [npm, ...words], { cwd: user, encoding: "utf8" })
    : spawnSync("npm", words, { cwd: user, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm install failed: ${stderr}`);
}

interface Manifest {
  name: string;
  version: string;
  exports: Record<string, unknown>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

function manifestIn(tarball: string): Manifest {
  return JSON.parse(execFileSync("tar", ["-xzOf", tarball, "package/package.json"], { encoding: "utf8" }));
}

/** A package's tarball and those of our own that it depends on, since no registry has them yet. */
function withOwn(manifests: Record<string, Manifest>, file: string, all = new Set<string>()): Set<string> {
  if (all.has(file)) return all;
  all.add(file);
  const { dependencies, peerDependencies } = manifests[file] ?? {};
  for (const [other, { name }] of Object.entries(manifests))
    if (name in { ...dependencies, ...peerDependencies }) withOwn(manifests, other, all);
  return all;
}

function writeConfiguration(user: string, sources: string): void {
  rmSync(join(user, "hansard-data"), { recursive: true, force: true });
  writeFileSync(
    join(user, "hansard.yaml"),
    `sources:\n  ${sources}\ndestinations:\n  archive: { thirdPartyMailbox: third@example.com }\npeople: { domains: [example.com] }\n`,
  );
}

function hansard(user: string, ...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(user, "node_modules", ".bin", "hansard"), ...words], {
    cwd: user,
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: ENVIRONMENT,
  });
}

function json(user: string, ...words: string[]) {
  const { stdout, stderr } = hansard(user, ...words, "--json");
  if (stdout === "") throw new Error(`hansard ${words.join(" ")} printed nothing: ${stderr}`);
  return JSON.parse(stdout);
}
