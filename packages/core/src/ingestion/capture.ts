import { setTimeout as sleep } from "node:timers/promises";
import type { BlobWriter, Connector, Logger, Partition, ReadContext } from "../connector.ts";
import { isHansardError, type RateLimitedError, UnexpectedResponseError } from "../errors.ts";
import type { Json, Page } from "../event.ts";
import type { HttpClient } from "../http/http-client.ts";
import { checkPage } from "./check-page.ts";
import type { Journal } from "./journal.ts";
import { PageGate } from "./page-gate.ts";
import { sourceState } from "./source-state.ts";

export interface CaptureOptions {
  /** The source's key in the configuration. */
  source: string;
  connector: Connector;
  /** As the connector's schema gave them. */
  settings: unknown;
  journal: Journal;
  http: HttpClient;
  log: Logger;
  signal: AbortSignal;
  /** How many partitions are read side by side. */
  concurrency?: number;
  /** How often a partition that is unavailable is tried again, and how long a request for patience is obeyed within this run. */
  patience?: { attempts: number; firstDelayMs: number; longestWaitMs: number };
  clock?: () => Date;
  onProgress?: (progress: CaptureProgress) => void;
}

export interface CaptureProgress {
  partition: string;
  captured: number;
  known: number;
}

export interface CaptureResult {
  captured: number;
  known: number;
  partitions: number;
  /** Partitions, or with no name the whole source, that stopped before their end. Their checkpoints are held. */
  stopped: { partition?: string; error: unknown }[];
}

const PATIENCE = { attempts: 5, firstDelayMs: 1_000, longestWaitMs: 15 * 60_000 };

/** Reads a source from where it stood into the journal. What goes wrong in one partition does not stop the others. */
export async function capture(options: CaptureOptions): Promise<CaptureResult> {
  const run = new CaptureRun(options);
  try {
    const partitions = await run.partitions();
    await sideBySide(partitions, options.concurrency ?? 4, (partition) => run.read(partition));
    return { ...run.totals, partitions: partitions.length, stopped: run.stopped };
  } catch (error) {
    if (options.signal.aborted) return { ...run.totals, partitions: 0, stopped: run.stopped };
    if (!isHansardError(error)) throw error;
    return { ...run.totals, partitions: 0, stopped: [...run.stopped, { error }] };
  }
}

class CaptureRun {
  readonly totals = { captured: 0, known: 0 };
  readonly stopped: CaptureResult["stopped"] = [];
  readonly #options: CaptureOptions;
  readonly #startedAt: Date;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #gate = new PageGate();
  /** A failure of the journal that passed through the connector's hands. */
  #fatal: { error: unknown } | undefined;

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#startedAt = this.#now();
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
  }

  async partitions(): Promise<Partition[]> {
    const { connector } = this.#options;
    return connector.partitions
      ? connector.partitions(this.#context() as never)
      : [{ id: "all", name: connector.title }];
  }

  /** Reads one partition to its end, waiting and trying again as its errors ask. */
  async read(partition: Partition): Promise<void> {
    const { attempts, firstDelayMs, longestWaitMs } = this.#options.patience ?? PATIENCE;
    for (let attempt = 1; !this.#signal.aborted; attempt += 1) {
      const before = this.totals.captured;
      const error = await this.#gate.during(() => this.#attempt(partition));
      if (error === undefined) return;
      if (isHansardError(error, "authentication") || isHansardError(error, "settings")) this.#stop.abort(error);
      const waitMs = isHansardError(error, "rate-limited")
        ? Math.max(0, (error as RateLimitedError).retryAt.getTime() - this.#now().getTime())
        : firstDelayMs * 2 ** (attempt - 1);
      if (this.totals.captured > before) attempt = 0;
      const again =
        isHansardError(error, "rate-limited") || (isHansardError(error, "unavailable") && attempt < attempts);
      if (!again || waitMs > longestWaitMs) {
        this.stopped.push({ partition: partition.id, error });
        return;
      }
      this.#options.log.warn("The source asks for patience", {
        source: this.#options.source,
        partition: partition.id,
        waitMs,
        reason: error.message,
      });
      await sleep(waitMs, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }

  async #attempt(partition: Partition): Promise<Error | undefined> {
    const pages = this.#options.connector.read((await this.#readContext(partition)) as never);
    try {
      for (;;) {
        const page = await this.#next(pages, partition);
        if (page instanceof Error) return page;
        if (!page) return undefined;
        await this.#gate.arrive();
        const appended = await this.#options.journal.append(this.#options.source, partition.id, page, this.#now());
        this.totals.captured += appended.captured;
        this.totals.known += appended.known;
        this.#options.onProgress?.({ partition: partition.name, ...appended });
        if (this.#signal.aborted) return undefined;
      }
    } finally {
      await pages.return(undefined).catch(() => undefined);
    }
  }

  /** The next page, or what the connector threw, or undefined at the end. A failure of the journal is thrown on. */
  async #next(pages: AsyncGenerator<Page<string, Json>>, partition: Partition): Promise<Page | Error | undefined> {
    try {
      const { done, value } = await pages.next();
      if (done) return undefined;
      checkPage(value, this.#options.connector);
      return value;
    } catch (error) {
      if (this.#fatal) throw this.#fatal.error;
      if (this.#signal.aborted) return undefined;
      if (isHansardError(error)) {
        error.connector ??= this.#options.connector.id;
        return error;
      }
      const { id } = this.#options.connector;
      return new UnexpectedResponseError(
        `The connector failed while it read "${partition.name}": ${error instanceof Error ? error.message : String(error)}`,
        {
          connector: id,
          scope: { partition: partition.id },
          remedy: `Update @hansard/connector-${id}; if it is the newest version, report this with the log.`,
          cause: error,
        },
      );
    }
  }

  async #readContext(partition: Partition): Promise<ReadContext<unknown, Json>> {
    const { journal, source } = this.#options;
    const { checkpoint, followUps } = await journal.position(source, partition.id, this.#startedAt);
    return {
      ...this.#context(),
      partition,
      checkpoint: await this.#parseCheckpoint(checkpoint, partition),
      followUps,
      blobs: this.#guard(journal.blobs),
      captured: (range) => journal.captured(source, range),
    };
  }

  async #parseCheckpoint(checkpoint: Json | undefined, partition: Partition): Promise<Json | undefined> {
    if (checkpoint === undefined) return undefined;
    const { connector, source } = this.#options;
    const parsed = await connector.checkpoint["~standard"].validate(checkpoint);
    if (!parsed.issues) return parsed.value as Json;
    throw new UnexpectedResponseError(
      `The stored checkpoint of ${source}, partition "${partition.id}", is not one that this version of the connector knows: ${parsed.issues[0]?.message}.`,
      {
        connector: connector.id,
        scope: { partition: partition.id },
        remedy: "Install the version of the connector that stored it, or a later one whose changelog names the change.",
      },
    );
  }

  #context() {
    const { settings, http, log, journal, source } = this.#options;
    return {
      settings,
      http,
      log,
      signal: this.#signal,
      startedAt: this.#startedAt,
      state: sourceState(journal, source),
    };
  }

  /** Tells a failure of the store, which ends the process, from one of the source whose content was being stored. */
  #guard(blobs: BlobWriter): BlobWriter {
    return {
      put: async (content, options) => {
        let fromSource = false;
        const watched = content instanceof Uint8Array ? content : watch(content, () => (fromSource = true));
        try {
          return await blobs.put(watched, options);
        } catch (error) {
          if (!fromSource && !isHansardError(error)) this.#fatal = { error };
          throw error;
        }
      },
    };
  }

  #now(): Date {
    return this.#options.clock?.() ?? new Date();
  }
}

async function* watch(content: AsyncIterable<Uint8Array>, onFailure: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* content;
  } catch (error) {
    onFailure();
    throw error;
  }
}

/** Runs `work` over `items`, at most `concurrency` at once. The first error ends it, after those under way have ended. */
async function sideBySide<Item>(
  items: Item[],
  concurrency: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const lanes = Array.from({ length: Math.min(concurrency, items.length) }, async () => {
    for (const item of queue) await work(item);
  });
  const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === "rejected");
  if (failed) throw failed.reason;
}
