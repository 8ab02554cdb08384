import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { IndexStore, type IndexedRequest, packedRequest } from "./index-store.ts";

/** What the archive asks of the index's thread. */
export type IndexCommand =
  | { kind: "add"; block: number; messages: number; bytes: Uint8Array<ArrayBuffer> }
  | { kind: "settle"; ticket: number }
  | { kind: "rebuild"; ticket: number }
  | { kind: "close"; ticket: number };

/** What it answers. `taken`: so many bytes have left the queue. */
export type IndexReport =
  | { kind: "taken"; bytes: number }
  | { kind: "done"; ticket: number }
  | { kind: "failed"; reason: string };

/** More at once makes the index cheaper to write, and later to see. */
const ENOUGH_MESSAGES = 16_384;
const ENOUGH_BYTES = 12 * 1024 * 1024;
/** A request of many messages is followed by more of them; one of few is somebody speaking, who is to be found at once. */
const BULK_MESSAGES = 500;
const BULK_PATIENCE_MS = 1000;
const LIVE_PATIENCE_MS = 15;

/** Of 20, by which the system counts downwards. */
const PRIORITY = 5;

if (parentPort !== null) {
  giveWay();
  work(parentPort, String((workerData as { folder: string }).folder));
}

/** Where all processors are busy, what is derived waits for what makes the truth. Only Linux can tell threads apart. */
function giveWay(): void {
  try {
    setPriority(Number(readlinkSync("/proc/thread-self").split("/").at(-1)), PRIORITY);
  } catch {
    // Another system, or one that does not let us: the index is made all the same.
  }
}

function work(port: NonNullable<typeof parentPort>, folder: string): void {
  const store = new IndexStore(folder);
  let waiting: IndexedRequest[] = [];
  let messages = 0;
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;

  function report(answer: IndexReport): void {
    port.postMessage(answer);
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    const requests = waiting;
    // The queue is free again while these are being written, so that both threads stay busy.
    report({ kind: "taken", bytes });
    [waiting, messages, bytes] = [[], 0, 0];
    store.add(requests);
  }

  function add(command: Extract<IndexCommand, { kind: "add" }>): void {
    waiting.push(packedRequest(command.block, command.bytes));
    messages += command.messages;
    bytes += command.bytes.length;
    if (messages >= ENOUGH_MESSAGES || bytes >= ENOUGH_BYTES) return flush();
    const patienceMs = command.messages >= BULK_MESSAGES ? BULK_PATIENCE_MS : LIVE_PATIENCE_MS;
    if (timer === undefined) timer = setTimeout(() => guarded(flush), patienceMs);
    else if (patienceMs === BULK_PATIENCE_MS) timer.refresh();
  }

  function obey(command: IndexCommand): void {
    if (command.kind === "add") return add(command);
    flush();
    // Another process may have stored something meanwhile, which is to be found as well.
    if (command.kind === "settle") store.catchUp();
    if (command.kind === "rebuild") store.rebuild();
    if (command.kind === "close") store.close();
    report({ kind: "done", ticket: command.ticket });
    if (command.kind === "close") port.close();
  }

  /** The index ends with its first error; the truth goes on without it until the archive is opened again. */
  function guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      report({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
      port.close();
    }
  }

  guarded(() => store.catchUp());
  port.on("message", (command: IndexCommand) => guarded(() => obey(command)));
}
