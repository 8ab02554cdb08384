import { PROMISES } from "./promises.ts";
import { record } from "./record.ts";
import { runTests } from "./run-tests.ts";

// Runs the tests of the promises that are named, and writes what they found into docs/reliability.md:
//   npm run reliability -- verify mime real-export conformance packages routing destinations checks
const NAMED = 8;

for (const id of process.argv.slice(2)) {
  const promise = PROMISES.find((candidate) => candidate.id === id);
  const [, name, value = "", paths] = /^(?:(\w+)=(\S+) )?npm test -- (.+)$/.exec(promise?.command ?? "") ?? [];
  if (paths === undefined)
    throw new Error(`The promise "${id}" has no tests of its own; its command writes its figures.`);
  const { passed, skipped, problems } = runTests(paths.split(" "), name === undefined ? {} : { [name]: value });
  if (problems.length > 0) throw new Error(`The tests of "${id}" failed: ${problems.join("; ")}`);
  // Of a few tests, their names say more than their number.
  const shown = passed.length <= NAMED ? passed.join("; ") : `${passed.length} tests passed`;
  record(id, `${shown}${skipped > 0 ? `, ${skipped} skipped` : ""}`);
}
