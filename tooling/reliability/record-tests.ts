import { PROMISES } from "./promises.ts";
import { record } from "./record.ts";
import { runTests } from "./run-tests.ts";

// Runs the tests of the promises that are named, and writes what they found into docs/reliability.md:
//   npm run reliability -- mime real-export conformance packages routing
for (const id of process.argv.slice(2)) {
  const promise = PROMISES.find((candidate) => candidate.id === id);
  const path = /npm test -- (\S+)/.exec(promise?.command ?? "")?.[1];
  if (path === undefined)
    throw new Error(`The promise "${id}" has no tests of its own; its command writes its figures.`);
  const { passed, skipped, problems } = runTests([path]);
  if (problems.length > 0) throw new Error(`The tests of "${id}" failed: ${problems.join("; ")}`);
  record(id, `${passed.length} tests passed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
}
