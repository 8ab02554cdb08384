import { Worker } from "node:worker_threads";
import type { StoreReport, StoreWork } from "./store-worker.ts";
import { THREAD_LIMITS, threadFile } from "./thread-file.ts";

/** Another process is writing to the archive, and nothing was written. */
export class BusyError extends Error {}

/** The store's thread, seen from the archive's. It starts when it is first asked. */
export interface StoreThread {
  /** Has the thread do something; what is handed over in `transfer` is no longer the caller's. What is asked is done in its order. */
  ask<Kind extends keyof StoreWork>(
    kind: Kind,
    question: StoreWork[Kind]["question"],
    transfer?: ArrayBuffer[],
  ): Promise<StoreWork[Kind]["answer"]>;
  close(): Promise<void>;
}

interface Waiting {
  resolve: (answer: never) => void;
  reject: (error: Error) => void;
}

export function storeThread(folder: string): StoreThread {
  let worker: Worker | undefined;
  let failure: Error | undefined;
  const waiting: Waiting[] = [];

  function fail(reason: string): void {
    failure ??= new Error(
      `The archive's store failed: ${reason.replace(/\.?$/, ".")} Nothing that was accepted is lost. Open the archive again.`,
    );
    for (const { reject } of waiting.splice(0)) reject(failure);
  }

  function start(): Worker {
    const started = new Worker(threadFile("store-worker"), { workerData: { folder }, resourceLimits: THREAD_LIMITS });
    started.on("message", (report: StoreReport) => {
      const first = waiting.shift();
      if (report.kind === "done") first?.resolve(report.answer as never);
      else if (report.kind === "busy") first?.reject(new BusyError("Another process is writing to the archive."));
      else first?.reject(Object.assign(new Error(report.message), report.errcode && { errcode: report.errcode }));
    });
    started.on("error", (error) => fail(error instanceof Error ? error.message : String(error)));
    started.on("exit", () => fail("Its thread has ended."));
    return started;
  }

  const thread: StoreThread = {
    ask(kind, question, transfer = []) {
      if (failure !== undefined) return Promise.reject(failure);
      worker ??= start();
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        worker?.postMessage({ kind, question }, transfer);
      });
    },
    async close() {
      if (worker === undefined) return;
      if (failure === undefined) await thread.ask("close", undefined).catch(() => undefined);
      await worker.terminate();
    },
  };
  return thread;
}
