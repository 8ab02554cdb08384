import { readFileSync } from "node:fs";
import { Agent, type Dispatcher, ProxyAgent, request } from "undici";
import type { Settings } from "./settings.ts";

export const USER_AGENT = "Hansard/1.0";
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

/** One question to Graph. */
export interface GraphRequest {
  method: "GET" | "POST" | "PUT" | "DELETE" | "PATCH";
  /** Below the version, such as `/users/bob@contoso.com/messages`, or a whole address that is its own credential. */
  path: string;
  /** Whose allowance it takes from. Absent: nobody's. */
  mailbox?: string;
  json?: string;
  bytes?: Uint8Array;
  headers?: Record<string, string>;
  /** How many requests Graph counts, where it is a batch. */
  requests?: number;
  /** Whether doing it twice does no harm, so that an ambiguous answer may be followed by another attempt. */
  isRepeatable?: boolean;
}

export interface GraphAnswer {
  status: number;
  headers: Record<string, string>;
  /** Undefined where the body is empty or no JSON. */
  json: unknown;
  requestId: string;
  clientRequestId: string;
}

/** Where requests go, and how long each may take. */
export interface Line {
  base: string;
  dispatcher: Dispatcher;
  timeoutMs: number;
}

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

/** Sends a request once. Whatever the answer's status is, it is the answer. */
export async function send(
  { base, dispatcher, timeoutMs }: Line,
  { method, path, json, bytes, headers }: GraphRequest,
  token: string | undefined,
  clientRequestId: string,
  signal: AbortSignal,
): Promise<GraphAnswer> {
  const body = json ?? bytes;
  const answer = await request(path.startsWith("http") ? path : base + path, {
    method,
    dispatcher,
    signal,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(json !== undefined && { "content-type": "application/json" }),
      "client-request-id": clientRequestId,
      "return-client-request-id": "true",
      prefer: 'IdType="ImmutableId"',
      "user-agent": USER_AGENT,
      ...headers,
    },
    ...(body !== undefined && { body }),
  });
  const text = await boundedText(answer.body);
  const plain = flat(answer.headers);
  return {
    status: answer.statusCode,
    headers: plain,
    json: parsed(text),
    requestId: plain["request-id"] ?? "",
    clientRequestId,
  };
}

/** An answer's text, which must fit into memory. */
async function boundedText(body: AsyncIterable<Uint8Array>): Promise<string> {
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
