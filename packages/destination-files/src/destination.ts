import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { SettingsError } from "@hansard/core";
import type { Delivery, Destination, DestinationContext, Outcome, Receipt } from "@hansard/core/ingestion";
import { check } from "./check.ts";
import { type Permissions, fileErrorCode, makeFolder } from "./durable.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { lockFolder } from "./lock.ts";
import { Manifest } from "./manifest.ts";
import type { Settings } from "./settings.ts";
import { store } from "./store.ts";
import { verify } from "./verify.ts";

/** What a submit works with: the folder is locked, and the manifest is open. */
export interface OpenFolder {
  layout: Layout;
  manifest: Manifest;
  permissions: Permissions;
  /** Files that the manifest names and that a crash or a failure kept from being put in place: id → SHA-256. */
  announced: Map<string, string>;
  close(): Promise<void>;
}

export async function openFilesDestination(context: DestinationContext<Settings>): Promise<Destination> {
  const { settings, blobs } = context;
  const root = resolve(settings.folder);
  const layout = layoutOf(root, settings);
  let opening: Promise<OpenFolder> | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  function folder(): Promise<OpenFolder> {
    opening ??= openFolder(root, layout, settings).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  async function submit(deliveries: Delivery[], signal: AbortSignal): Promise<Outcome[]> {
    try {
      return await store(await folder(), deliveries, { blobs, signal });
    } catch (error) {
      const outcome = folderFault(root, error);
      return deliveries.map(() => outcome);
    }
  }

  return {
    // A reader of a Maildir may move its files, and then a delivery that is submitted again is not recognised.
    guarantee: settings.format === "eml" ? "exactly-once" : "at-least-once",
    limits: { messageBytes: 2 ** 40, batchDeliveries: 200, batchBytes: 256 * 1024 * 1024, concurrency: 1 },
    settleMs: 0,
    check: () => check(root, settings, () => folder().then(() => undefined)),
    submit(deliveries, { signal }) {
      const submitted = queue.then(() => submit(deliveries, signal));
      queue = submitted.catch(() => undefined);
      return submitted;
    },
    async find(deliveries) {
      try {
        await folder();
        return await Promise.all(deliveries.map((delivery) => find(layout, delivery)));
      } catch (error) {
        const { reason, remedy } = folderFault(root, error);
        throw new SettingsError(reason, { remedy, cause: error });
      }
    },
    verify: async () => (await verify(root)).problems.map(({ message }) => message),
    read: (_mailbox, receipt) => read(root, layout, receipt.itemId),
    async close() {
      await queue;
      await (await opening?.catch(() => undefined))?.close();
      opening = undefined;
    },
  };
}

async function openFolder(root: string, layout: Layout, settings: Settings): Promise<OpenFolder> {
  const permissions: Permissions =
    settings.readableBy === "group" ? { file: 0o640, folder: 0o750 } : { file: 0o600, folder: 0o700 };
  await makeFolder(join(root, ".hansard"), permissions);
  const unlock = await lockFolder(root);
  try {
    await rm(join(root, ".hansard", "tmp"), { recursive: true, force: true });
    const manifest = await Manifest.open(root, permissions);
    const announced = new Map<string, string>();
    for (const { path, sha256 } of manifest.tail) {
      if ((await layout.locate(path)) === undefined) announced.set(path, sha256);
    }
    return { layout, manifest, permissions, announced, close: () => manifest.close().finally(unlock) };
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function find(layout: Layout, delivery: Delivery): Promise<Receipt | undefined> {
  const { id } = layout.place(delivery);
  return (await layout.locate(id)) === undefined ? undefined : receiptOf(id, delivery);
}

/** The correlation id is the file's SHA-256, by which its line is found in the manifest. */
export function receiptOf(id: string, { mail }: Delivery): Receipt {
  return { itemId: id, correlationId: mail.sha256 };
}

async function* read(root: string, layout: Layout, id: string): AsyncIterable<Uint8Array> {
  if (!resolve(root, id).startsWith(root + sep)) throw new Error(`The receipt ${id} names no file under ${root}.`);
  const path = await layout.locate(id);
  if (path === undefined) throw new Error(`The file ${id} is no longer in ${root}.`);
  for await (const chunk of createReadStream(path)) yield chunk as Uint8Array;
}

/** What stops every delivery: the disk is full or failing, the folder is not ours, the manifest is damaged. */
export function folderFault(root: string, error: unknown): Extract<Outcome, { status: "misconfigured" }> {
  const reason = error instanceof Error ? error.message : String(error);
  if (typeof error === "object" && error !== null && "remedy" in error && typeof error.remedy === "string") {
    return { status: "misconfigured", reason, remedy: error.remedy };
  }
  return {
    status: "misconfigured",
    reason: `Writing to ${root} failed: ${reason}`,
    remedy: remedyOf(fileErrorCode(error)),
  };
}

function remedyOf(code: string | undefined): string {
  if (code === "ENOSPC" || code === "EDQUOT") return "Make room on the disk, or move the folder to a larger one.";
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return "Let the account that Hansard runs as create and write files in the folder.";
  }
  if (code === "EMFILE" || code === "ENFILE") return "Allow the process more open files.";
  return "Look at the disk and at the system's log, then start again: what is there already is recognised.";
}
