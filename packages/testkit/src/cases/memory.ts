import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Connector } from "@hansard/core";
import { openInstallation, readInto } from "../installation.ts";
import { mustEnd } from "../reference.ts";
import { openCopy } from "../source-copy.ts";
import { type Case, must, type Suite } from "../suite.ts";

export function memoryCases(suite: Suite): Case[] {
  if (!suite.source.large) return [];
  return [
    {
      id: "memory",
      name: "reading a large source takes no more memory at its end than at its beginning",
      timeoutMs: 300_000,
      run: () => readsFlat(suite),
    },
  ];
}

const ALLOWED_GROWTH_BYTES = 24 * 1024 * 1024;
const LOOKS = 24;

async function readsFlat({ connector, source }: Suite): Promise<void> {
  const expected = source.large?.events ?? 0;
  await using copy = await openCopy(connector, source, { large: true });
  await using installation = await openInstallation();
  const journal = installation.openJournal();
  const heap: number[] = [];
  try {
    const events = await countEvents(
      connector,
      { every: Math.max(1, Math.floor(expected / LOOKS)), look: () => heap.push(usedHeap()) },
      async (counting) => {
        mustEnd(await readInto(journal, counting, copy));
      },
    );
    must(
      events === expected,
      `The large source holds ${expected} events by the suite's option "large", and a read gave ${events}.`,
    );
  } finally {
    await journal.close();
  }
  const quarter = Math.ceil(heap.length / 4);
  const [early, late] = [Math.max(...heap.slice(0, quarter)), Math.min(...heap.slice(-quarter))];
  must(heap.length >= 8, `The large source came in ${heap.length} looks only. Give it more pages.`);
  must(
    late - early < ALLOWED_GROWTH_BYTES,
    `The heap grew from ${megabytes(early)} to ${megabytes(late)} MB while ${expected} events were read. Keep nothing of a page once it is given.`,
  );
}

/** The connector, with its pages counted and then dropped, so that only what it keeps itself is kept. */
async function countEvents(
  connector: Connector,
  { every, look }: { every: number; look: () => void },
  read: (counting: Connector) => Promise<void>,
): Promise<number> {
  let [events, looked] = [0, 0];
  await read({
    ...connector,
    async *read(context) {
      for await (const page of connector.read(context)) {
        events += page.events.length;
        if (events - looked >= every) {
          looked = events;
          look();
        }
      }
      yield { events: [] };
    },
  });
  return events;
}

function usedHeap(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
  return process.memoryUsage().heapUsed;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
