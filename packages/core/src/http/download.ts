import { UnavailableError } from "../errors.ts";
import { fromNetwork } from "./attempt.ts";
import { codeOf, discard, encodingsOf } from "./body.ts";
import type { Deadline } from "./deadline.ts";
import type { Call, Response } from "./exchange.ts";
import type { Download } from "./http-client.ts";
import { Setback, unexpected } from "./http-failure.ts";

const STALL_MS = 30_000;
/** A download that is slower than this on average is given up, so that a source cannot hold a run by trickling. */
const SLOWEST_BYTES_PER_SECOND = 4096;
const GENERIC_TYPES = new Set([
  "",
  "application/octet-stream",
  "binary/octet-stream",
  "application/force-download",
  "application/x-download",
]);
const HTML_TYPES = new Set(["text/html", "application/xhtml+xml"]);

export interface DownloadLimits {
  maxBytes: number;
  expect: { size?: number; contentType?: string } | undefined;
  /** Whether the deadline of the exchange holds for the content too. */
  deadlineHolds: boolean;
  stallMs?: number | undefined;
}

/** Judges an answer by its headers, and gives its content as a stream that is judged as it comes. */
export async function openDownload(
  call: Call,
  response: Response,
  deadline: Deadline,
  limits: DownloadLimits,
): Promise<Download> {
  const { headers, status } = response;
  const contentType = (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const encodings = encodingsOf(headers);
  const length = headers.get("content-length");
  const size = length === null || encodings.length > 0 ? undefined : Number(length);

  const objection =
    status === 200 ? objectTo(contentType, size, limits) : `it answered ${status}, where a file was expected`;
  if (objection !== undefined) {
    deadline.end();
    throw await discard(response, refuse(call, objection));
  }
  if (!limits.deadlineHolds) deadline.pause();
  const received = receive(call, response, deadline, limits);
  const content = encodings.length === 0 ? received : decompress(call, received, encodings);
  return { contentType, size, content: measure(call, content, limits) };
}

function objectTo(
  contentType: string,
  size: number | undefined,
  { maxBytes, expect }: DownloadLimits,
): string | undefined {
  if (size !== undefined && size > maxBytes) return `it is ${size} bytes long, and at most ${maxBytes} are allowed`;
  if (!expect) return undefined;
  if (size !== undefined && expect.size !== undefined && size !== expect.size) {
    return `it is ${size} bytes long, where ${expect.size} were expected${HTML_TYPES.has(contentType) ? "; it is a web page, perhaps to sign in" : ""}`;
  }
  return agrees(contentType, expect)
    ? undefined
    : `it is "${contentType}", where ${expect.contentType ? `"${expect.contentType}"` : "a file"} was expected`;
}

function agrees(
  contentType: string,
  { contentType: expected, size }: { contentType?: string; size?: number },
): boolean {
  const wanted = (expected ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (contentType === wanted) return true;
  // A web page in place of a file is a log-in page, unless its very size was foretold.
  if (HTML_TYPES.has(contentType)) return HTML_TYPES.has(wanted) || (wanted === "" && size !== undefined);
  if (GENERIC_TYPES.has(contentType) || GENERIC_TYPES.has(wanted)) return true;
  if (wanted.endsWith("/*")) return contentType.startsWith(wanted.slice(0, -1));
  return contentType === "text/plain" && wanted.startsWith("text/");
}

async function* receive(
  call: Call,
  { body }: Response,
  deadline: Deadline,
  limits: DownloadLimits,
): AsyncGenerator<Uint8Array> {
  const { deadlineHolds, stallMs = STALL_MS } = limits;
  const iterator = body[Symbol.asyncIterator]();
  let bytes = 0;
  let waitedMs = 0;
  try {
    for (;;) {
      const startedAt = performance.now();
      const allowedMs = stallMs + (bytes / SLOWEST_BYTES_PER_SECOND) * 1000 - waitedMs;
      if (!deadlineHolds) deadline.restart(Math.min(stallMs, allowedMs));
      const next = await iterator.next();
      // What the taker needs for its own work is not the source's time.
      if (!deadlineHolds) deadline.pause();
      waitedMs += performance.now() - startedAt;
      if (next.done) return;
      bytes += next.value.length;
      yield next.value;
    }
  } catch (error) {
    throw explain(error, call, deadline, bytes);
  } finally {
    deadline.end();
    await iterator.return?.();
  }
}

function explain(error: unknown, call: Call, deadline: Deadline, bytes: number): unknown {
  if (deadline.expired())
    return new UnavailableError(
      `${call.wording.name(call.url)} stopped sending, or sends too slowly, after ${bytes} bytes.`,
    );
  if (deadline.signal.aborted) return deadline.signal.reason;
  const failure = fromNetwork(error, call);
  return failure instanceof Setback
    ? refuse(call, `it ended after ${bytes} bytes, before its end (${codeOf(error)})`)
    : failure;
}

async function* decompress(
  call: Call,
  content: AsyncIterable<Uint8Array>,
  encodings: string[],
): AsyncGenerator<Uint8Array> {
  const [{ createGunzip, createBrotliDecompress, createInflate }, { pipeline, Readable }] = await Promise.all([
    import("node:zlib"),
    import("node:stream"),
  ]);
  const decoders: Record<string, () => NodeJS.ReadWriteStream> = {
    gzip: createGunzip,
    "x-gzip": createGunzip,
    br: createBrotliDecompress,
    deflate: createInflate,
  };
  const [encoding = "", ...others] = encodings;
  const decoder = decoders[encoding]?.();
  if (!decoder || others.length > 0)
    throw refuse(call, `it is compressed as "${encodings.join(", ")}", which is not supported`);
  // The loop below learns of a failure through the decoder, which the pipeline destroys.
  pipeline(Readable.from(content), decoder, () => {});
  try {
    for await (const chunk of decoder) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  } catch (error) {
    throw codeOf(error).startsWith("Z_") || codeOf(error).startsWith("ERR_")
      ? refuse(call, `it cannot be decompressed (${codeOf(error)})`)
      : error;
  }
}

async function* measure(
  call: Call,
  content: AsyncIterable<Uint8Array>,
  { maxBytes, expect }: DownloadLimits,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw refuse(call, `it is longer than the allowed ${maxBytes} bytes`);
    if (expect?.size !== undefined && bytes > expect.size)
      throw refuse(call, `it is longer than the expected ${expect.size} bytes`);
    yield chunk;
  }
  if (expect?.size !== undefined && bytes < expect.size)
    throw refuse(call, `it ended after ${bytes} bytes, where ${expect.size} were expected`);
}

function refuse({ url, wording }: Call, objection: string): Error {
  return unexpected(wording.clean(`The file at ${wording.name(url)} is not taken: ${objection}.`));
}
