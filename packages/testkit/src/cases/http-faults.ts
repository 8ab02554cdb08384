import { type ErrorKind, isHansardError, type RateLimitedError } from "@hansard/core";
import type { CaptureResult, Journal } from "@hansard/core/ingestion";
import type { Fault } from "../fault-server.ts";
import { heldBy, readInto, SOURCE, stoppedBy } from "../installation.ts";
import { filesOf, mustEnd } from "../reference.ts";
import type { OpenCopy } from "../source-copy.ts";
import { type Case, listed, must, type Suite } from "../suite.ts";
import { readsMissingFields, readsUnknownFields } from "./http-answers.ts";
import { mustBeInWords, reading } from "./http-reading.ts";

export function httpCases(suite: Suite): Case[] {
  const { answer, start } = suite.source;
  if (!answer && !start) return [];
  const wordless = (status: number): Fault => ({ kind: "answer", status });
  return [
    {
      id: "http-401",
      name: "refused credentials (401) are an AuthenticationError, whenever they come",
      run: () => fails(suite, wordless(401), ["authentication"]),
    },
    {
      id: "http-429",
      name: "a request for patience (429) is obeyed for a short time and is a RateLimitedError with its time for a long one",
      run: () => waits(suite),
    },
    {
      id: "http-503",
      name: "a source that is down (503) is an UnavailableError after a bounded number of tries",
      run: () => fails(suite, wordless(503), ["unavailable"]),
    },
    {
      id: "http-cut",
      name: "an answer that breaks off is an UnavailableError or UnexpectedResponseError, and nothing behind it is skipped",
      run: () => fails(suite, { kind: "cut" }, ["unavailable", "unexpected-response"]),
    },
    {
      id: "http-half",
      name: "an answer that ends in its middle is an UnavailableError or UnexpectedResponseError, and nothing behind it is skipped",
      run: () => fails(suite, { kind: "half" }, ["unavailable", "unexpected-response"]),
    },
    {
      id: "http-not-json",
      name: "a log-in page with status 200 is an error and never an empty answer",
      run: () => fails(suite, { kind: "page" }, ["unavailable", "unexpected-response", "authentication"]),
    },
    {
      id: "http-unknown-fields",
      name: "fields that the source adds to its answers one day do not disturb reading",
      run: () => readsUnknownFields(suite),
    },
    {
      id: "http-missing-fields",
      name: "an answer that lacks a field is an error in words, and never a failure of the program",
      timeoutMs: 180_000,
      run: () => readsMissingFields(suite),
    },
  ];
}

const MOST_POSITIONS = 8;
const MOST_REQUESTS_IN_VAIN = 40;

/** Has the source fail from each of its requests on; what is read must stop, name the reason, and be complete after it is mended. */
async function fails(suite: Suite, fault: Fault, kinds: ErrorKind[]): Promise<void> {
  const { requests, held: all } = await suite.reference();
  must(
    requests > 0,
    "A whole read made no request to the source's server. Let the settings point to the url that the suite gives.",
  );
  for (const position of positions(requests)) {
    await reading(suite, async (journal, copy, server) => {
      const where = `Failing from request ${position} of ${requests} on`;
      server.fault = ({ number }) => (number >= position ? fault : undefined);
      const result = await readInto(journal, suite.connector, copy);
      server.fault = undefined;
      mustHaveStopped(result, kinds, where);
      const inVain = server.seen.length - position + 1;
      must(
        inVain <= MOST_REQUESTS_IN_VAIN * Math.max(1, result.partitions),
        `${where}: ${inVain} requests were made in vain. Let context.http try again, and no one else.`,
      );
      mustEnd(await readInto(journal, suite.connector, copy));
      const held = await heldBy(journal);
      const lost = [...all].filter((name) => !held.has(name));
      must(
        lost.length === 0,
        () =>
          `${where}: ${lost.length} events are lost for good, ${listed(lost)}: a checkpoint moved past what had not been read.`,
      );
      if (fault.kind !== "half") await mustHoldTrueFiles(suite, journal, where);
    });
  }
}

/** A file that is cut short without a word cannot be told; a log-in page in its place, or one shorter than announced, can. */
async function mustHoldTrueFiles({ reference }: Suite, journal: Journal, where: string): Promise<void> {
  const { files, held } = await reference();
  const events = [...(await journal.take(SOURCE, "look", held.size * 2))];
  const wrong = events.filter((event) => filesOf(event).some((hash) => !files.has(hash)));
  must(
    wrong.length === 0,
    () =>
      `${where}: what came was stored as a file of ${listed(wrong.map(({ key }) => key))}. Let context.http.download fetch it, and \`expect\` its type or size.`,
  );
}

function mustHaveStopped(result: CaptureResult, kinds: ErrorKind[], where: string): void {
  must(
    result.stopped.length > 0,
    `${where}: the read ended as if nothing had happened. An answer that cannot be used is an error.`,
  );
  const wrong = result.stopped.filter(({ error }) => !isHansardError(error) || !kinds.includes(error.kind));
  must(
    wrong.length === 0,
    () =>
      `${where}: the read should stop with ${kinds.join(" or ")}, and stopped with ${stoppedBy({ ...result, stopped: wrong })}`,
  );
  mustBeInWords(result, where);
}

async function waits(suite: Suite): Promise<void> {
  const { requests } = await suite.reference();
  must(requests > 0, "A whole read made no request to the source's server.");
  for (const position of new Set([1, Math.ceil(requests / 2)])) await obeysShortly(suite, position);
  await reading(suite, async (journal, copy, server) => {
    const retryAt = new Date(copy.now().getTime() + 3_600_000);
    server.fault = () => ({ kind: "answer", ...patience(suite, retryAt, copy) });
    const result = await readInto(journal, suite.connector, copy);
    mustHaveStopped(result, ["rate-limited"], "Asked to wait for an hour");
    const error = result.stopped[0]?.error as RateLimitedError;
    const offMs = Math.abs(error.retryAt.getTime() - retryAt.getTime());
    must(
      offMs < 120_000,
      () => `Asked to wait until ${retryAt.toISOString()}, the RateLimitedError says ${error.retryAt.toISOString()}.`,
    );
  });
}

async function obeysShortly(suite: Suite, position: number): Promise<void> {
  await reading(suite, async (journal, copy, server) => {
    const where = `Asked at request ${position} to wait for two seconds`;
    server.fault = ({ number }) =>
      number === position
        ? { kind: "answer", ...patience(suite, new Date(copy.now().getTime() + 2_000), copy) }
        : undefined;
    mustEnd(await readInto(journal, suite.connector, copy, { longestWaitMs: 10_000 }));
    const [asked, next] = [server.seen[position - 1], server.seen[position]];
    // A time in whole seconds may be up to one second early.
    must(
      !asked || !next || next.at - asked.at >= 900,
      () => `${where}: the next request came after ${(next?.at ?? 0) - (asked?.at ?? 0)} ms.`,
    );
    const held = await heldBy(journal);
    const lost = [...(await suite.reference()).held].filter((name) => !held.has(name));
    must(lost.length === 0, () => `${where}: ${lost.length} events are lost: ${listed(lost)}.`);
  });
}

function patience(
  { source }: Suite,
  retryAt: Date,
  copy: OpenCopy,
): { status: number; headers?: Record<string, string>; body?: string } {
  const seconds = Math.ceil((retryAt.getTime() - copy.now().getTime()) / 1000);
  return source.rateLimited?.(retryAt) ?? { status: 429, headers: { "retry-after": String(seconds) } };
}

/** The first, the last and some between. */
function positions(requests: number): Set<number> {
  const count = Math.min(requests, MOST_POSITIONS);
  return new Set(
    Array.from({ length: count }, (_, index) => 1 + Math.round((index * (requests - 1)) / Math.max(1, count - 1))),
  );
}
