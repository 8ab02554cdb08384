import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Runs every test: types, lint and format, and vitest over the whole repository beside them, since many tests wait for
// servers. The last line sums them up.
const folder = mkdtempSync(join(tmpdir(), "hansard-test-"));
const results = join(folder, "results.json");
const filters = process.argv.slice(2);

const checking = filters.length > 0 ? undefined : run(["node", "tooling/lint.ts"], "pipe");
const { status: vitest } = await run(
  ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${results}`, ...filters],
  "inherit",
);
const lint = await checking;
if (lint !== undefined) console.log(`Lint, format, types and packages: ${lint.said || "sound"}`);
const checks = lint === undefined ? [] : [lint.status === 0];
const { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites } = summary(vitest);
rmSync(folder, { recursive: true });

const passed = numPassedTests + checks.filter(Boolean).length;
// A file that could not even be loaded has no failed test of its own.
const failed = numFailedTests + checks.filter((ok) => !ok).length + (numFailedTests === 0 ? numFailedTestSuites : 0);
console.log(`${passed} passed, ${failed} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ""}`);
process.exitCode = failed > 0 || passed === 0 || vitest !== 0 ? 1 : 0;

/** Runs a command, and gives what it said where that is not shown while it runs. */
async function run(
  [command = "", ...rest]: string[],
  output: "inherit" | "pipe",
): Promise<{ status: number; said: string }> {
  const child = spawn(command, rest, { stdio: ["ignore", output, output] });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text) => said.push(text));
  const [status] = await once(child, "close");
  return { status: status ?? 1, said: said.join("") };
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
