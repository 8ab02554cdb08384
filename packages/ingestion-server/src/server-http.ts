import type { IncomingMessage, ServerResponse } from "node:http";

/** What a protocol answers. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: string | Uint8Array;
  stream?: AsyncIterable<Uint8Array>;
}

/** The answer is that there is none: the connection is left open, or torn. */
export class NoAnswer extends Error {
  readonly kind: "silence" | "reset";

  constructor(kind: "silence" | "reset") {
    super(kind);
    this.kind = kind;
  }
}

export class BodyTooLarge extends Error {}

/** The whole body, or a rejection once it is longer than it may be. The rest is drained, so that the answer can be read. */
export async function readBody(request: IncomingMessage, mostBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= mostBytes) chunks.push(chunk);
  }
  if (size > mostBytes) throw new BodyTooLarge(`The body has ${size} bytes, and ${mostBytes} are allowed.`);
  return Buffer.concat(chunks, size);
}

export async function sendAnswer(
  response: ServerResponse,
  { status, headers = {}, json, body, stream }: Answer,
): Promise<void> {
  if (response.destroyed || response.writableEnded) return;
  const content = json === undefined ? body : JSON.stringify(json);
  response.writeHead(status, {
    ...(json !== undefined && { "content-type": "application/json; charset=utf-8" }),
    ...(stream === undefined && { "content-length": String(content === undefined ? 0 : Buffer.byteLength(content)) }),
    ...headers,
  });
  if (stream === undefined) {
    response.end(content);
    return;
  }
  for await (const chunk of stream) response.write(chunk);
  response.end();
}

export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
