import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROMISES } from "./promises.ts";
import { record } from "./record.ts";

// Runs the tests of the promises that are named, and writes what they found into docs/reliability.md:
//   npm run reliability -- mime real-export conformance packages routing
for (const id of process.argv.slice(2)) {
  const promise = PROMISES.find((candidate) => candidate.id === id);
  const path = /npm test -- (\S+)/.exec(promise?.command ?? "")?.[1];
  if (path === undefined)
    throw new Error(`The promise "${id}" has no tests of its own; its command writes its figures.`);
  const folder = mkdtempSync(join(tmpdir(), "hansard-reliability-"));
  const results = join(folder, "results.json");
  const { status } = spawnSync("vitest", ["run", "--reporter=json", `--outputFile.json=${results}`, path], {
    stdio: "inherit",
  });
  const { numPassedTests, numPendingTests } = JSON.parse(readFileSync(results, "utf8"));
  rmSync(folder, { recursive: true });
  if (status !== 0 || numPassedTests === 0) throw new Error(`The tests of "${id}" failed, or none of them ran.`);
  record(id, `${numPassedTests} tests passed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ""}`);
}
