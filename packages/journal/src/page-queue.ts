import type { Page } from "@hansard/core";
import type { AppendResult } from "@hansard/core/ingestion";
import type { BlobStore } from "./blobs.ts";
import { appendPage } from "./capture.ts";
import type { JournalDatabase } from "./database.ts";
import type { Log } from "./log.ts";
import { sourceId } from "./sources.ts";

interface AppendedPage {
  source: string;
  partition: string;
  page: Page;
  /** Milliseconds since 1970. */
  at: number;
}

interface Waiting extends AppendedPage {
  resolve: (result: AppendResult) => void;
  reject: (error: unknown) => void;
}

interface Place {
  database: JournalDatabase;
  log: Log;
  blobs: BlobStore;
  /** Runs its argument in one transaction. */
  write<Result>(work: () => Result): Result;
}

/** Pages that come at the same time, from partitions that are read side by side, share one transaction. */
export class PageQueue {
  readonly #place: Place;
  readonly #waiting: Waiting[] = [];

  constructor(place: Place) {
    this.#place = place;
  }

  append(page: AppendedPage): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#writeAll());
      this.#waiting.push({ ...page, resolve, reject });
    });
  }

  #writeAll(): void {
    const pages = this.#waiting.splice(0);
    try {
      const results = this.#write(pages);
      pages.forEach(({ resolve }, index) => resolve(results[index] ?? { captured: 0, known: 0 }));
    } catch (error) {
      if (pages.length === 1) pages[0]?.reject(error);
      else for (const page of pages) this.#writeAlone(page);
    }
  }

  /** One page that cannot be written must not take the others with it. */
  #writeAlone(page: Waiting): void {
    try {
      const [result = { captured: 0, known: 0 }] = this.#write([page]);
      page.resolve(result);
    } catch (error) {
      page.reject(error);
    }
  }

  #write(pages: Waiting[]): AppendResult[] {
    const { database, log, blobs, write } = this.#place;
    const results = write(() =>
      pages.map(({ source, partition, page, at }) =>
        appendPage({ database, log, blobs, source: sourceId(database, source) }, partition, page, at),
      ),
    );
    blobs.forgetStaged();
    return results;
  }
}
