import { promisify } from "node:util";
import type { Response } from "./exchange.ts";
import { unexpected, type Wording } from "./http-failure.ts";

/** Reads a whole body and decompresses it. Neither form may be longer than `maxBytes`. */
export async function readBody(response: Response, maxBytes: number, wording: Wording): Promise<Uint8Array> {
  const { url, headers } = response;
  const tooLong = (): Error => unexpected(`The answer of ${wording.name(url)} is longer than ${maxBytes} bytes.`);
  if (Number(headers.get("content-length") ?? 0) > maxBytes) throw await discard(response, tooLong());

  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > maxBytes) throw tooLong();
    chunks.push(chunk);
  }
  let bytes: Uint8Array = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size);
  for (const encoding of encodingsOf(headers).toReversed()) {
    bytes = await decode(bytes, encoding, maxBytes).catch((error) => {
      if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") throw tooLong();
      throw unexpected(
        `The answer of ${wording.name(url)} cannot be decompressed as ${wording.clean(encoding)} (${codeOf(error)}).`,
      );
    });
  }
  return bytes;
}

/** The compressions of a body, the first applied first. */
export function encodingsOf(headers: Headers): string[] {
  const names = (headers.get("content-encoding") ?? "").toLowerCase().split(",");
  return names.map((name) => name.trim()).filter((name) => name !== "" && name !== "identity");
}

/** The code that Node and its libraries give an error, such as `ECONNRESET`. */
export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "unknown";
  return typeof error.code === "string" ? error.code : "unknown";
}

/** Ends a body that is not going to be read, and gives the error back. */
export async function discard<Failure>({ body }: Response, error: Failure): Promise<Failure> {
  await body[Symbol.asyncIterator]().return?.();
  return error;
}

async function decode(bytes: Uint8Array, encoding: string, maxOutputLength: number): Promise<Uint8Array> {
  // An answer to HEAD announces a compression and has no body.
  if (bytes.length === 0) return bytes;
  const zlib = await import("node:zlib");
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return promisify<Uint8Array, object, Buffer>(zlib.gunzip)(bytes, { maxOutputLength });
    case "br":
      return promisify<Uint8Array, object, Buffer>(zlib.brotliDecompress)(bytes, { maxOutputLength });
    case "deflate":
      return promisify<Uint8Array, object, Buffer>(zlib.inflate)(bytes, { maxOutputLength });
    default:
      throw Object.assign(new Error("unknown encoding"), { code: "unknown encoding" });
  }
}
