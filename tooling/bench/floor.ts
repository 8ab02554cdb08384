import { join } from "node:path";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { assertSameRows } from "./floor-check.ts";
import { FloorFile } from "./floor-file.ts";

// The floor: the same final rows and the same index, durably, and nothing else. SQLite copies them itself with
// INSERT … SELECT from files in which they lie in the order of writing (stage-rows.ts), so that no line of JavaScript
// runs for a row. A transaction holds as many messages as one of Hansard's.
//
//   node floor.ts <folder of a finished and staged run> <folder to write to>

// A thread for each file: while one waits for the disk another has the processor. At 100,000 messages, on two cores that
// other work shared: one thread for all 4.9 and 6.0 s, two (the journal and the archive | the index) 3.2 to 4.0 s, three
// 3.2 and 3.5 s. With still more other work two were mostly faster than three (4.0 against 4.4 s, 5.6 against 9.0 s), so
// that this is to be measured again on idle cores. The index takes longest, of which FTS5 has no more than one writer.
const THREADS = [["journal"], ["archive"], ["index"]] as const;

type Name = (typeof THREADS)[number][number];

const [finished = "", target = "", ...names] = isMainThread ? process.argv.slice(2) : (workerData as string[]);
if (isMainThread) await main();
else write(names as Name[]);

async function main(): Promise<void> {
  const start = performance.now();
  const [own, ...others] = THREADS;
  const ended = others.map((theirs) => inThread([...theirs]));
  write(own);
  await Promise.all(ended);
  const seconds = (performance.now() - start) / 1000;
  for (const name of THREADS.flat()) assertSameRows(pathsOf(name));
  process.stdout.write(JSON.stringify({ seconds }));
}

function inThread(theirs: Name[]): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: [finished, target, ...theirs] });
  return new Promise((resolve, reject) => worker.on("exit", () => resolve()).on("error", reject));
}

/** The files of one thread take turns, a batch each. */
function write(own: readonly Name[]): void {
  const files = own.map((name) => new FloorFile(pathsOf(name), name === "index" ? "NORMAL" : "FULL"));
  const batches = Math.max(...files.map((file) => file.batches));
  for (let batch = 0; batch < batches; batch += 1) for (const file of files) file.write(batch);
  for (const file of files) file.close();
}

function pathsOf(name: Name): { from: string; to: string } {
  const folder = name === "journal" ? "journal" : "archive";
  return { from: join(finished, folder, `${name}.db`), to: join(target, `${name}.db`) };
}
