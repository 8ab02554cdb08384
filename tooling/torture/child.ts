import { writeSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";
import { runScenario } from "./run-scenario.ts";
import type { Scenario } from "./scenarios.ts";

// Runs one scenario to its end in the folder given. Every "captured" line is a promise: those events are durable. After "started" only work is left.
const [folder = "", text = "{}"] = process.argv.slice(2);

try {
  nameThreads();
  say("started");
  await runScenario({
    folder,
    scenario: JSON.parse(text) as Scenario,
    onCaptured: (events) => say(`captured ${events}`),
  });
  say("done");
} catch (error) {
  writeSync(2, `hansard failed and ended: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(70);
}

/** Each thread is struck by itself, so each has the name of its file, as the operating system shows it. */
function nameThreads(): void {
  const threads = createRequire(import.meta.url)("node:worker_threads") as typeof import("node:worker_threads");
  threads.Worker = class extends threads.Worker {
    constructor(file: string | URL, options?: import("node:worker_threads").WorkerOptions) {
      super(file, { name: basename(String(file)).split(".")[0] ?? "", ...options });
    }
  };
  syncBuiltinESMExports();
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
