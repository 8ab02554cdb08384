import { parentPort, workerData } from "node:worker_threads";
import type { Folder, Receipt } from "@hansard/core/ingestion";
import { type Compaction, compact } from "./compact.ts";
import { isBusy } from "./database.ts";
import { Directory } from "./directory.ts";
import { Places } from "./message-place.ts";
import type { PackedRequest } from "./packed-request.ts";
import { DeliveryWriter, type IndexableRequest, type Stored } from "./store-deliveries.ts";
import { openTruth } from "./truth.ts";
import { withdraw } from "./withdraw.ts";

/** What the archive has its store's thread do, and what that answers. All that is written to the truth is written there. */
export interface StoreWork {
  store: { question: PackedRequest; answer: Omit<Stored, "outcomes"> & { outcomes: string; memory: ArrayBuffer } };
  withdraw: { question: { mailbox: string; receipt: Receipt }[]; answer: IndexableRequest | undefined };
  createMailbox: { question: string; answer: undefined };
  createFolder: { question: { mailbox: string; folder: Folder }; answer: undefined };
  compact: { question: undefined; answer: Compaction };
  close: { question: undefined; answer: undefined };
}

export type StoreCommand = {
  [Kind in keyof StoreWork]: { kind: Kind; question: StoreWork[Kind]["question"] };
}[keyof StoreWork];

/** Commands are answered in their order. `busy`: another process is writing, and nothing was written here. */
export type StoreReport =
  | { kind: "done"; answer: StoreWork[keyof StoreWork]["answer"] }
  | { kind: "busy" }
  | { kind: "failed"; message: string; errcode?: number };

if (parentPort !== null) work(parentPort, String((workerData as { folder: string }).folder));

function work(port: NonNullable<typeof parentPort>, folder: string): void {
  const truth = openTruth(folder);
  const directory = new Directory(truth, "any");
  const writer = new DeliveryWriter({ truth, directory, places: new Places(truth) });

  const obey: { [Kind in keyof StoreWork]: (question: StoreWork[Kind]["question"]) => StoreWork[Kind]["answer"] } = {
    store(request) {
      const stored = writer.store(request);
      return { ...stored, outcomes: JSON.stringify(stored.outcomes), memory: request.data.buffer };
    },
    withdraw: (copies) => withdraw(truth, directory, copies),
    createMailbox: (address) => void truth.transaction(() => directory.open(address)),
    createFolder: ({ mailbox, folder: wanted }) =>
      void truth.transaction(() => directory.folder(directory.open(mailbox), wanted)),
    compact: () => compact(truth),
    close() {
      truth.close();
      port.close();
      return undefined;
    },
  };

  function report(answer: StoreReport, transfer: ArrayBuffer[] = []): void {
    port.postMessage(answer, transfer);
  }

  port.on("message", ({ kind, question }: StoreCommand) => {
    try {
      const answer = obey[kind](question as never);
      report({ kind: "done", answer }, memoryOf(answer));
    } catch (error) {
      if (isBusy(error)) return report({ kind: "busy" });
      report({ kind: "failed", ...explain(error) });
    }
    return undefined;
  });
}

/** What is handed over rather than copied. */
function memoryOf(answer: StoreWork[keyof StoreWork]["answer"]): ArrayBuffer[] {
  if (answer === undefined) return [];
  if ("batch" in answer) return [answer.batch.buffer];
  if ("memory" in answer) return answer.request ? [answer.memory, answer.request.batch.buffer] : [answer.memory];
  return [];
}

function explain(error: unknown): { message: string; errcode?: number } {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof Error && "errcode" in error ? { message, errcode: Number(error.errcode) } : { message };
}
