import type { Mutant } from "./bundle.ts";

/** Faults that real tools of this field have shipped, put into our own code. Each must be caught. */
export const MUTANTS: Mutant[] = [
  {
    name: "checkpoint-before-events",
    fault: "The checkpoint is stored in a transaction of its own, before the events that it covers.",
    caughtBy: "kills at writes",
    says: /claims \d+ events more than were captured/,
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
    says: /events were promised and \d+ survived/,
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
    says: /Lost or doubled: .* is there 0 times/,
    file: "packages/archive/src/truth.ts",
    replacements: [['new Database(file, { synchronous: "FULL" })', 'new Database(file, { synchronous: "NORMAL" })']],
  },
  {
    name: "exclusive-cursor",
    fault: "After a restart the next event behind the cursor is passed over.",
    caughtBy: "kills at writes",
    says: /Lost or doubled: .* is there 0 times/,
    file: "packages/journal/src/event-reader.ts",
    replacements: [
      [
        'const first = Math.max(Number(page["first"]), after + 1);',
        `const begun = ((globalThis as { begun?: WeakSet<object> }).begun ??= new WeakSet());
      const first = Math.max(Number(page["first"]), after + (after === 0 || begun.has(this) ? 1 : 2));
      begun.add(this);`,
      ],
    ],
  },
  {
    name: "acknowledged-before-the-journal",
    fault: "Events are acknowledged before the journal has them.",
    caughtBy: "kills",
    says: /events were promised and \d+ are there/,
    file: "packages/core/src/ingestion/capture.ts",
    replacements: [
      [
        "const appended = await this.#options.journal.append(",
        "this.#options.onProgress?.({ partition: partition.name, captured: page.events.length, known: 0 });\n        await sleep(25);\n        const appended = await this.#options.journal.append(",
      ],
      ["this.#options.onProgress?.({ partition: partition.name, ...appended });", ""],
    ],
  },
  {
    name: "folder-not-synchronised",
    fault: "A file's folder is not synchronised before a row refers to the file.",
    caughtBy: "order of writes",
    says: /before the folder [0-9a-f]{2} .* was synchronised/,
    file: "packages/journal/src/blobs.ts",
    replacements: [["for (const folder of [dirname(path), this.#folder]) await syncFolder(folder);", ""]],
  },
  {
    name: "new-folder-not-synchronised",
    fault: "The folder of a file's folder, which is new, is not synchronised before a row refers to the file.",
    caughtBy: "order of writes",
    says: /before the folder blobs .* was synchronised/,
    file: "packages/journal/src/blobs.ts",
    replacements: [["of [dirname(path), this.#folder]) await", "of [dirname(path)]) await"]],
  },
  {
    name: "file-not-synchronised",
    fault: "A file gets its name before what is in it is synchronised.",
    caughtBy: "order of writes",
    says: /got its name before its content was synchronised/,
    file: "packages/journal/src/blobs.ts",
    replacements: [["await storing(temporary, () => file.sync());", ""]],
  },
  {
    name: "file-left-out",
    fault: "A mail comes without the first of its files.",
    caughtBy: "looking",
    says: /Lost or doubled: .* with file/,
    file: "packages/core/src/ingestion/compose/compose-message.ts",
    replacements: [
      ["(draft.attachments ?? []).map(safeAttachment)", "(draft.attachments ?? []).slice(1).map(safeAttachment)"],
    ],
  },
  {
    name: "receipt-before-submit",
    fault: "A delivery is recorded as received before it was handed over.",
    caughtBy: "kills at writes",
    says: /Lost or doubled: .* is there 0 times/,
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
