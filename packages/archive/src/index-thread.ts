import { Worker } from "node:worker_threads";
import type { IndexCommand, IndexReport } from "./index-worker.ts";
import type { IndexableRequest } from "./store-deliveries.ts";
import { THREAD_LIMITS, threadFile } from "./thread-file.ts";

/** The index's thread, seen from the archive's. */
export interface IndexThread {
  /** Resolves when the queue has room. The caller waits, and so does whoever feeds it. */
  room(): Promise<void>;
  /** Hands a request's batch over; its bytes are no longer the caller's. */
  add(request: IndexableRequest): void;
  /** Resolves when all that was handed over is found by searches. */
  settle(): Promise<void>;
  rebuild(): Promise<void>;
  close(): Promise<void>;
}

/** Some eight batches of bulk. */
const QUEUE_BYTES = 16 * 1024 * 1024;

/** Starts the thread. It begins by catching up with the truth; `settle` resolves once it has. */
export function startIndexThread(folder: string): IndexThread {
  const worker = new Worker(threadFile("index-worker"), { workerData: { folder }, resourceLimits: THREAD_LIMITS });
  const waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  const forRoom: (() => void)[] = [];
  let queuedBytes = 0;
  let tickets = 0;
  let failure: Error | undefined;

  function isFull(): boolean {
    return queuedBytes >= QUEUE_BYTES && failure === undefined;
  }

  function fail(reason: string): void {
    failure ??= new Error(
      `The archive's index failed: ${reason.replace(/\.?$/, ".")} Nothing is lost. Open the archive again, and it goes on where it stopped.`,
    );
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
    for (const resolve of forRoom.splice(0)) resolve();
  }

  function ask(kind: "settle" | "rebuild" | "close"): Promise<void> {
    if (failure !== undefined) return Promise.reject(failure);
    tickets += 1;
    const ticket = tickets;
    return new Promise((resolve, reject) => {
      waiting.set(ticket, { resolve, reject });
      worker.postMessage({ kind, ticket } satisfies IndexCommand, []);
    });
  }

  worker.on("message", (report: IndexReport) => {
    if (report.kind === "failed") return fail(report.reason);
    if (report.kind === "done") {
      waiting.get(report.ticket)?.resolve();
      waiting.delete(report.ticket);
      return undefined;
    }
    queuedBytes -= report.bytes;
    if (!isFull()) for (const resolve of forRoom.splice(0)) resolve();
    return undefined;
  });
  worker.on("error", (error) => fail(error instanceof Error ? error.message : String(error)));
  worker.on("exit", () => fail("Its thread has ended."));

  return {
    async room() {
      if (isFull()) await new Promise<void>((resolve) => forRoom.push(resolve));
      if (failure !== undefined) throw failure;
    },
    add({ id, messages, batch }) {
      queuedBytes += batch.length;
      worker.postMessage({ kind: "add", block: id, messages, bytes: batch } satisfies IndexCommand, [batch.buffer]);
    },
    settle: () => ask("settle"),
    rebuild: () => ask("rebuild"),
    async close() {
      if (failure === undefined) await ask("close").catch(() => undefined);
      await worker.terminate();
    },
  };
}
