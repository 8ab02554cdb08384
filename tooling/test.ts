import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Runs every test: types, lint and format first, then vitest over the whole repository. The last line sums them up.
const folder = mkdtempSync(join(tmpdir(), "hansard-test-"));
const results = join(folder, "results.json");
const filters = process.argv.slice(2);

const checks = filters.length > 0 ? [] : [check("Lint, format, types and packages", ["node", "tooling/lint.ts"])];
const vitest = run([
  "vitest",
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${results}`,
  ...filters,
]);
const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = summary(vitest);
rmSync(folder, { recursive: true });

const passed = numPassedTests + checks.filter(Boolean).length;
// A file that could not even be loaded has no failed test of its own.
const failed = numFailedTests + checks.filter((ok) => !ok).length + (numFailedTests === 0 ? numFailedTestSuites : 0);
console.log(`${passed} passed, ${failed} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ""}`);
process.exitCode = failed > 0 || passed === 0 || vitest !== 0 ? 1 : 0;

function check(title: string, command: string[]): boolean {
  console.log(`${title} …`);
  return run(command) === 0;
}

function run([command = "", ...rest]: string[]): number {
  return spawnSync(command, rest, { stdio: "inherit" }).status ?? 1;
}

function summary(status: number): {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numFailedTestSuites: number;
} {
  try {
    return JSON.parse(readFileSync(results, "utf8"));
  } catch {
    console.error(`The test runner ended with status ${status} before it could say what it ran.`);
    return { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, numFailedTestSuites: 0 };
  }
}
