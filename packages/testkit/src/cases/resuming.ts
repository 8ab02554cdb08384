import type { CaptureResult, Journal } from "@hansard/core/ingestion";
import type { Connector } from "@hansard/core";
import { overriding } from "../failpoints.ts";
import { booksOf, heldBy, openInstallation, readInto } from "../installation.ts";
import { mustEnd, mustEqual } from "../reference.ts";
import { openCopy } from "../source-copy.ts";
import { type Case, listed, must, type Suite } from "../suite.ts";

export function resumingCases(suite: Suite): Case[] {
  return [
    {
      id: "resume",
      name: "a read that is stopped after any page and goes on from the stored checkpoint loses nothing and doubles nothing",
      timeoutMs: 180_000,
      run: () => resumesAfterEveryPage(suite),
    },
    {
      id: "abort",
      name: "a read ends promptly when the run is ended, and loses nothing by it",
      run: () => endsWhenAsked(suite),
    },
  ];
}

async function resumesAfterEveryPage(suite: Suite): Promise<void> {
  const { pages } = await suite.reference();
  for (let page = 1; page <= pages.length; page += 1) await resumeAfter(suite, page, pages.length);
  await stopAtEachPage(suite, pages.length);
}

async function resumeAfter(suite: Suite, page: number, of: number): Promise<void> {
  const where = `Stopped after page ${page} of ${of} and read on`;
  await reading(suite, async (read, journal) => {
    await read(page);
    mustEnd(await read());
    await mustBeWhole(suite, journal, where);
  });
}

/** Each run gives one page, as if the power failed again and again. */
async function stopAtEachPage(suite: Suite, pages: number): Promise<void> {
  await reading(suite, async (read, journal) => {
    for (let run = 0; run < 2 * pages + 2; run += 1) await read(1);
    mustEnd(await read());
    await mustBeWhole(suite, journal, "Stopped after every page in turn");
  });
}

type Read = (stopAfterPages?: number) => Promise<CaptureResult>;

async function reading(
  { connector, source }: Suite,
  work: (read: Read, journal: Journal) => Promise<void>,
): Promise<void> {
  await using copy = await openCopy(connector, source);
  await using installation = await openInstallation();
  const journal = installation.openJournal();
  async function read(stopAfterPages = Infinity): Promise<CaptureResult> {
    const stop = new AbortController();
    let appended = 0;
    const stopping = overriding<Journal>(journal, {
      async append(...page) {
        const result = await journal.append(...page);
        appended += 1;
        if (appended >= stopAfterPages) stop.abort(new Error("The run is ended."));
        return result;
      },
    });
    return readInto(stopping, connector, copy, { signal: stop.signal });
  }
  try {
    await work(read, journal);
  } finally {
    await journal.close();
  }
}

export async function mustBeWhole({ reference }: Suite, journal: Journal, where: string): Promise<void> {
  mustEqual(await heldBy(journal), await reference(), where);
  const { unaccounted, discrepancies } = await booksOf(journal);
  must(unaccounted === 0, () => `${where}: the books do not balance: ${listed(discrepancies)}.`);
}

const PROMPTLY_MS = 3_000;

async function endsWhenAsked(suite: Suite): Promise<void> {
  const { connector, source } = suite;
  await using copy = await openCopy(connector, source);
  await using installation = await openInstallation();
  const journal = installation.openJournal();
  try {
    await endsAfterAPage(connector, (wrapped, signal) => readInto(journal, wrapped, copy, { signal }));
    if (copy.server)
      await endsWhileWaiting(suite, copy.server, (signal) => readInto(journal, connector, copy, { signal }));
    mustEnd(await readInto(journal, connector, copy));
    await mustBeWhole(suite, journal, "Ended early and read on");
  } finally {
    await journal.close();
  }
}

/** Asked to end after a page, a partition may give what it has in hand, and no more. */
async function endsAfterAPage(
  connector: Connector,
  read: (wrapped: Connector, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const stop = new AbortController();
  let [further, abortedAt, tookMs] = [0, 0, 0];
  const greedy: Connector = {
    ...connector,
    async *read(context) {
      const pages = connector.read(context);
      let next: IteratorResult<unknown> = await pages.next();
      if (!next.done) {
        abortedAt = performance.now();
        stop.abort(new Error("The run is ended."));
      }
      while (!next.done && further <= 1) {
        next = await nextOrEnd(pages);
        if (!next.done) further += 1;
      }
      tookMs = performance.now() - abortedAt;
      yield { events: [] };
    },
  };
  await read(greedy, stop.signal);
  must(
    further <= 1,
    "`read` goes on giving pages after its signal was aborted. Look at context.signal.aborted before each page.",
  );
  must(tookMs < PROMPTLY_MS, `\`read\` took ${Math.round(tookMs)} ms to end after its signal was aborted.`);
}

async function nextOrEnd(pages: AsyncGenerator): Promise<IteratorResult<unknown>> {
  return pages.next().catch(() => ({ done: true, value: undefined }));
}

async function endsWhileWaiting(
  { reference }: Suite,
  server: NonNullable<Awaited<ReturnType<typeof openCopy>>["server"]>,
  read: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const { requests } = await reference();
  const stop = new AbortController();
  const silentFrom = server.seen.length + Math.ceil(requests / 2);
  let from = 0;
  server.fault = ({ number }) => {
    if (number < silentFrom) return undefined;
    setTimeout(() => {
      from = performance.now();
      stop.abort(new Error("The run is ended."));
    }, 50);
    return { kind: "silence" };
  };
  await read(stop.signal);
  server.fault = undefined;
  const tookMs = from === 0 ? 0 : performance.now() - from;
  must(
    tookMs < PROMPTLY_MS,
    `\`read\` took ${Math.round(tookMs)} ms to end while it was waiting for an answer. Pass context.signal on, or use context.http, which does.`,
  );
}
