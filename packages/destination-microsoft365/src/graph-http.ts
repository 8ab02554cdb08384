import { readFileSync } from "node:fs";
import { Agent, type Dispatcher, ProxyAgent } from "undici";
import type { Settings } from "./settings.ts";

const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

/** The connections of all requests. */
export function openDispatcher({ connections, caFile, proxyUrl, timeoutMs }: Settings): Dispatcher {
  const tls = caFile === undefined ? {} : { ca: readFileSync(caFile, "utf8") };
  if (proxyUrl !== undefined) return new ProxyAgent({ uri: proxyUrl, requestTls: tls, proxyTls: tls });
  return new Agent({
    connections,
    pipelining: 1,
    keepAliveTimeout: 20_000,
    connect: { timeout: Math.min(timeoutMs, 20_000), ...tls },
  });
}

/** An answer's text, which must fit into memory. */
export async function boundedText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MOST_ANSWER_BYTES) throw new Error("The answer is too large.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Undefined where the text is no JSON. */
export function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Headers with one value each. */
export function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );
}
