import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Scenario } from "./scenarios.ts";

export interface Question {
  kind: "finish" | "inspect";
  folder: string;
  scenario: Scenario;
  /** How many events an earlier run said were durable. */
  promised: number;
}

export interface Answer {
  problems: string[];
}

/** Takes up what a crash left behind, and judges what comes of it. */
export interface Recovery {
  /** Runs the scenario to its end, whatever state the folder is in; says what stopped it. */
  finish(folder: string, scenario: Scenario, promised?: number): Promise<string[]>;
  /** What is wrong with the folder, found by a sound program whatever wrote it. */
  inspect(folder: string, scenario: Scenario): Promise<string[]>;
  close(): void;
}

/** `bundle` and `sound` differ only for a mutant. */
export function openRecovery(bundle: string, sound: string): Recovery {
  const finisher = openProcess(bundle);
  const inspector = bundle === sound ? finisher : openProcess(sound);
  return {
    finish: (folder, scenario, promised = 0) => finisher.ask({ kind: "finish", folder, scenario, promised }),
    inspect: (folder, scenario) => inspector.ask({ kind: "inspect", folder, scenario, promised: 0 }),
    close() {
      finisher.close();
      inspector.close();
    },
  };
}

function openProcess(bundle: string): { ask(question: Question): Promise<string[]>; close(): void } {
  let process: ChildProcess | undefined;
  let resolve: ((problems: string[]) => void) | undefined;

  function start(): ChildProcess {
    const started = fork(join(bundle, "recover.js"), { stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: [] });
    let stderr = "";
    started.stderr?.on("data", (chunk: Buffer) => (stderr += chunk));
    started.on("message", ({ problems }: Answer) => resolve?.(problems));
    started.on("exit", (code, signal) => {
      if (process === started) resolve?.([`The recovery ended (${signal ?? code}): ${stderr.trim().slice(0, 500)}`]);
    });
    return started;
  }

  async function ask(question: Question): Promise<string[]> {
    process ??= start();
    const asked = process;
    const problems = await new Promise<string[]>((done) => {
      resolve = done;
      asked.send(question);
    });
    // What a failure left open must not meet the next folder.
    if (problems.length > 0) close();
    return problems;
  }

  function close(): void {
    const closed = process;
    process = undefined;
    closed?.kill("SIGKILL");
  }

  return { ask, close };
}
