import type { Mutant } from "./bundle.ts";

/** Faults that real tools of this field have shipped, put into our own code. Each must be caught. */
export const MUTANTS: Mutant[] = [
  {
    name: "checkpoint-before-events",
    fault: "The checkpoint is stored in a transaction of its own, before the events that it covers.",
    caughtBy: "kills at writes",
    file: "packages/journal/src/page-queue.ts",
    replacements: [
      [
        "const results = write(() =>",
        `for (const { source, partition, page, at } of pages) {
      if (page.checkpoint !== undefined)
        database.run("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?)", sourceId(database, source), partition, JSON.stringify(page.checkpoint), at);
    }
    const results = write(() =>`,
      ],
    ],
  },
  {
    name: "synchronous-normal",
    fault: "SQLite does not wait for the disk when it commits.",
    caughtBy: "power cuts",
    file: "packages/journal/src/database.ts",
    replacements: [
      ["PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL"],
      ['this.number("PRAGMA synchronous") !== 2', 'this.number("PRAGMA synchronous") !== 1'],
    ],
  },
  {
    name: "archive-synchronous-normal",
    fault: "The archive does not wait for the disk when it accepts a delivery.",
    caughtBy: "power cuts",
    file: "packages/archive/src/truth.ts",
    replacements: [['new Database(file, { synchronous: "FULL" })', 'new Database(file, { synchronous: "NORMAL" })']],
  },
  {
    name: "exclusive-cursor",
    fault: "After a restart the next event behind the cursor is passed over.",
    caughtBy: "kills",
    file: "packages/journal/src/event-reader.ts",
    replacements: [
      [
        'const first = Math.max(Number(page["first"]), after + 1);',
        'const first = Math.max(Number(page["first"]), after + 2);',
      ],
    ],
  },
  {
    name: "acknowledged-before-the-journal",
    fault: "Events are acknowledged before the journal has them.",
    caughtBy: "kills",
    file: "packages/core/src/ingestion/capture.ts",
    replacements: [
      [
        "const appended = await this.#options.journal.append(",
        "this.#options.onProgress?.({ partition: partition.name, captured: page.events.length, known: 0 });\n        await sleep(5);\n        const appended = await this.#options.journal.append(",
      ],
      ["this.#options.onProgress?.({ partition: partition.name, ...appended });", ""],
    ],
  },
  {
    name: "folder-not-synchronised",
    fault: "A file's folder is not synchronised before a row refers to the file.",
    caughtBy: "order of writes",
    file: "packages/journal/src/blobs.ts",
    replacements: [["for (const folder of [dirname(path), this.#folder]) await syncFolder(folder);", ""]],
  },
  {
    name: "receipt-before-submit",
    fault: "A delivery is recorded as received before it was handed over.",
    caughtBy: "kills at writes",
    file: "packages/core/src/ingestion/submit.ts",
    replacements: [
      [
        "const outcomes = await this.#ask(chunk);",
        'await this.#settlements.settle(intent, chunk.map(({ message, target }) => ({ message, target, result: { status: "delivered", receipt: { itemId: "early", correlationId: "early" } } })));\n    const outcomes = await this.#ask(chunk);',
      ],
      ["    else await this.#settlements.settle(intent, settlements);\n    if (stop)", "    if (stop)"],
    ],
  },
];
