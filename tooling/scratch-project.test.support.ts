import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ROOT } from "./workspace.ts";

/** A folder that looks like the repository to one connector in it, and is no part of it. */
export interface ScratchProject {
  root: string;
  /** Links what connectors depend on beside the connector. */
  link(connector: string): void;
  /** What is wrong with the connector's types; empty where nothing is. */
  typeErrors(connector: string): string;
  /** Runs the connector's tests. Gives the failures' messages by the ids in brackets at the end of their names. */
  runTests(): { passed: number; failed: Record<string, string> };
  remove(): void;
}

const VITEST_CONFIG = `export default {
  ssr: { resolve: { conditions: ["@hansard/source", "node", "import", "default"] } },
  test: { include: ["connectors/*/*.test.ts"], pool: "forks", execArgv: ["--conditions=@hansard/source"] },
};
`;

export function openScratchProject(name: string): ScratchProject {
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  const root = mkdtempSync(join(ROOT, ".cache", `${name}-`));
  mkdirSync(join(root, "tooling"));
  cpSync(join(ROOT, "tooling", "tsconfig.json"), join(root, "tooling", "tsconfig.json"));
  writeFileSync(join(root, "vitest.config.ts"), VITEST_CONFIG);
  return {
    root,
    link: (connector) => linkPackages(join(root, "connectors", connector, "node_modules")),
    typeErrors(connector) {
      const { stdout } = spawnSync("tsc", ["--noEmit", "-p", join(root, "connectors", connector)], {
        encoding: "utf8",
      });
      return stdout.trim();
    },
    runTests: () => runTests(root),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function linkPackages(folder: string): void {
  mkdirSync(join(folder, "@hansard"), { recursive: true });
  for (const name of ["core", "testkit"]) symlinkSync(join(ROOT, "packages", name), join(folder, "@hansard", name));
  symlinkSync(realpathSync(join(ROOT, "packages", "testkit", "node_modules", "zod")), join(folder, "zod"));
}

interface Report {
  numPassedTests: number;
  testResults: { assertionResults: { title: string; status: string; failureMessages: string[] }[] }[];
}

function runTests(root: string): { passed: number; failed: Record<string, string> } {
  const file = join(root, "report.json");
  spawnSync("vitest", ["run", "--root", root, "--reporter=json", `--outputFile=${file}`], { cwd: root });
  const { numPassedTests, testResults } = JSON.parse(readFileSync(file, "utf8")) as Report;
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === "failed"),
  );
  const messages = failed.map(({ title, failureMessages }) => [
    /\[(.*)\]$/.exec(title)?.[1] ?? title,
    failureMessages.join("\n"),
  ]);
  return { passed: numPassedTests, failed: Object.fromEntries(messages) };
}
