import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestRun {
  /** The names of the tests that passed. */
  passed: string[];
  skipped: number;
  /** What failed and why; empty only where every test ran that should and at least one did. */
  problems: string[];
}

interface Results {
  numPendingTests: number;
  testResults: {
    name: string;
    message: string;
    status: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
  }[];
}

/** Runs the tests of some files or folders, with variables that make them longer than they are in `npm test`. */
export function runTests(paths: string[], environment: Record<string, string> = {}, options: string[] = []): TestRun {
  const folder = mkdtempSync(join(tmpdir(), "hansard-tests-"));
  const file = join(folder, "results.json");
  const { status, error } = spawnSync(
    "vitest",
    ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`, ...options, ...paths],
    { stdio: ["ignore", 2, 2], env: { ...process.env, ...environment } },
  );
  const results = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Results) : undefined;
  rmSync(folder, { recursive: true });
  if (results === undefined)
    return { passed: [], skipped: 0, problems: [`The tests did not run: ${error?.message ?? `status ${status}`}`] };
  const tests = results.testResults.flatMap(({ assertionResults }) => assertionResults);
  const passed = tests.filter((test) => test.status === "passed").map(({ fullName }) => fullName);
  const problems = [
    ...tests
      .filter((test) => test.status === "failed")
      .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0]?.split("\n")[0] ?? ""}`),
    ...results.testResults
      .filter((result) => result.status === "failed" && result.assertionResults.length === 0)
      .map(({ name, message }) => `${name} could not be loaded: ${message}`),
  ];
  if (problems.length === 0 && (status !== 0 || passed.length === 0))
    problems.push(passed.length === 0 ? "None of the tests ran." : `The tests ended with status ${status}.`);
  return { passed, skipped: results.numPendingTests, problems };
}
